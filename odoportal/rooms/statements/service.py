"""Rules of the statement of account: the movements of a period, the balance before and after it, and the open amounts by age.

An invoice adds its total on the day it was issued. A settled payment subtracts its whole amount on the business day it was
received, whether or not it is allocated to invoices; a pending or failed payment changes nothing. A credit note subtracts its
total on the day it was issued.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import islice, pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select, type_coerce
from sqlmodel import Session, col

from odoportal.core import clock
from odoportal.core.money import ZERO, Money
from odoportal.lists import search
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, Payment, PaymentStatus

EARLIEST = date(1900, 1, 1)
DAY = timedelta(days=1)


class MovementKind(StrEnum):
    """The kinds of movements that change an account's balance."""

    INVOICE = "invoice"
    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True)
class Movement:
    """A movement: the dollars by which it changes the balance, and the balance after it.

    `number` is the number of the invoice or credit note, or the reference of the payment. `invoices` are the numbers of the
    invoices that a payment or credit note is for. `text_en` and `text_fr` are the payment's method or the credit note's reason.
    """

    day: date
    kind: MovementKind
    number: str
    amount: Decimal
    balance: Decimal
    due_on: date | None = None
    invoices: tuple[str, ...] = ()
    text_en: str = ""
    text_fr: str = ""


@dataclass(frozen=True)
class Aging:
    """The unpaid balances of invoices, in dollars: what pending payments cover of them, and the rest by days past due."""

    current: Decimal = ZERO
    to_30: Decimal = ZERO
    to_60: Decimal = ZERO
    to_90: Decimal = ZERO
    older: Decimal = ZERO
    being_paid: Decimal = ZERO

    @property
    def owed(self) -> Decimal:
        """The sum of all ages: what is to pay."""
        return self.current + self.to_30 + self.to_60 + self.to_90 + self.older

    @property
    def total(self) -> Decimal:
        """The sum of all unpaid balances."""
        return self.owed + self.being_paid


@dataclass(frozen=True)
class Statement:
    """The statement of a period, in dollars. `opening` plus the movements equals `closing`, and so does `aging.total` less `credit`.

    `charged` is the sum of the movements that increased the balance, `credited` of those that decreased it. `credit` is what was
    paid or credited but covers no open invoice.

    If the caller set a maximum, `movements` are the newest of `count`. The balance before them is `carried`: the opening balance and the
    sum of the older movements.
    """

    since: date
    until: date
    opening: Decimal
    charged: Decimal
    credited: Decimal
    closing: Decimal
    aging: Aging
    credit: Decimal
    count: int
    movements: Sequence[Movement]
    carried: Decimal


def period(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """Return the first and last day to show, by default this year up to today. A period never ends after today or before it begins."""
    last = max(EARLIEST, min(until or today, today))
    first = since or date(today.year, 1, 1)
    if first > last:
        first = last if since else date(last.year, 1, 1)
    return max(EARLIEST, first), last


_DayRange = tuple[date, date]
"""The first day, and the day after the last."""


def _invoices(account_id: int, days: _DayRange) -> ColumnElement[bool]:
    return and_(col(Invoice.account_id) == account_id, col(Invoice.issued_on) >= days[0], col(Invoice.issued_on) < days[1])


def _payments(account_id: int, days: _DayRange) -> ColumnElement[bool]:
    settled = and_(col(Payment.account_id) == account_id, col(Payment.status) == PaymentStatus.SETTLED)
    return and_(settled, col(Payment.received_at) >= clock.start_of_day(days[0]), col(Payment.received_at) < clock.start_of_day(days[1]))


def _credit_notes(account_id: int, days: _DayRange) -> ColumnElement[bool]:
    return and_(col(CreditNote.account_id) == account_id, col(CreditNote.issued_on) >= days[0], col(CreditNote.issued_on) < days[1])


def _sums(session: Session, account_id: int, days: _DayRange) -> tuple[Decimal, Decimal, int]:
    """Return what increased the balance in a range of days, what decreased it, and the number of movements. Runs three statements."""
    found: list[tuple[Decimal, int]] = []
    for column, where in (
        (Invoice.total, _invoices(account_id, days)),
        (Payment.amount, _payments(account_id, days)),
        (CreditNote.total, _credit_notes(account_id, days)),
    ):
        total = type_coerce(func.coalesce(func.sum(column), 0), Money)
        amount, number = session.connection().execute(select(total, func.count()).where(where)).one()
        found.append((amount, number))
    (charged, bills), (paid, payments), (noted, notes) = found
    return charged, paid + noted, bills + payments + notes


def statement(session: Session, account_id: int, since: date, until: date, today: date, max_count: int | None = None) -> Statement:
    """Return the statement of a period, both days included.

    Args:
        session: a database session for reading.
        account_id: the account of the statement.
        since: the first day.
        until: the last day; never after today.
        today: the business day.
        max_count: the maximum number of movements, of which the newest are kept; None for all of them.
    """
    since, until = period(since, until, today)
    after = until + DAY
    charged, credited, _ = _sums(session, account_id, (EARLIEST, since))
    opening = charged - credited
    charged, credited, count = _sums(session, account_id, (since, after))
    closing = opening + charged - credited
    open_amounts = aging(session, account_id, until, today)
    if max_count is None or count <= max_count:
        shown = list(movements(session, account_id, since, until, opening))
    else:
        shown = _newest(session, account_id, since, until, closing, max_count)
    return Statement(
        since=since,
        until=until,
        opening=opening,
        charged=charged,
        credited=credited,
        closing=closing,
        aging=open_amounts,
        credit=open_amounts.total - closing,
        count=count,
        movements=shown,
        carried=closing - sum((move.amount for move in shown), ZERO),
    )


def movements(session: Session, account_id: int, since: date, until: date, opening: Decimal) -> Iterator[Movement]:
    """Yield the movements of a period by day, with invoices before payments before credit notes. Rows are read as needed.

    Args:
        session: a database session for reading, which must stay open until the last movement.
        account_id: the account of the movements.
        since: the first day.
        until: the last day.
        opening: the balance before the first movement, in dollars.
    """
    balance = opening
    for move in _merged(session, account_id, (since, until + DAY)):
        balance += move["amount"]
        yield Movement(**move, balance=balance)


def _newest(session: Session, account_id: int, since: date, until: date, closing: Decimal, count: int) -> Sequence[Movement]:
    """Return the newest movements of a period in their order; `closing` is the balance after the last one."""
    balance, found = closing, list[Movement]()
    for move in islice(_merged(session, account_id, (since, until + DAY), count), count):
        found.append(Movement(**move, balance=balance))
        balance -= move["amount"]
    return found[::-1]


def _merged(session: Session, account_id: int, days: _DayRange, newest: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the movements of all kinds in their order, or, with a number, that many newest ones of each kind, the last one first."""
    ranks = tuple(MovementKind)
    return heapq.merge(
        *(read(session, account_id, days, newest) for read in (_invoice_moves, _payment_moves, _credit_note_moves)),
        key=lambda move: (move["day"], ranks.index(move["kind"])),
        reverse=newest is not None,
    )


def _ordered(found: Any, newest: int | None, *columns: Any) -> Any:
    """Return a select in the order of some columns, or, with a number, of that many last rows in the reverse order."""
    if newest is None:
        return found.order_by(*(col(column) for column in columns))
    return found.order_by(*(col(column).desc() for column in columns)).limit(newest)


def _invoice_moves(session: Session, account_id: int, days: _DayRange, newest: int | None) -> Iterator[dict[str, Any]]:
    found = select(col(Invoice.number), col(Invoice.issued_on), col(Invoice.due_on), col(Invoice.total))
    found = _ordered(found.where(_invoices(account_id, days)), newest, Invoice.issued_on, Invoice.id)
    for batch in search.batches(session, found):
        for row in batch:
            yield {"day": row.issued_on, "kind": MovementKind.INVOICE, "number": row.number, "amount": row.total, "due_on": row.due_on}


def _payment_moves(session: Session, account_id: int, days: _DayRange, newest: int | None) -> Iterator[dict[str, Any]]:
    shown = (Payment.id, Payment.reference, Payment.received_at, Payment.amount, Payment.method_en, Payment.method_fr)
    found = select(*(col(column) for column in shown)).where(_payments(account_id, days))
    for batch in search.batches(session, _ordered(found, newest, Payment.received_at, Payment.id)):
        applied = _invoice_numbers(session, account_id, [row.id for row in batch])
        for row in batch:
            yield {
                "day": clock.to_local(row.received_at).date(),
                "kind": MovementKind.PAYMENT,
                "number": row.reference,
                "amount": -row.amount,
                "invoices": tuple(applied.get(row.id, ())),
                "text_en": row.method_en,
                "text_fr": row.method_fr,
            }


def _invoice_numbers(session: Session, account_id: int, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Return the numbers of the invoices to which payments are allocated, by payment id."""
    numbers: dict[int, list[str]] = defaultdict(list)
    parts = select(col(Allocation.payment_id), col(Invoice.number), col(Allocation.id)).join(
        Invoice, col(Invoice.id) == col(Allocation.invoice_id)
    )
    parts = parts.where(col(Allocation.account_id) == account_id, col(Allocation.payment_id).in_(ids))
    for payment_id, number, _ in sorted(session.connection().execute(parts), key=lambda part: part.id):
        numbers[payment_id].append(number)
    return numbers


def _credit_note_moves(session: Session, account_id: int, days: _DayRange, newest: int | None) -> Iterator[dict[str, Any]]:
    shown = (CreditNote.number, CreditNote.issued_on, CreditNote.total, CreditNote.reason_en, CreditNote.reason_fr)
    found = select(*(col(column) for column in shown), col(Invoice.number).label("invoice"))
    found = found.join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id)).where(_credit_notes(account_id, days))
    for batch in search.batches(session, _ordered(found, newest, CreditNote.issued_on, CreditNote.id)):
        for row in batch:
            yield {
                "day": row.issued_on,
                "kind": MovementKind.CREDIT_NOTE,
                "number": row.number,
                "amount": -row.total,
                "invoices": (row.invoice,),
                "text_en": row.reason_en,
                "text_fr": row.reason_fr,
            }


def aging(session: Session, account_id: int, until: date, today: date) -> Aging:
    """Return the amounts unpaid at the end of a day on the invoices issued up to that day, by days past due. Runs one statement.

    The unpaid amount is the total less the allocations of payments settled and the credit notes issued up to that day. An amount
    paid or credited beyond an invoice's total does not reduce another invoice. Invoices settled up to that day are skipped;
    only for the others are the allocations and credit notes summed. These are found by the invoice, which belongs to the account.

    What pending payments cover is known for today only. As everywhere, it is not past due (see `invoices.service.state_of`).
    """
    after = until + DAY
    paid = select(func.sum(col(Allocation.amount))).join(Payment, col(Payment.id) == col(Allocation.payment_id))
    paid = paid.where(
        col(Allocation.invoice_id) == col(Invoice.id),
        col(Payment.status) == PaymentStatus.SETTLED,
        col(Payment.received_at) < clock.start_of_day(after),
    )
    noted = select(func.sum(col(CreditNote.total))).where(col(CreditNote.invoice_id) == col(Invoice.id), col(CreditNote.issued_on) < after)
    sums = [func.coalesce(found.correlate(Invoice).scalar_subquery(), 0) for found in (paid, noted)]
    pending = col(Invoice.pending) if until == today else literal(ZERO, Money)
    left = select(col(Invoice.due_on), (col(Invoice.total) - sums[0] - sums[1]).label("rest"), pending.label("pending")).where(
        col(Invoice.account_id) == account_id,
        invoices.settled_after(until),
        invoices.is_owed_on(search.unindexed(col(Invoice.issued_on)), until),
    )
    # Materialized, so that the rest is computed once for each invoice instead of once for each age.
    rests = left.cte("rests").prefix_with("MATERIALIZED")
    rest, due = type_coerce(rests.c.rest, Money), rests.c.due_on
    being_paid = invoices.being_paid_of(rest, rests.c.pending)
    late = [until - timedelta(days=n) for n in (0, 30, 60, 90)]
    bounds = (due >= late[0], *(and_(due < first, due >= last) for first, last in pairwise(late)), due < late[3])

    def cents(amount: Any, *conditions: Any) -> Any:
        return type_coerce(func.coalesce(func.sum(case((and_(rest > ZERO, *conditions), amount), else_=ZERO)), 0), Money)

    ages = [cents(rest - being_paid, bound) for bound in bounds]
    return Aging(*session.connection().execute(select(*ages, cents(being_paid))).one())
