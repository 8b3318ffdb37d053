"""Rules of invoices: states, amounts owed, the list, and single invoices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, bindparam, case, literal_column, or_, true, type_coerce
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
    CREDITED = "credited"
    UPCOMING = "upcoming"


SETTLED = {InvoiceState.PAID, InvoiceState.CREDITED}
"""The states of invoices without a balance; they have a day of settlement."""
# Literals instead of bound parameters: the expressions must match those of the indexes `ix_invoice_paid`, `ix_invoice_open`,
# `ix_invoice_credit` and `ix_payment_unapplied`.
_NEVER: ColumnElement[date] = literal_column("'9999-12-31'")
_ZERO_CENTS: ColumnElement[int] = literal_column("0")
# `due_on > _DISTANT_PAST` is always true; naming the column makes SQLite, which keeps no statistics, choose `ix_invoice_open` or
# `ix_invoice_credit`.
_DISTANT_PAST = date(1, 1, 1)


def balance(invoice: Invoice) -> Decimal:
    """Return the unpaid balance of an invoice in dollars; it is never negative."""
    return max(ZERO, invoice.total - invoice.paid - invoice.credited)


def being_paid(invoice: Invoice) -> Decimal:
    """Return the part of the balance that pending payments cover."""
    return min(balance(invoice), invoice.pending)


def credit(invoice: Invoice) -> Decimal:
    """Return what was paid and credited beyond the total of an invoice: it is credit on the account."""
    return max(ZERO, invoice.paid + invoice.credited - invoice.total)


def state_of(invoice: Invoice, today: date) -> InvoiceState:
    """Return the payment state of an invoice. It is owed from its date on; what pending payments cover is neither to pay nor overdue.

    An invoice that credit notes cover completely is credited, whether or not it was paid before.
    """
    unpaid = balance(invoice)
    if invoice.credited and invoice.credited >= invoice.total:
        return InvoiceState.CREDITED
    if not unpaid:
        return InvoiceState.PAID
    if not is_owed_on(invoice.issued_on, today):
        return InvoiceState.UPCOMING
    if invoice.pending >= unpaid:
        return InvoiceState.PENDING
    if invoice.due_on < today:
        return InvoiceState.OVERDUE
    return InvoiceState.PART_PAID if unpaid < invoice.total else InvoiceState.TO_PAY


def is_owed_on(issued_on: Any, day: Any) -> Any:
    """Return whether an invoice of a date is owed on a day, for dates or as SQL: from its own date on, even if it arrived earlier."""
    return issued_on <= day


def _balance_sql() -> ColumnElement[Any]:
    return type_coerce(col(Invoice.total) - col(Invoice.paid) - col(Invoice.credited), Money)


def _unsettled() -> ColumnElement[bool]:
    return col(Invoice.total) - col(Invoice.paid) - col(Invoice.credited) > _ZERO_CENTS


def _can_have_credit() -> ColumnElement[bool]:
    """Return a condition that leads to the index `ix_invoice_credit`."""
    return or_(col(Invoice.credited) > _ZERO_CENTS, col(Invoice.paid) > col(Invoice.total))


def _credited() -> ColumnElement[bool]:
    return and_(_can_have_credit(), col(Invoice.credited) > _ZERO_CENTS, col(Invoice.credited) >= col(Invoice.total))


def _unpaid(today: Any) -> ColumnElement[bool]:
    """Return the condition that an invoice has a balance and is owed today."""
    return and_(_unsettled(), is_owed_on(search.unindexed(col(Invoice.issued_on)), today))


def _open(today: Any) -> ColumnElement[bool]:
    """Return the condition that an invoice is owed today, and that pending payments do not cover its balance."""
    return and_(_unpaid(today), col(Invoice.pending) < _balance_sql())


_UNSETTLED = (InvoiceState.TO_PAY, InvoiceState.PART_PAID, InvoiceState.PENDING, InvoiceState.OVERDUE, InvoiceState.UPCOMING)


def _date_range(query: ListQuery, day: Any) -> ColumnElement[bool]:
    return and_(true(), *([day >= query.since] if query.since else []), *([day <= query.until] if query.until else []))


def _index_hint(request: ListRequest) -> ColumnElement[bool] | None:
    """Return a condition that leads SQLite to a small index for the query's state or dates; None if there is no such index."""
    query = request.query
    if query.state in _UNSETTLED:
        return and_(_unsettled(), col(Invoice.due_on) > _DISTANT_PAST)
    if query.state == InvoiceState.CREDITED:
        return and_(_credited(), col(Invoice.due_on) > _DISTANT_PAST)
    return _date_range(query, col(Invoice.issued_on)) if query.since or query.until else None


def in_state(state: str, today: Any) -> ColumnElement[bool]:
    """Return the filter of a state as SQL. It agrees with `state_of`, except that "to pay" matches every open invoice."""
    due_on = search.unindexed(col(Invoice.due_on))
    part = col(Invoice.paid) + col(Invoice.credited) > ZERO
    return {
        InvoiceState.TO_PAY: _open(today),
        InvoiceState.PART_PAID: and_(_open(today), due_on >= today, part),
        InvoiceState.PENDING: and_(_unpaid(today), col(Invoice.pending) >= _balance_sql()),
        InvoiceState.OVERDUE: and_(_open(today), due_on < today),
        InvoiceState.PAID: and_(_balance_sql() <= ZERO, or_(col(Invoice.credited) <= ZERO, col(Invoice.credited) < col(Invoice.total))),
        InvoiceState.CREDITED: _credited(),
        InvoiceState.UPCOMING: and_(_unsettled(), search.unindexed(col(Invoice.issued_on)) > today),
    }[InvoiceState(state)]


def _state_meaning(request: ListRequest) -> search.Meaning:
    def meaning(word: str) -> Sequence[ColumnElement[bool]]:
        return [in_state(state, request.today) for state in request.named_by(word)]

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
        counted(_credited(), col(Invoice.due_on) > _DISTANT_PAST),
        func.count(),
        *(summed(state) for state in _UNSETTLED),
    ]
    return sql_select(*columns).where(own, _unsettled(), col(Invoice.due_on) > _DISTANT_PAST)


def state_counts(session: Session, account_id: int, today: date) -> Mapping[str, int]:
    """Return the number of invoices that each state's filter finds, and the number of all under "". Runs one statement."""
    found = session.connection().execute(_counts_statement(), {"account": account_id, "today": today}).one()
    all_count, credited, unsettled, *sums = (int(n) for n in found)
    paid = all_count - credited - unsettled
    return {"": all_count, InvoiceState.PAID: paid, InvoiceState.CREDITED: credited, **dict(zip(_UNSETTLED, sums, strict=True))}


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
    """The amounts an account owes today, in dollars: `unpaid - being_paid == total`, and `total - credit == left`.

    Attributes:
        unpaid: the balances of the invoices owed today.
        unpaid_invoices: their number.
        being_paid: what pending payments cover of them.
        overdue: the part of `total` that is past its due date.
        invoices: the number of invoices with a part in `total`.
        overdue_invoices: the number of invoices with a part in `overdue`.
        next_due: the next due date of them.
        credit: what was paid and credited beyond the totals of invoices, paid without an invoice, or paid before an invoice's date.
    """

    unpaid: Decimal
    unpaid_invoices: int
    being_paid: Decimal
    overdue: Decimal
    invoices: int
    overdue_invoices: int
    next_due: date | None
    credit: Decimal

    @property
    def total(self) -> Decimal:
        """The amount to pay."""
        return self.unpaid - self.being_paid

    @property
    def left(self) -> Decimal:
        """The amount to pay after using the credit; negative if there is more credit."""
        return self.total - self.credit


def owing(session: Session, account_id: int, today: date) -> Owing:
    """Return what the account owes today. Runs one statement, which reads small indexes."""
    being_paid_sql = being_paid_of(_balance_sql(), col(Invoice.pending))
    is_open, is_unpaid = _open(today), _unpaid(today)
    late = and_(is_open, col(Invoice.due_on) < today)

    def cents(amount: Any, condition: ColumnElement[bool]) -> Any:
        return type_coerce(func.coalesce(func.sum(case((condition, amount), else_=ZERO)), 0), Money)

    def number(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    next_due = func.min(case((and_(is_open, col(Invoice.due_on) >= today), col(Invoice.due_on)), else_=None))
    columns: list[Any] = [
        cents(_balance_sql(), is_unpaid),
        number(is_unpaid),
        cents(being_paid_sql, is_unpaid),
        cents(_balance_sql() - being_paid_sql, late),
        number(is_open),
        number(late),
        next_due,
        *_credits(account_id, today),
    ]
    where = (search.of_account(Invoice, account_id), _unsettled(), col(Invoice.due_on) > _DISTANT_PAST)
    row = session.connection().execute(sql_select(*columns).where(*where)).one()
    return Owing(row[0], int(row[1]), row[2], row[3], int(row[4]), int(row[5]), row[6], sum(row[7:], ZERO))


def being_paid_of(unpaid: Any, pending: Any) -> ColumnElement[Any]:
    """Return `being_paid` as SQL, of an unpaid balance and the pending payments of an invoice."""
    return type_coerce(case((pending < unpaid, pending), else_=unpaid), Money)


def _credits(account_id: int, today: date) -> list[Any]:
    """Return subqueries for the parts of the credit on an account: beyond totals, before the dates of invoices, and without invoices."""
    mine, covered = search.of_account(Invoice, account_id), col(Invoice.paid) + col(Invoice.credited)
    is_owed = is_owed_on(search.unindexed(col(Invoice.issued_on)), today)
    beyond = (_can_have_credit(), col(Invoice.due_on) > _DISTANT_PAST, covered > col(Invoice.total), is_owed)
    settled = (search.of_account(Payment, account_id), col(Payment.status) == PaymentStatus.SETTLED)

    def cents(amount: Any, *where: ColumnElement[bool]) -> Any:
        return type_coerce(sql_select(func.coalesce(func.sum(amount), 0)).where(*where).correlate(None).scalar_subquery(), Money)

    return [
        cents(covered - col(Invoice.total), mine, *beyond),
        cents(covered, mine, col(Invoice.issued_on) > today),
        cents(col(Payment.unapplied), *settled, col(Payment.unapplied) > _ZERO_CENTS),
    ]


def overdue(session: Session, account_id: int, today: date, limit: int) -> Sequence[Invoice]:
    """Return overdue invoices, the longest overdue first."""
    where = (search.of_account(Invoice, account_id), _open(today), col(Invoice.due_on) < today)
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

    Paid and credited invoices are not open, nor are those whose balance a pending payment covers.
    """
    where = (search.of_account(Invoice, account_id), _open(until), col(Invoice.due_on) >= since, col(Invoice.due_on) <= until)
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
