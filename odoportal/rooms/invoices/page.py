"""The invoices page, as in the user guide, and the details of an invoice."""

from typing import ClassVar

import reflex as rx

from odoportal.core.i18n import current_language, t
from odoportal.lists.list_table import ListTable
from odoportal.pages.list_page import ListPage, ListState
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.labels import BADGES
from odoportal.rooms.invoices.view import InvoicesView
from odoportal.ui.common import badge
from odoportal.ui.dialog import frame
from odoportal.ui.document_parts import address, lines_table, totals
from odoportal.ui.page import page_url as address_of
from odoportal.ui.server_slots import live
from odoportal.ui.table import export_menu
from odoportal.ui.template import Bound, Node, View, choose, each, el, icon, link, when


def _address(title: str, lines: Bound) -> Node:
    return el("div", el("h3", title, cls="invoices-quiet"), address(lines))


def _facts(details: Bound) -> Node:
    dates = el(
        "dl",
        el("dt", t("Date")),
        el("dd", details.date),
        el("dt", t("Due")),
        el("dd", details.due),
        when(details.order, (el("dt", t("Order")), el("dd", link(details.order, to=details.order_url)))),
        cls="details",
    )
    paid = each(details.payments, lambda p: el("div", el("dt", p.name, el("small", p.date)), el("dd", p.amount), cls="soft"))
    credit = when(details.credit, el("div", el("dt", t("Credit on account")), el("dd", details.credit), cls="soft"))
    balance = el("div", el("dt", t("Balance")), el("dd", details.balance), cls="b")
    return el(
        "div",
        el(
            "section",
            _address(t("Issued by"), details.seller),
            _address(t("Billed to"), details.bill_to),
            dates,
            cls="section invoices-parties",
        ),
        el("section", lines_table(t("Lines of the invoice"), details.lines), cls="section"),
        totals(details, t("Total"), paid, credit, balance),
    )


def _beside(details: Bound) -> Node:
    def payment(row: Bound) -> Node:
        received = choose(row.status, {"credit": el("dt", t("Issued on"))}, el("dt", t("Received on")))
        facts = el("dl", received, el("dd", row.received), el("dt", t("Reference")), el("dd", row.reference), cls="details")
        paper = when(
            row.pdf,
            el("a", icon("file-down", small=True), " ", t("PDF"), el("span", " ", row.reference, cls="sr"), href=row.pdf, data_out=True),
        )
        return el("div", el("p", el("b", row.name)), facts, paper, cls="invoices-payment")

    order = el("li", icon("package"), link(t("Order"), " ", details.order, to=details.order_url, cls="record-link"), cls="record")
    mine, others = (details.pdf_fr, details.pdf_en) if current_language() == "fr" else (details.pdf_en, details.pdf_fr)
    own_name, other_name = (
        (t("PDF in French"), t("PDF in English")) if current_language() == "fr" else (t("PDF in English"), t("PDF in French"))
    )
    documents = (
        el("a", icon("file-down"), own_name, href=mine, cls="button button-primary button-block", data_out=True),
        el("a", icon("file-down"), other_name, href=others, cls="button button-second button-block", data_out=True),
    )
    return el(
        "aside",
        el("section", el("h3", t("Document")), el("div", *documents, cls="layout-stack"), cls="section"),
        when(details.payments, el("section", el("h3", t("Payments")), each(details.payments, payment), cls="section")),
        when(details.terms, el("section", el("h3", t("Terms")), el("p", details.terms), cls="section")),
        when(
            details.order,
            el(
                "section",
                el("h3", t("Related")),
                el("ul", order, when(details.devices, el("li", icon("map-pin"), el("span", details.devices), cls="record"))),
                cls="section",
            ),
        ),
    )


def _details(details: Bound) -> Node:
    return frame(
        details,
        title=details.title,
        badge=badge(BADGES, details.paid.state, details.paid.text),
        body=el("div", _facts(details), _beside(details), cls="dialog-body"),
        footer=None,
        missing=t("Invoice not found"),
    )


def _tasks(view: Bound) -> Node:
    statement = link(icon("file-text"), t("Statement"), to=address_of("/statement"), cls="button button-second")
    return el("div", statement, export_menu(view), cls="layout-row table-tasks")


AS_OF = View(lambda view: el("span", view.frame.as_of, cls="muted small"))


def _refresh() -> rx.Component:
    return rx.el.button(
        View(lambda _: icon("refresh-cw")).component(None),
        type="button",
        class_name="button button-icon",
        on_click=Invoices.retry,
        custom_attrs={"aria-label": t("Refresh"), "title": t("Refresh"), "data-server": ""},
    )


class Invoices(ListState, SessionState):
    """A page of the list of invoices, and the open invoice."""

    view: InvoicesView = unfilled(InvoicesView())
    table: ClassVar[ListTable] = INVOICES


PAGE = ListPage(
    INVOICES,
    Invoices,
    tasks=_tasks,
    details=_details,
    beside=lambda: [_refresh()],
    before=lambda: [live("as-of", AS_OF, Invoices.view, Invoices.filled)],
    slots={"as-of": AS_OF},
)
