"""The list of invoices: its columns in the table, on cards and in files, which have a column for each tax."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, select
from sqlmodel import Session, col

from odoportal.core.folding import fold
from odoportal.core.i18n import t
from odoportal.core.money import in_cents
from odoportal.lists import search
from odoportal.lists.list_table import FileColumn, ListColumn, ListTable, Records, Selection, Text, in_both_numbers
from odoportal.lists.source import ListRequest
from odoportal.lists.table import CellKind, Column
from odoportal.rooms.invoices import service
from odoportal.rooms.invoices.labels import BADGES, state_labels
from odoportal.rooms.invoices.models import Invoice, InvoiceTax
from odoportal.rooms.invoices.service import SETTLED, InvoiceState
from odoportal.rooms.invoices.view import invoices_view
from odoportal.rooms.orders.models import Order
from odoportal.ui.common import badge
from odoportal.ui.table import row_checkbox
from odoportal.ui.template import Bound, Node, el, link, when


def _paid(paid: Bound) -> Node:
    return el(
        "span",
        badge(BADGES, paid.state, paid.text, bare=True),
        when(paid.note, el("span", paid.note, cls="muted small")),
        cls="invoices-paid",
    )


def _details_link(row: Bound, cls: str) -> Node:
    return link(t("Details"), el("span", " ", row.number, cls="sr"), to=row.details, how="open", data_open=row.number, cls=cls)


def _pdf_link(row: Bound, cls: str) -> Node:
    return el("a", t("PDF"), el("span", " ", row.number, cls="sr"), href=row.pdf, cls=cls, data_out=True)


def _card_top(row: Bound) -> Node:
    return el(
        "div",
        row_checkbox(row),
        el("h2", link(row.number, to=row.details, how="open")),
        el("span", row.date, cls="muted"),
        el("span", cls="push"),
        el("b", row.amount, cls="nw"),
        cls="table-top",
    )


def _actions(row: Bound, details: str, pdf: str) -> Node:
    return el("div", _details_link(row, details), _pdf_link(row, pdf), cls="layout-actions")


_STORED = (
    col(Invoice.number),
    col(Invoice.issued_on),
    col(Invoice.due_on),
    *(in_cents(column) for column in (Invoice.subtotal, Invoice.total, Invoice.paid, Invoice.pending, Invoice.credited)),
    col(Invoice.settled_on),
)


def _column_key(title: str) -> str:
    return "_".join(re.findall(r"[a-z0-9]+", fold(title))) or "tax"


@dataclass
class _Tax:
    """The column of a tax: its title, and the English names of the tax on documents."""

    title: str
    names: list[str]


def _taxes(session: Session, account_id: int, where: ColumnElement[bool], language: str) -> dict[str, _Tax]:
    """Return the taxes of the listed invoices by column key. GST and QST always have a column."""
    found = {"gst": _Tax(t("GST"), []), "qst": _Tax(t("QST"), [])}
    ids = select(col(Invoice.id)).where(where)
    names = select(col(InvoiceTax.name_en), col(InvoiceTax.name_fr)).distinct()
    names = names.where(col(InvoiceTax.account_id) == account_id, col(InvoiceTax.invoice_id).in_(ids))
    for english, french in sorted(tuple(row) for row in session.connection().execute(names)):
        tax = found.setdefault(_column_key(english), _Tax(english if language == "en" else french, []))
        tax.names.append(english)
    return found


def _tax_cents(tax: _Tax) -> Any:
    """Return a subquery for the cents of a tax on an invoice. Summing in Python would take twice as long as the rest of the export."""
    # PostgreSQL returns the sum of integers as a numeric, so cast it back.
    cents = cast(func.coalesce(func.sum(col(InvoiceTax.amount)), 0), BigInteger)
    of_invoice = and_(col(InvoiceTax.account_id) == col(Invoice.account_id), col(InvoiceTax.invoice_id) == col(Invoice.id))
    return select(cents).where(of_invoice, col(InvoiceTax.name_en).in_(tax.names)).correlate(Invoice).scalar_subquery()


@dataclass(frozen=True)
class InvoiceRecord:
    """An invoice in a file: its columns with cents instead of dollars, its state, and the cents of each tax."""

    invoice: Any
    state: InvoiceState
    taxes: Sequence[int]

    @property
    def settled_on(self) -> date | None:
        """The day it was paid or credited in full."""
        return self.invoice.settled_on if self.state in SETTLED else None


def _records(session: Session, request: ListRequest) -> Records:
    where, order = service.LIST.where_and_order(request)
    taxes = _taxes(session, request.account_id, where, request.language)
    own_order = and_(col(Order.account_id) == col(Invoice.account_id), col(Order.id) == col(Invoice.order_id))
    found = select(*_STORED, col(Order.number).label("order_number"), *(_tax_cents(tax) for tax in taxes.values()))
    found = found.outerjoin_from(Invoice, Order, own_order).where(where).order_by(*order)

    def rows() -> Iterator[InvoiceRecord]:
        for batch in search.batches(session, found):
            for row in batch:
                # The rules of the service work for cents, too, since they only add and compare.
                yield InvoiceRecord(row, service.state_of(row, request.today), row[len(_STORED) + 1 :])

    return Records(rows(), {"taxes": [Column(key, tax.title, CellKind.AMOUNT, total=True) for key, tax in taxes.items()]})


def _amount(value: Callable[[InvoiceRecord], Any], key: str = "", title: Text | None = None, before: str = "") -> FileColumn:
    return FileColumn(value, key, title, CellKind.AMOUNT, total=True, before=before)


def _tabs(counts: Mapping[str, int]) -> dict[str, str]:
    labels, always = state_labels(2), {InvoiceState.TO_PAY, InvoiceState.OVERDUE, InvoiceState.PAID}
    states = (
        InvoiceState.TO_PAY,
        InvoiceState.OVERDUE,
        InvoiceState.PART_PAID,
        InvoiceState.PENDING,
        InvoiceState.PAID,
        InvoiceState.CREDITED,
        InvoiceState.UPCOMING,
    )
    return {state: labels[state] for state in states if counts[state] or state in always}


INVOICES = ListTable(
    path="/invoices",
    title=lambda: t("Invoices"),
    source=service.LIST,
    view=invoices_view,
    records=_records,
    default_sort="-date",
    columns=(
        ListColumn(
            "date",
            title=lambda: t("Date"),
            cell=lambda row: el("td", row.date, cls="nw"),
            sort=lambda _: col(Invoice.issued_on),
            file=FileColumn(lambda record: record.invoice.issued_on, kind=CellKind.DAY),
        ),
        ListColumn(
            "number",
            title=lambda: "#",
            cell=lambda row: el("th", row.number, scope="row"),
            card=_card_top,
            sort=lambda _: col(Invoice.number_order),
            file=FileColumn(lambda record: record.invoice.number, title=lambda: t("Number"), before="date"),
        ),
        ListColumn("due", title=lambda: t("Due"), file=FileColumn(lambda record: record.invoice.due_on, kind=CellKind.DAY)),
        ListColumn("order", title=lambda: t("Order"), file=FileColumn(lambda record: record.invoice.order_number)),
        ListColumn(
            "amount",
            title=lambda: t("Amount"),
            cell=lambda row: el("td", row.amount, cls="r nw m"),
            sort=lambda _: col(Invoice.total),
            right=True,
            file=_amount(lambda record: record.invoice.total, "total", lambda: t("Total"), before="paid_amount"),
        ),
        ListColumn(
            "paid",
            title=lambda: state_labels()[InvoiceState.PAID],
            cell=lambda row: el("td", _paid(row.paid)),
            card=lambda row: _paid(row.paid),
            sort=lambda _: service.settled_or_never(),
            file=FileColumn(lambda record: record.state, "state", lambda: t("Status"), words=state_labels),
        ),
        ListColumn(
            "actions",
            title=lambda: t("Actions"),
            cell=lambda row: el("td", _actions(row, "button button-second button-small", "button button-plain button-small")),
            card=lambda row: _actions(row, "button button-plain", "button button-plain"),
        ),
        ListColumn("subtotal", title=lambda: t("Subtotal"), file=_amount(lambda record: record.invoice.subtotal)),
        ListColumn("taxes", title=str, file=_amount(lambda record: record.taxes)),
        ListColumn("paid_amount", title=lambda: t("Paid amount"), file=_amount(lambda record: record.invoice.paid, "paid")),
        ListColumn("credited", title=lambda: t("Credited amount"), file=_amount(lambda record: record.invoice.credited)),
        ListColumn(
            "credit_on_account", title=lambda: t("Credit on account"), file=_amount(lambda record: int(service.credit(record.invoice)))
        ),
        ListColumn("balance", title=lambda: t("Balance"), file=_amount(lambda record: int(service.balance(record.invoice)))),
        ListColumn(
            "being_paid",
            title=lambda: t("Payments being processed"),
            file=_amount(lambda record: int(service.being_paid(record.invoice)), "pending"),
        ),
        ListColumn("settled_on", title=lambda: t("Settled on"), file=FileColumn(lambda record: record.settled_on, kind=CellKind.DAY)),
    ),
    labels=in_both_numbers(state_labels),
    names=lambda: [t("Invoice {number}", number=""), t("Credit note {number}", number=""), t("Order {number}", number="")],
    all=lambda: t("All invoices"),
    tabs=_tabs,
    no_match=lambda: t("No invoice"),
    nothing=lambda _state: t("No invoices yet"),
    nothing_text=lambda: t("Invoices appear here as soon as Odotrack has issued them."),
    empty_icon="receipt-text",
    hint=lambda: t("Number or amount"),
    dates=lambda: t("Date"),
    chips=lambda _session, request: {"order": t("of order {number}", number=request.query.texts.get("order", ""))},
    cls="invoices-list",
    selection=Selection("/invoices.zip", lambda: t("Download ZIP"), "file-archive", sums=True),
)
