"""Balances of invoices: the sums stored in each invoice row, computed from its payments and credit notes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, bindparam, func, select, type_coerce
from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.money import ZERO, Money
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, InvoiceLine, Payment, PaymentStatus
from odoportal.rooms.invoices.search_text import search_text
from odoportal.rooms.orders.models import Order

CHUNK = 1000


@dataclass(frozen=True)
class Balances:
    """The sums of an invoice, in dollars. `settled_on` is the day it was credited in full, or else the day its total was first reached."""

    paid: Decimal
    pending: Decimal
    credited: Decimal
    settled_on: date | None


@dataclass
class _SearchFields:
    """An invoice with its new sums, to build its search text."""

    number: str
    issued_on: date
    due_on: date
    subtotal: Decimal
    total: Decimal
    paid: Decimal
    credited: Decimal
    settled_on: date | None


def balances(
    issued_on: date,
    total: Decimal,
    paid: Sequence[tuple[date, Decimal]],
    pending: Sequence[Decimal],
    credited: Sequence[tuple[date, Decimal]],
) -> Balances:
    """Compute the sums of an invoice.

    Args:
        issued_on: the day on which an invoice without an amount counts as settled.
        total: dollars, taxes included.
        paid: business day and dollars of each allocation of a settled payment.
        pending: dollars of each allocation of a pending payment.
        credited: day and dollars of each credit note.
    """
    return Balances(
        paid=sum((amount for _, amount in paid), ZERO),
        pending=sum(pending, ZERO),
        credited=sum((amount for _, amount in credited), ZERO),
        settled_on=_day_reached(total, credited, issued_on) or _day_reached(total, [*paid, *credited], issued_on),
    )


def _day_reached(total: Decimal, parts: Iterable[tuple[date, Decimal]], default_day: date) -> date | None:
    """Return the day on which the parts, oldest first, add up to the total; None if they never do."""
    if total <= 0:
        return default_day
    left = total
    for day, amount in sorted(parts):
        left -= amount
        if left <= 0:
            return day
    return None


def settle(session: Session, account_id: int, invoice_ids: Collection[int]) -> None:
    """Recompute the stored sums, the settlement day and the search text of invoices.

    Call it after any change to an invoice, its lines, payments or credit notes. It runs a fixed number of statements
    for up to 1,000 invoices, and ignores ids of other accounts.

    Args:
        session: a database session for writing; the caller commits.
        account_id: the account of the invoices.
        invoice_ids: the invoices to recompute.
    """
    session.flush()
    ordered = sorted(invoice_ids)
    for start in range(0, len(ordered), CHUNK):
        _settle_chunk(session, account_id, ordered[start : start + CHUNK])


def refresh_unapplied(session: Session, payment_ids: Collection[int]) -> None:
    """Recompute what some payments have that is not allocated to invoices. Call it after any change to a payment or its allocations.

    Args:
        session: a database session for writing; the caller commits.
        payment_ids: the payments to recompute.
    """
    session.flush()
    payments, parts = _table(Payment), _table(Allocation)
    allocated = select(func.coalesce(func.sum(parts.c.amount), 0)).where(parts.c.payment_id == payments.c.id).scalar_subquery()
    ordered = sorted(payment_ids)
    for start in range(0, len(ordered), CHUNK):
        some = payments.c.id.in_(ordered[start : start + CHUNK])
        session.connection().execute(payments.update().where(some).values(unapplied=payments.c.amount - type_coerce(allocated, Money)))
    for payment in [payment for payment in session.identity_map.values() if isinstance(payment, Payment)]:
        session.expire(payment, ["unapplied"])


def _settle_chunk(session: Session, account_id: int, ids: list[int]) -> None:
    invoices, orders = _table(Invoice), _table(Order)
    columns = invoices.c
    own = (
        select(*columns, orders.c.number.label("order_number"))
        .outerjoin(orders, (orders.c.id == columns.order_id) & (orders.c.account_id == columns.account_id))
        .where(columns.account_id == account_id, columns.id.in_(ids))
    )
    parts = _by_invoice(session, _allocations_of(account_id, ids))
    notes = _by_invoice(session, _rows_of(CreditNote, account_id, ids))
    lines = _by_invoice(session, _rows_of(InvoiceLine, account_id, ids).order_by(_table(InvoiceLine).c.position))
    changes = [change for row in session.execute(own) if (change := _changed_values(row, parts[row.id], notes[row.id], lines[row.id]))]
    if changes:
        fields = ("paid", "pending", "credited", "settled_on", "search")
        update = invoices.update().where(columns.account_id == account_id, columns.id == bindparam("row_id"))
        session.connection().execute(update.values({name: bindparam(f"new_{name}") for name in fields}), changes)
        for invoice in [invoice for invoice in session.identity_map.values() if isinstance(invoice, Invoice)]:
            session.expire(invoice, fields)


def _changed_values(row: Any, parts: list[Any], notes: list[Any], lines: list[Any]) -> dict[str, object] | None:
    """Return the bind parameters for updating an invoice; None if its row is up to date."""
    found = balances(
        row.issued_on,
        row.total,
        paid=[(clock.to_local(part.received_at).date(), part.amount) for part in parts if part.status == PaymentStatus.SETTLED],
        pending=[part.amount for part in parts if part.status == PaymentStatus.PENDING],
        credited=[(note.issued_on, note.total) for note in notes],
    )
    search_fields = _SearchFields(
        row.number, row.issued_on, row.due_on, row.subtotal, row.total, found.paid, found.credited, found.settled_on
    )
    new_values = {**vars(found), "search": search_text(search_fields, lines, parts, row.order_number or "", notes)}
    if all(getattr(row, name) == value for name, value in new_values.items()):
        return None
    return {"row_id": row.id, **{f"new_{name}": value for name, value in new_values.items()}}


def _allocations_of(account_id: int, ids: list[int]) -> Any:
    allocations, payments = _table(Allocation), _table(Payment)
    shown = (payments.c.received_at, payments.c.status, payments.c.reference, payments.c.method_en, payments.c.method_fr)
    return (
        select(allocations.c.invoice_id, allocations.c.amount, *shown)
        # Join by id alone: the foreign key already keeps the payment in the allocation's account. With a condition on the account,
        # SQLite would start from all payments of the account.
        .join(payments, payments.c.id == allocations.c.payment_id)
        .where(allocations.c.account_id == account_id, allocations.c.invoice_id.in_(ids))
        .order_by(payments.c.received_at, allocations.c.id)
    )


def _rows_of(model: type, account_id: int, ids: list[int]) -> Any:
    table = _table(model)
    return select(*table.c).where(table.c.account_id == account_id, table.c.invoice_id.in_(ids))


def _by_invoice(session: Session, statement: Any) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(statement):
        groups[row.invoice_id].append(row)
    return groups


def _table(model: Any) -> Table:
    return model.__table__
