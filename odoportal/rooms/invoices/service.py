"""Rules of invoices: states, amounts owed, the list, and single invoices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, bindparam, case, literal_column, true, type_coerce
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from odoportal.core import clock
from odoportal.core.money import ZERO, Money
from odoportal.lists import search
from odoportal.lists.query import ListQuery
from odoportal.lists.source import ListRequest, ListSource
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment, PaymentStatus
from odoportal.rooms.orders.models import Order


class InvoiceState(StrEnum):
    """The payment state of an invoice, shown in the Paid column. The list's "to pay" filter also finds part paid and overdue invoices."""

    TO_PAY = "to_pay"
    PART_PAID = "part_paid"
    PENDING = "pending"
    OVERDUE = "overdue"
    PAID = "paid"
    REFUNDED = "refunded"


# Literals instead of bound parameters: the expressions must match those of the indexes `ix_invoice_paid` and `ix_invoice_open`.
_NEVER: ColumnElement[date] = literal_column("'9999-12-31'")
_ZERO_CENTS: ColumnElement[int] = literal_column("0")
# `due_on > _DISTANT_PAST` is always true; naming the column makes SQLite, which keeps no statistics, choose `ix_invoice_open` or
# `ix_invoice_refunded`.
_DISTANT_PAST = date(1, 1, 1)


def balance(invoice: Invoice) -> Decimal:
    """Return the unpaid balance of an invoice in dollars; it is never negative."""
    return max(ZERO, invoice.total - invoice.paid - invoice.credited)


def state_of(invoice: Invoice, today: date) -> InvoiceState:
    """Return the payment state of an invoice. A pending payment that covers the balance makes it pending, not overdue."""
    unpaid = balance(invoice)
    if invoice.refunded:
        return InvoiceState.REFUNDED
    if unpaid == ZERO:
        return InvoiceState.PAID
    if invoice.pending >= unpaid:
        return InvoiceState.PENDING
    if invoice.due_on < today:
        return InvoiceState.OVERDUE
    return InvoiceState.PART_PAID if unpaid < invoice.total else InvoiceState.TO_PAY


def _balance_sql() -> ColumnElement[Any]:
    return type_coerce(col(Invoice.total) - col(Invoice.paid) - col(Invoice.credited), Money)


def _unsettled() -> ColumnElement[bool]:
    return and_(col(Invoice.refunded).is_(False), col(Invoice.total) - col(Invoice.paid) - col(Invoice.credited) > _ZERO_CENTS)


def _refunded() -> ColumnElement[bool]:
    return col(Invoice.refunded).is_(True)


def _open() -> ColumnElement[bool]:
    return and_(_unsettled(), col(Invoice.pending) < _balance_sql())


_UNSETTLED = (InvoiceState.TO_PAY, InvoiceState.PART_PAID, InvoiceState.PENDING, InvoiceState.OVERDUE)


def _date_range(query: ListQuery, day: Any) -> ColumnElement[bool]:
    return and_(true(), *([day >= query.since] if query.since else []), *([day <= query.until] if query.until else []))


def _index_hint(request: ListRequest) -> ColumnElement[bool] | None:
    """Return a condition that leads SQLite to a small index for the query's state or dates; None if there is no such index."""
    query = request.query
    if query.state in _UNSETTLED:
        return and_(_unsettled(), col(Invoice.due_on) > _DISTANT_PAST)
    if query.state == InvoiceState.REFUNDED:
        return and_(_refunded(), col(Invoice.due_on) > _DISTANT_PAST)
    return _date_range(query, col(Invoice.issued_on)) if query.since or query.until else None


def in_state(state: str, today: Any) -> ColumnElement[bool]:
    """Return the filter of a state as SQL. It agrees with `state_of`, except that "to pay" matches every open invoice."""
    due_on = search.unindexed(col(Invoice.due_on))
    closed = and_(col(Invoice.refunded).is_(False), _balance_sql() <= ZERO)
    part = col(Invoice.paid) + col(Invoice.credited) > ZERO
    return {
        InvoiceState.TO_PAY: _open(),
        InvoiceState.PART_PAID: and_(_open(), due_on >= today, part),
        InvoiceState.PENDING: and_(_unsettled(), col(Invoice.pending) >= _balance_sql()),
        InvoiceState.OVERDUE: and_(_open(), due_on < today),
        InvoiceState.PAID: closed,
        InvoiceState.REFUNDED: _refunded(),
    }[InvoiceState(state)]


def _state_meaning(request: ListRequest) -> search.Meaning:
    def meaning(word: str) -> Sequence[ColumnElement[bool]]:
        return [in_state(s, request.today) for s, text in request.labels.items() if search.in_label(word, text)]

    return meaning


def _filters(request: ListRequest) -> list[ColumnElement[bool]]:
    query = request.query
    parts = [in_state(query.state, request.today)] if query.state else []
    parts.append(_date_range(query, request.hidden(col(Invoice.issued_on))))
    if order := query.texts.get("order"):
        order_id_of = select(Order.id).where(Order.account_id == request.account_id, Order.number == order).scalar_subquery()
        parts.append(col(Invoice.order_id) == order_id_of)
    return parts


def settled_after(day: Any) -> ColumnElement[bool]:
    """Return the condition that an invoice was not settled by the end of this day. It uses the index `ix_invoice_paid`."""
    return settled_or_never() > day


def settled_or_never() -> ColumnElement[date]:
    """Return the day an invoice was settled, or a day after all others, as SQL. It is the expression of the index `ix_invoice_paid`."""
    return func.coalesce(col(Invoice.settled_on), _NEVER)


LIST = ListSource(
    model=Invoice,
    counts=lambda session, request: state_counts(session, request.account_id, request.today),
    filters=_filters,
    states=tuple(InvoiceState),
    texts=("order",),
    meaning=_state_meaning,
    index_hint=_index_hint,
)


@lru_cache(maxsize=1)
def _counts_statement() -> Any:
    """Return the statement of `state_counts`. It is cached: building it takes ten times as long as running it for a small account."""
    account_id, today = bindparam("account", type_=Integer), bindparam("today", type_=Date)
    own = search.of_account(Invoice, account_id)

    def counted(*where: ColumnElement[bool]) -> Any:
        return select(func.count()).select_from(Invoice).where(own, *where).scalar_subquery()

    def summed(state: InvoiceState) -> Any:
        return func.coalesce(func.sum(case((in_state(state, today), 1), else_=0)), 0)

    columns: list[Any] = [
        counted(),
        counted(_refunded(), col(Invoice.due_on) > _DISTANT_PAST),
        func.count(),
        *(summed(state) for state in _UNSETTLED),
    ]
    return sql_select(*columns).where(own, _unsettled(), col(Invoice.due_on) > _DISTANT_PAST)


def state_counts(session: Session, account_id: int, today: date) -> Mapping[str, int]:
    """Return the number of invoices that each state's filter finds, and the number of all under "". Runs one statement."""
    found = session.connection().execute(_counts_statement(), {"account": account_id, "today": today}).one()
    all_count, refunded, unsettled, *sums = (int(n) for n in found)
    paid = all_count - refunded - unsettled
    return {"": all_count, InvoiceState.PAID: paid, InvoiceState.REFUNDED: refunded, **dict(zip(_UNSETTLED, sums, strict=True))}


@dataclass(frozen=True)
class FullInvoice:
    """An invoice with its order number, lines, taxes, payments and credit notes. Each payment has the dollars allocated to this invoice."""

    invoice: Invoice
    order_number: str
    lines: Sequence[InvoiceLine]
    taxes: Sequence[InvoiceTax]
    payments: Sequence[tuple[Payment, Decimal]]
    credit_notes: Sequence[CreditNote]


def get(session: Session, account_id: int, number: str) -> FullInvoice | None:
    """Return an invoice of the account by its number; None if the number is unknown or belongs to another account."""
    invoice = session.exec(select(Invoice).where(Invoice.account_id == account_id, Invoice.number == number)).first()
    if invoice is None:
        return None

    def rows(model: Any, by: Any) -> Sequence[Any]:
        return session.exec(select(model).where(model.account_id == account_id, model.invoice_id == invoice.id).order_by(by)).all()

    payments = session.exec(
        select(Payment, col(Allocation.amount))
        .join(Allocation, and_(col(Allocation.account_id) == Payment.account_id, col(Allocation.payment_id) == Payment.id))
        .where(Allocation.account_id == account_id, Allocation.invoice_id == invoice.id)
        .order_by(col(Payment.received_at), col(Payment.id))
    ).all()
    order = select(Order.number).where(Order.account_id == account_id, Order.id == invoice.order_id)
    return FullInvoice(
        invoice,
        (session.exec(order).first() or "") if invoice.order_id else "",
        rows(InvoiceLine, col(InvoiceLine.position)),
        rows(InvoiceTax, col(InvoiceTax.position)),
        [(payment, amount) for payment, amount in payments],
        rows(CreditNote, col(CreditNote.id)),
    )


def of_order(session: Session, account_id: int, order_id: int, limit: int) -> tuple[Sequence[Invoice], int]:
    """Return the newest invoices of an order, and the number of all its invoices."""
    where = and_(col(Invoice.account_id) == account_id, col(Invoice.order_id) == order_id)
    newest = select(Invoice).where(where).order_by(col(Invoice.issued_on).desc(), col(Invoice.id).desc()).limit(limit)
    return session.exec(newest).all(), search.count(session, Invoice, where)


@dataclass(frozen=True)
class Owing:
    """The amounts an account owes, in dollars: the open total, the overdue part, the number of invoices for both, and the next due date."""

    total: Decimal
    overdue: Decimal
    invoices: int
    overdue_invoices: int
    next_due: date | None


def owing(session: Session, account_id: int, today: date) -> Owing:
    """Return what the account owes. A balance that a pending payment covers is not counted as owed. Runs one statement."""
    late = and_(_open(), col(Invoice.due_on) < today)

    def cents(condition: ColumnElement[bool]) -> Any:
        return type_coerce(func.coalesce(func.sum(case((condition, _balance_sql()), else_=ZERO)), 0), Money)

    def number(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    next_due = func.min(case((and_(_open(), col(Invoice.due_on) >= today), col(Invoice.due_on)), else_=None))
    columns: list[Any] = [cents(_open()), cents(late), number(_open()), number(late), next_due]
    where = (search.of_account(Invoice, account_id), _unsettled(), col(Invoice.due_on) > _DISTANT_PAST)
    row = session.connection().execute(sql_select(*columns).where(*where)).one()
    return Owing(row[0], row[1], int(row[2]), int(row[3]), row[4])


def overdue(session: Session, account_id: int, today: date, limit: int) -> Sequence[Invoice]:
    """Return overdue invoices, the longest overdue first."""
    where = (search.of_account(Invoice, account_id), _open(), col(Invoice.due_on) < today)
    return session.exec(select(Invoice).where(*where).order_by(col(Invoice.due_on), col(Invoice.id)).limit(limit)).all()


def count(session: Session, account_id: int) -> int:
    """Return the number of invoices of an account."""
    return search.count(session, Invoice, search.of_account(Invoice, account_id))


def latest(session: Session, account_id: int, limit: int) -> Sequence[Invoice]:
    """Return the newest invoices, newest first."""
    newest = select(Invoice).where(Invoice.account_id == account_id).order_by(col(Invoice.issued_on).desc(), col(Invoice.id).desc())
    return session.exec(newest.limit(limit)).all()


def issued(session: Session, account_id: int, since: date, until: date) -> Sequence[Invoice]:
    """Return the invoices issued from one day to another, both included, oldest first."""
    where = (Invoice.account_id == account_id, Invoice.issued_on >= since, Invoice.issued_on <= until)
    return session.exec(select(Invoice).where(*where).order_by(col(Invoice.issued_on), col(Invoice.id))).all()


def open_and_due(session: Session, account_id: int, since: date, until: date) -> Sequence[Invoice]:
    """Return the invoices due from one day to another, both included, that are still open.

    Paid, credited and refunded invoices are not open, nor are those whose balance a pending payment covers.
    """
    where = (search.of_account(Invoice, account_id), _open(), col(Invoice.due_on) >= since, col(Invoice.due_on) <= until)
    return session.exec(select(Invoice).where(*where).order_by(col(Invoice.due_on), col(Invoice.id))).all()


def payments_received(session: Session, account_id: int, since: date, until: date) -> Sequence[tuple[Payment, Sequence[str]]]:
    """Return the settled payments received from one business day to another, both included, with the numbers of their invoices.

    The oldest payment comes first.
    """
    first, end = clock.start_of_day(since), clock.start_of_day(until + timedelta(days=1))
    settled = (Payment.account_id == account_id, Payment.status == PaymentStatus.SETTLED)
    payments = session.exec(
        select(Payment)
        .where(*settled, Payment.received_at >= first, Payment.received_at < end)
        .order_by(col(Payment.received_at), col(Payment.id))
    ).all()
    paid: dict[int, list[str]] = {payment.id or 0: [] for payment in payments}
    parts = (
        select(col(Allocation.payment_id), col(Invoice.number))
        .join(Invoice, and_(col(Invoice.account_id) == Allocation.account_id, col(Invoice.id) == Allocation.invoice_id))
        .where(Allocation.account_id == account_id, col(Allocation.payment_id).in_(list(paid)))
        .order_by(col(Invoice.number_order), col(Invoice.id))
    )
    for payment_id, number in session.exec(parts) if paid else ():
        paid[payment_id].append(number)
    return [(payment, paid[payment.id or 0]) for payment in payments]


def spending(session: Session, account_id: int, today: date, months: int = 12) -> Sequence[tuple[date, Decimal]]:
    """Return the dollars invoiced less credit notes for each of the last `months` months, with the first day of the month."""
    firsts = [_month_before(today, back) for back in reversed(range(months))]
    sums = dict.fromkeys(firsts, ZERO)
    since = firsts[0]
    bills = select(col(Invoice.issued_on), func.sum(Invoice.total)).where(
        Invoice.account_id == account_id, Invoice.issued_on >= since, Invoice.issued_on <= today
    )
    notes = select(col(CreditNote.issued_on), func.sum(CreditNote.total)).where(
        CreditNote.account_id == account_id, CreditNote.issued_on >= since, CreditNote.issued_on <= today
    )
    for statement, sign in ((bills.group_by(col(Invoice.issued_on)), 1), (notes.group_by(col(CreditNote.issued_on)), -1)):
        for day, amount in session.exec(statement):
            sums[day.replace(day=1)] += sign * amount
    return list(sums.items())


def _month_before(day: date, back: int) -> date:
    index = day.year * 12 + day.month - 1 - back
    return date(index // 12, index % 12 + 1, 1)
