"""The list of invoices as a file: all pages of a list query, with a column for each tax."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, select
from sqlmodel import Session, col

from odoportal.core.folding import fold
from odoportal.core.i18n import t
from odoportal.core.identity import Identity
from odoportal.core.money import in_cents
from odoportal.lists import download, search
from odoportal.lists.query import ListQuery
from odoportal.lists.table import Cell, CellKind, Column, Table
from odoportal.rooms.invoices import service
from odoportal.rooms.invoices.labels import state_labels
from odoportal.rooms.invoices.models import Invoice, InvoiceTax
from odoportal.rooms.invoices.service import RULES, InvoiceState
from odoportal.rooms.orders.models import Order

_COLUMNS = (
    col(Invoice.number),
    col(Invoice.issued_on),
    col(Invoice.due_on),
    *(in_cents(column) for column in (Invoice.subtotal, Invoice.total, Invoice.paid, Invoice.pending, Invoice.credited)),
    col(Invoice.settled_on),
    col(Invoice.refunded),
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


def invoices_table(session: Session, who: Identity, query: ListQuery, language: str, today: date) -> Table:
    """Return the invoices on all pages of a list query, in its order; arguments as for `invoices_view`."""
    account_id, words = who.account.account_id, state_labels()
    where, order = service.where_and_order(account_id, query, today, {state: fold(text) for state, text in words.items()})
    taxes = _taxes(session, account_id, where, language)
    columns = [
        Column("number", t("Number")),
        Column("date", t("Date"), CellKind.DAY),
        Column("due", t("Due"), CellKind.DAY),
        Column("order", t("Order")),
        Column("state", t("State"), words=words),
        Column("subtotal", t("Subtotal"), CellKind.AMOUNT, total=True),
        *(Column(name, tax.title, CellKind.AMOUNT, total=True) for name, tax in taxes.items()),
        Column("total", t("Total"), CellKind.AMOUNT, total=True),
        Column("paid", t("Paid amount"), CellKind.AMOUNT, total=True),
        Column("credited", t("Credited"), CellKind.AMOUNT, total=True),
        Column("balance", t("Balance"), CellKind.AMOUNT, total=True),
        Column("paid_on", t("Paid on"), CellKind.DAY),
    ]
    own_order = and_(col(Order.account_id) == col(Invoice.account_id), col(Order.id) == col(Invoice.order_id))
    found = select(*_COLUMNS, col(Order.number).label("order_number"), *(_tax_cents(tax) for tax in taxes.values()))
    found = found.outerjoin_from(Invoice, Order, own_order).where(where).order_by(*order)
    rows = (_row(row, row[len(_COLUMNS) + 1 :], today) for batch in search.batches(session, found) for row in batch)
    return Table(t("Invoices"), columns, rows, t("Total"))


def _row(row: Any, taxes: Sequence[int], today: date) -> Sequence[Cell]:
    # The row has cents instead of dollars. The rules of the service work for both, since they only add and compare.
    state = service.state_of(row, today)
    settled = row.settled_on if state in {InvoiceState.PAID, InvoiceState.REFUNDED} else None
    sums = (row.total, row.paid, row.credited, int(service.balance(row)))
    return (row.number, row.issued_on, row.due_on, row.order_number, state, row.subtotal, *taxes, *sums, settled)


ROUTES = download.routes("/invoices", RULES, lambda: t("Invoices"), invoices_table)
