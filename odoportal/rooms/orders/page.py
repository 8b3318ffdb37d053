"""The orders page, as in the user guide, and the details of an order."""

from typing import ClassVar

from odoportal.core.i18n import t
from odoportal.lists.list_table import ListTable
from odoportal.pages.list_page import ListPage, ListState
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.invoices.labels import BADGES
from odoportal.rooms.orders.columns import ORDERS
from odoportal.rooms.orders.view import OrdersView
from odoportal.ui.common import badge
from odoportal.ui.dialog import frame
from odoportal.ui.document_parts import address, lines_table, totals
from odoportal.ui.template import Bound, Node, choose, each, el, icon, link, when
from odoportal.ui.term import term_section

_STEP_BADGES = {
    "received": ("inbox", "info"),
    "prepared": ("package-open", "info"),
    "shipped": ("truck", "info"),
    "activated": ("map-pin", "info"),
}


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
        when(step.tracking, el("span", " ", t("Tracking number"), " ", tracking)),
    )
    return choose(
        step.state,
        {"done": el("li", *said, cls="orders-done"), "now": el("li", *said, cls="orders-now", aria_current="step")},
        el("li", *said),
    )


def _agreement(details: Bound) -> Node:
    lines = lines_table(t("Agreement"), details.lines)
    return el("section", el("h3", t("Agreement")), lines, totals(details, t("Billed with this order")), cls="section")


def _facts(details: Bound) -> Node:
    fulfilment = when(
        details.steps, el("section", el("h3", t("Fulfilment")), el("ol", each(details.steps, _step), cls="orders-steps"), cls="section")
    )
    return el("div", term_section(details.term), fulfilment, _agreement(details))


def _address(title: str, lines: Bound) -> Node:
    return when(lines, el("section", el("h3", title), address(lines), cls="section"))


def _beside(details: Bound) -> Node:
    def device(row: Bound) -> Node:
        return el("li", icon("map-pin"), el("span", row.name), el("span"), el("span", row.vehicle, cls="small muted"), cls="record")

    def invoice(row: Bound) -> Node:
        return el(
            "li",
            icon("receipt-text"),
            link(row.number, to=row.url, cls="record-link"),
            el("b", row.amount),
            el("span", row.date, cls="small muted"),
            badge(BADGES, row.state, row.state_text, bare=True),
            cls="record",
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
                cls="section",
            ),
        ),
        when(
            details.invoices,
            el(
                "section",
                el("h3", t("Invoices"), el("span", " (", details.invoice_count, ")", cls="muted")),
                el("ul", each(details.invoices, invoice)),
                link(t("All invoices of this order"), to=details.all_invoices, cls="table-tap"),
                cls="section",
            ),
        ),
    )


def _details(details: Bound) -> Node:
    return frame(
        details,
        title=details.title,
        badge=badge(_STEP_BADGES, details.step, details.step_text),
        body=el("div", _facts(details), _beside(details), cls="dialog-body"),
        footer=el(
            "footer",
            el("span", cls="push"),
            el("a", icon("file-down"), t("PDF"), href=details.pdf, cls="button button-second", data_out=True),
            link(t("Invoices"), to=details.all_invoices, cls="button button-second"),
        ),
        missing=t("Order not found"),
    )


class Orders(ListState, SessionState):
    """A page of the list of orders, and the open order."""

    view: OrdersView = unfilled(OrdersView())
    table: ClassVar[ListTable] = ORDERS


PAGE = ListPage(ORDERS, Orders, details=_details)
