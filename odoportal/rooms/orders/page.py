"""The orders page, as in the user guide, and the details of an order."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import ListPage
from odoportal.rooms.orders.state import Orders
from odoportal.rooms.orders.view import OrdersView
from odoportal.ui.common import badge
from odoportal.ui.dialog import frame
from odoportal.ui.document_parts import address, lines_table, totals
from odoportal.ui.table import ListParts
from odoportal.ui.template import Bound, Node, choose, each, el, icon, link, when


def _road(term: Bound, cls: str = "road") -> Node:
    ticks = each(term.ticks, lambda tick: el("u", style={"left": tick.at}))
    ran = el("i", style={"width": term.width})
    point = el("em", style={"left": term.width})
    return when(term.ended, el("span", ran, ticks, cls=f"{cls} done"), el("span", ran, ticks, point, cls=cls))


def _term(term: Bound) -> Node:
    return el("div", _road(term), el("span", term.percent, cls="pc"), cls="term")


def _lines(lines: Bound) -> Node:
    return el("ul", each(lines, lambda line: el("li", el("span", line.quantity, cls="quantity"), el("span", line.item))), cls="agreement")


def _left(term: Bound) -> Node:
    shown = choose(term.state, {"ending": el("span", term.left, cls="left warn")}, el("span", term.left, cls="left muted"))
    return when(term.left, shown)


def _actions(row: Bound, details: str, invoices: str) -> Node:
    return el(
        "div",
        link(t("Details"), el("span", " ", row.number, cls="sr"), to=row.details, how="open", data_open=row.number, cls=details),
        link(t("Invoices"), el("span", " ", row.number, cls="sr"), to=row.invoices, cls=invoices),
        cls="acts",
    )


def _cells(row: Bound) -> tuple[Node, ...]:
    return (
        el("th", row.number, scope="row"),
        el("td", row.term.start, cls="nw"),
        el("td", el("span", row.term.end, cls="nw"), _left(row.term)),
        el("td", _term(row.term)),
        el("td", _lines(row.lines)),
        el("td", _actions(row, "btn second sm", "btn plain sm")),
    )


def _card(row: Bound) -> Node:
    more = link(row.more, to=row.details, how="open", cls="tapline")
    return (
        el(
            "div",
            el("h2", link(row.number, to=row.details, how="open")),
            el("span", cls="push"),
            badge(row.term.state, row.term.state_text),
            cls="top",
        ),
        _lines(row.card_lines),
        when(row.more, more),
        el(
            "div",
            _term(row.term),
            el("div", el("span", row.term.start), el("span", cls="push"), el("span", row.term.end), cls="row soft small"),
            cls="run",
        ),
        _actions(row, "btn plain", "btn plain"),
    )


def _step(step: Bound) -> Node:
    shape = choose(step.state, {"done": icon("circle-check"), "now": icon("circle-dot")}, icon("circle"))
    tracking = when(
        step.tracking_url,
        el("a", step.tracking, href=step.tracking_url, rel="noopener noreferrer", target="_blank"),
        el("span", step.tracking),
    )
    said = (
        shape,
        el("b", step.name),
        el("span", when(step.carrier, el("span", step.carrier, " ")), el("span", step.when, cls="nw")),
        when(step.note, el("span", " ", step.note)),
        when(step.tracking, el("span", " ", t("Tracking"), " ", tracking)),
    )
    return choose(
        step.state, {"done": el("li", *said, cls="done"), "now": el("li", *said, cls="now", aria_current="step")}, el("li", *said)
    )


def _agreement(details: Bound) -> Node:
    lines = lines_table(t("Agreement"), details.lines)
    return el("section", el("h3", t("Agreement")), lines, totals(details, t("Billed with this order")), cls="sec")


def _facts(details: Bound) -> Node:
    term = el(
        "section",
        el(
            "div",
            el("h3", t("Term of the agreement")),
            el("span", cls="push"),
            el("span", el("b", details.term.percent), " ", t("of"), " ", details.term.whole),
            cls="row",
        ),
        _road(details.term, "road big"),
        el(
            "div",
            el("span", t("Start"), " ", el("b", details.term.start)),
            el("span", cls="push"),
            el("span", t("End"), " ", el("b", details.term.end)),
            cls="row small",
        ),
        cls="sec",
    )
    fulfilment = when(details.steps, el("section", el("h3", t("Fulfilment")), el("ol", each(details.steps, _step), cls="steps"), cls="sec"))
    return el("div", term, fulfilment, _agreement(details))


def _address(title: str, lines: Bound) -> Node:
    return when(lines, el("section", el("h3", title), address(lines), cls="sec"))


def _beside(details: Bound) -> Node:
    def device(row: Bound) -> Node:
        return el("li", icon("map-pin"), el("span", row.name), el("span"), el("span", row.vehicle, cls="small muted"), cls="rec")

    def invoice(row: Bound) -> Node:
        return el(
            "li",
            icon("receipt-text"),
            link(row.number, to=row.url, cls="lk"),
            el("b", row.amount),
            el("span", row.date, cls="small muted"),
            badge(row.state, row.state_text, bare=True),
            cls="rec",
        )

    return el(
        "aside",
        _address(t("Ship to"), details.ship_to),
        _address(t("Bill to"), details.bill_to),
        when(
            details.devices,
            el(
                "section",
                el("h3", t("Devices"), el("span", " (", details.device_count, ")", cls="muted")),
                el("ul", each(details.devices, device)),
                cls="sec",
            ),
        ),
        when(
            details.invoices,
            el(
                "section",
                el("h3", t("Invoices"), el("span", " (", details.invoice_count, ")", cls="muted")),
                el("ul", each(details.invoices, invoice)),
                link(t("All invoices of this order"), to=details.all_invoices, cls="tapline"),
                cls="sec",
            ),
        ),
    )


def _details(details: Bound) -> Node:
    return frame(
        details,
        title=details.title,
        badge=badge(details.step, details.step_text),
        body=el("div", _facts(details), _beside(details), cls="body"),
        footer=el(
            "footer",
            el("span", cls="push"),
            el("a", icon("file-down"), t("PDF"), href=details.pdf, cls="btn second", data_out=True),
            link(t("Invoices"), to=details.all_invoices, cls="btn second"),
        ),
        missing=t("There is no such order"),
    )


def _page() -> ListPage:
    parts = ListParts(
        caption=t("Orders"),
        hint=t("Number, plan, date"),
        dates=t("End date"),
        empty_icon="package",
        nothing_text=t("Orders appear here as soon as Odotrack has recorded them."),
        cls="ord",
        zip="",
        cells=_cells,
        card=_card,
    )
    return ListPage(Orders, parts, [("/orders", t("Orders"))], details=_details)


def page() -> rx.Component:
    """Return the page in the current language."""
    return _page().component()


def slots(view: OrdersView) -> dict[str, str]:
    """Return the HTML that the server writes into each slot of the document, in the current language."""
    return _page().html(view)
