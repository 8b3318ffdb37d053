"""Rules of invoices: what is owed, what a list may ask, and one invoice whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, type_coerce
from sqlmodel import Session, col, func, or_, select

from odoportal.foundation import finding
from odoportal.foundation.listing import ListQuery, ListRules, Window, window
from odoportal.foundation.money import ZERO, Money
from odoportal.invoices.models import Allocation, CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment
from odoportal.orders.models import Order


class InvoiceState(StrEnum):
    """What an invoice shows under Paid. The list's filter "to pay" also finds what is part paid or overdue."""

    TO_PAY = "to_pay"
    PART_PAID = "part_paid"
    PENDING = "pending"
    OVERDUE = "overdue"
    PAID = "paid"
    REFUNDED = "refunded"


RULES = ListRules(sorts=("date", "number", "amount", "paid"), default_sort="-date", states=tuple(InvoiceState), texts=("order",))
_NEVER = date(9999, 12, 31)


def balance(invoice: Invoice) -> Decimal:
    """What is still open on an invoice, in dollars; never negative."""
    return max(ZERO, invoice.total - invoice.paid - invoice.credited)


def state_of(invoice: Invoice, today: date) -> InvoiceState:
    """What an invoice shows under Paid. A payment under way that covers the rest makes it pending, not overdue."""
    rest = balance(invoice)
    if invoice.refunded:
        return InvoiceState.REFUNDED
    if rest == ZERO:
        return InvoiceState.PAID
    if invoice.pending >= rest:
        return InvoiceState.PENDING
    if invoice.due_on < today:
        return InvoiceState.OVERDUE
    return InvoiceState.PART_PAID if rest < invoice.total else InvoiceState.TO_PAY


def _rest() -> ColumnElement[Any]:
    return type_coerce(col(Invoice.total) - col(Invoice.paid) - col(Invoice.credited), Money)


def _open() -> ColumnElement[bool]:
    return and_(col(Invoice.refunded).is_(False), _rest() > ZERO, col(Invoice.pending) < _rest())


def in_state(state: str, today: date) -> ColumnElement[bool]:
    """The filter of a state, as SQL; it agrees with `state_of`, with "to pay" for all that is open."""
    closed = and_(col(Invoice.refunded).is_(False), _rest() <= ZERO)
    part = col(Invoice.paid) + col(Invoice.credited) > ZERO
    return {
        InvoiceState.TO_PAY: _open(),
        InvoiceState.PART_PAID: and_(_open(), col(Invoice.due_on) >= today, part),
        InvoiceState.PENDING: and_(col(Invoice.refunded).is_(False), _rest() > ZERO, col(Invoice.pending) >= _rest()),
        InvoiceState.OVERDUE: and_(_open(), col(Invoice.due_on) < today),
        InvoiceState.PAID: closed,
        InvoiceState.REFUNDED: col(Invoice.refunded).is_(True),
    }[InvoiceState(state)]


def _where(account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str]) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [col(Invoice.account_id) == account_id]
    if query.q:

        def meaning(word: str) -> ColumnElement[bool] | None:
            named = [in_state(s, today) for s, text in state_words.items() if len(word) > 2 and word in text]
            return or_(false(), *named) if named else None

        parts.append(finding.matching(Invoice.search, query.q, meaning))
    if query.state:
        parts.append(in_state(query.state, today))
    if query.since:
        parts.append(col(Invoice.issued_on) >= query.since)
    if query.until:
        parts.append(col(Invoice.issued_on) <= query.until)
    if order := query.texts.get("order"):
        of = select(Order.id).where(Order.account_id == account_id, Order.number == order).scalar_subquery()
        parts.append(col(Invoice.order_id) == of)
    return and_(*parts)


def _order(query: ListQuery) -> finding.Order:
    by: dict[str, Any] = {
        "date": col(Invoice.issued_on),
        "number": col(Invoice.number_order),
        "amount": col(Invoice.total),
        "paid": func.coalesce(col(Invoice.settled_on), _NEVER),
    }
    return [(by[query.key], query.descending), (col(Invoice.id), query.descending)]


def whole_list(
    account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str]
) -> tuple[ColumnElement[bool], Sequence[ColumnElement[Any]]]:
    """The condition and the order of all pages of the list that the address asks for; arguments as of `find`."""
    return _where(account_id, query, today, state_words), [e.desc() if down else e.asc() for e, down in _order(query)]


@dataclass(frozen=True)
class InvoicePage:
    """One page of the list and where it stands."""

    window: Window
    invoices: Sequence[Invoice]
    account_total: int


def find(session: Session, account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str]) -> InvoicePage:
    """The page of invoices that the address asks for. Three statements, whatever the size.

    Args:
        session: a reading session.
        account_id: whose invoices.
        query: the list's address.
        today: the business day.
        state_words: the folded word of each state in the page's language, for the search.
    """
    where = _where(account_id, query, today, state_words)
    total = finding.count(session, Invoice, where)
    shown = window(query, total)
    invoices = finding.page(session, Invoice, where, _order(query), shown)
    everything = finding.count(session, Invoice, col(Invoice.account_id) == account_id) if query.narrowed else total
    return InvoicePage(shown, invoices, everything)


def state_counts(session: Session, account_id: int, today: date) -> Mapping[str, int]:
    """How many invoices each state's filter finds, and all of them under the empty name. One statement."""
    sums: list[Any] = [func.coalesce(func.sum(case((in_state(s, today), 1), else_=0)), 0) for s in InvoiceState]
    row = session.exec(select(func.count(), *sums).select_from(Invoice).where(Invoice.account_id == account_id)).one()
    return dict(zip(("", *InvoiceState), (int(n) for n in row), strict=True))


def place(
    session: Session, account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str], invoice_id: int
) -> finding.Neighbours | None:
    """Where an invoice stands in the list the address asks for; None when the list does not hold it."""
    return finding.neighbours(session, Invoice, _where(account_id, query, today, state_words), _order(query), invoice_id)


@dataclass(frozen=True)
class InvoiceWhole:
    """An invoice with everything that hangs on it. `payments` carry the part that went to this invoice."""

    invoice: Invoice
    order_number: str
    lines: Sequence[InvoiceLine]
    taxes: Sequence[InvoiceTax]
    payments: Sequence[tuple[Payment, Decimal]]
    credit_notes: Sequence[CreditNote]


def get(session: Session, account_id: int, number: str) -> InvoiceWhole | None:
    """One invoice of the account; None for another account's number exactly as for one that does not exist."""
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
    return InvoiceWhole(
        invoice,
        (session.exec(order).first() or "") if invoice.order_id else "",
        rows(InvoiceLine, col(InvoiceLine.position)),
        rows(InvoiceTax, col(InvoiceTax.position)),
        [(payment, amount) for payment, amount in payments],
        rows(CreditNote, col(CreditNote.id)),
    )


def of_order(session: Session, account_id: int, order_id: int, limit: int) -> tuple[Sequence[Invoice], int]:
    """The newest invoices of an order, and how many it has in all."""
    where = and_(col(Invoice.account_id) == account_id, col(Invoice.order_id) == order_id)
    newest = select(Invoice).where(where).order_by(col(Invoice.issued_on).desc(), col(Invoice.id).desc()).limit(limit)
    return session.exec(newest).all(), finding.count(session, Invoice, where)


@dataclass(frozen=True)
class Owing:
    """What the account owes, in dollars: all that is open, the part of it that is overdue, and how many invoices."""

    total: Decimal
    overdue: Decimal
    invoices: int
    overdue_invoices: int
    next_due: date | None


def owing(session: Session, account_id: int, today: date) -> Owing:
    """What the account owes. A payment under way that covers the rest is not counted as owed. One statement."""
    late = and_(_open(), col(Invoice.due_on) < today)

    def cents(condition: ColumnElement[bool]) -> Any:
        return type_coerce(func.coalesce(func.sum(case((condition, _rest()), else_=ZERO)), 0), Money)

    def number(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    ahead = func.min(case((and_(_open(), col(Invoice.due_on) >= today), col(Invoice.due_on)), else_=None))
    columns: list[Any] = [cents(_open()), cents(late), number(_open()), number(late), ahead]
    row = session.exec(select(*columns).where(Invoice.account_id == account_id)).one()
    return Owing(row[0], row[1], int(row[2]), int(row[3]), row[4])


def overdue(session: Session, account_id: int, today: date, limit: int) -> Sequence[Invoice]:
    """Overdue invoices, the longest overdue first."""
    where = (col(Invoice.account_id) == account_id, in_state(InvoiceState.OVERDUE, today))
    return session.exec(select(Invoice).where(*where).order_by(col(Invoice.due_on), col(Invoice.id)).limit(limit)).all()


def latest(session: Session, account_id: int, limit: int) -> Sequence[Invoice]:
    """The newest invoices."""
    newest = select(Invoice).where(Invoice.account_id == account_id).order_by(col(Invoice.issued_on).desc(), col(Invoice.id).desc())
    return session.exec(newest.limit(limit)).all()


def spending(session: Session, account_id: int, today: date, months: int = 12) -> Sequence[tuple[date, Decimal]]:
    """What was invoiced, less credit notes, in each of the last `months` months; each with the first day of its month."""
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
