"""The statement of account compared with plain sums over any history of an account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.money import ZERO, dollars
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.balances import refresh_unapplied, settle
from odoportal.rooms.invoices.models import Allocation, CreditNote, Payment
from odoportal.rooms.statements import service
from odoportal.rooms.statements.service import Aging, MovementKind, period, statement
from tests.making import TODAY, account, invoice, recorded_statements, rolled_back

FIRST = date(2019, 6, 1)
DAYS = 480
LATER = FIRST + timedelta(days=DAYS)
OTHERS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Books:
    """The history of an account, with indexes instead of ids.

    Invoices are (day, due, total), payments (instant, status, amount), parts (payment, invoice, amount), notes (invoice, day, total).
    """

    invoices: list[tuple[date, date, Decimal]]
    payments: list[tuple[datetime, str, Decimal]] = field(default_factory=list)
    parts: list[tuple[int, int, Decimal]] = field(default_factory=list)
    notes: list[tuple[int, date, Decimal]] = field(default_factory=list)


days = st.integers(0, DAYS - 1).map(lambda n: FIRST + timedelta(days=n))
amounts = st.integers(1, 100_000).map(dollars)


@st.composite
def books(draw: Callable[[Any], Any]) -> Books:
    """Draw a history: partial, excess, early, late, pending, failed and unapplied payments; notes on paid and unpaid invoices."""
    made = Books(
        [(day, day + timedelta(days=draw(st.integers(0, 60))), draw(amounts)) for day in draw(st.lists(days, min_size=1, max_size=6))]
    )
    for at in range(draw(st.integers(0, 5))):
        day, minute = draw(days), draw(st.integers(0, 24 * 60 - 1))
        status, amount = draw(st.sampled_from(["settled", "settled", "settled", "pending", "failed"])), draw(amounts)
        made.payments.append((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute), status, amount))
        left = amount
        for which in draw(st.lists(st.integers(0, len(made.invoices) - 1), max_size=3, unique=True)):
            part = min(left, draw(amounts))
            if part:
                made.parts.append((at, which, part))
                left -= part
    for _ in range(draw(st.integers(0, 3))):
        made.notes.append((draw(st.integers(0, len(made.invoices) - 1)), draw(days), draw(amounts)))
    return made


def write(session: Session, made: Books, number: str = "1042") -> int:
    mine = account(session, number)
    bills = [invoice(session, mine, f"{number}{i}", str(total), day, due) for i, (day, due, total) in enumerate(made.invoices)]
    payments = [
        Payment(
            account_id=mine, reference=f"R{number}-{i}", received_at=at, method_en="Visa", method_fr="Visa", amount=amount, status=status
        )
        for i, (at, status, amount) in enumerate(made.payments)
    ]
    session.add_all(payments)
    session.flush()
    session.add_all(
        Allocation(account_id=mine, payment_id=payments[p].id or 0, invoice_id=bills[i].id or 0, amount=amount)
        for p, i, amount in made.parts
    )
    session.add_all(
        CreditNote(
            account_id=mine, invoice_id=bills[i].id or 0, number=f"C{number}-{n}", issued_on=day, reason_en="", reason_fr="",
            subtotal=total, total=total,
        )
        for n, (i, day, total) in enumerate(made.notes)
    )  # fmt: skip
    session.flush()
    settle(session, mine, [bill.id for bill in bills if bill.id])
    refresh_unapplied(session, [payment.id for payment in payments if payment.id])
    return mine


def paid_by(made: Books, until: date) -> Sequence[tuple[int, date, Decimal]]:
    """Return the payments settled up to a day: index, business day, amount."""
    dated = [(i, clock.to_local(at).date(), amount) for i, (at, status, amount) in enumerate(made.payments) if status == "settled"]
    return [(i, day, amount) for i, day, amount in dated if day <= until]


def balance(made: Books, until: date) -> Decimal:
    """Return what the account owes at the end of a day, from plain sums."""
    charged = sum((total for day, _, total in made.invoices if day <= until), ZERO)
    paid = sum((amount for _, _, amount in paid_by(made, until)), ZERO)
    return charged - paid - sum((total for _, day, total in made.notes if day <= until), ZERO)


def ages(made: Books, until: date) -> tuple[Aging, Decimal]:
    """Return the open amounts by age and the unapplied credit, computed invoice by invoice and payment by payment."""
    settled = {i: amount for i, _, amount in paid_by(made, until)}
    open_of = {i: total for i, (day, _, total) in enumerate(made.invoices) if day <= until}
    credit = sum(settled.values(), ZERO)
    for payment, which, part in made.parts:
        if payment in settled and which in open_of:
            open_of[which] -= part
            credit -= part
    for which, day, total in made.notes:
        if day <= until and which in open_of:
            open_of[which] -= total
        elif day <= until:
            credit += total
    sums = [ZERO] * 5
    for which, rest in open_of.items():
        late = (until - made.invoices[which][1]).days
        if rest > 0:
            sums[0 if late <= 0 else 1 if late <= 30 else 2 if late <= 60 else 3 if late <= 90 else 4] += rest
        else:
            credit -= rest
    return Aging(*sums), credit


@given(books(), days, days)
@OTHERS
def test_a_statement_is_what_happened(engine: Engine, made: Books, one: date, other: date) -> None:
    since, until = min(one, other), max(one, other)
    with rolled_back(engine) as session:
        mine = write(session, made)
        write(session, made, "2042")
        found = statement(session, mine, since, until, LATER)
    assert found.opening == balance(made, since - timedelta(days=1))
    assert found.closing == balance(made, until)
    assert found.opening + sum((m.amount for m in found.movements), ZERO) == found.closing
    assert found.opening + found.charged - found.credited == found.closing
    assert (found.aging, found.credit) == ages(made, until)
    assert found.aging.total - found.credit == found.closing
    assert found.credit >= ZERO
    assert found.count == len(found.movements)
    running = found.opening
    for move in found.movements:
        running += move.amount
        assert (move.balance, since <= move.day <= until) == (running, True)
        assert (move.amount > 0) == (move.kind == MovementKind.INVOICE)
    assert [m.day for m in found.movements] == sorted(m.day for m in found.movements)


@given(books(), st.tuples(days, days, days))
@OTHERS
def test_two_periods_are_one(engine: Engine, made: Books, three: tuple[date, date, date]) -> None:
    since, middle, until = sorted(three)
    with rolled_back(engine) as session:
        mine = write(session, made)
        whole = statement(session, mine, since, until, LATER)
        first = statement(session, mine, since, middle, LATER)
        if middle == until:
            return
        second = statement(session, mine, middle + timedelta(days=1), until, LATER)
    assert (first.opening, first.closing, second.closing) == (whole.opening, second.opening, whole.closing)
    assert [*first.movements, *second.movements] == whole.movements
    assert (second.aging, second.credit) == (whole.aging, whole.credit)


@given(books(), days)
@OTHERS
def test_home_statement_and_list_lead_to_each_other(engine: Engine, made: Books, today: date) -> None:
    # Nothing is settled or credited after today; an invoice may be dated later.
    later = {i for i, (at, status, _) in enumerate(made.payments) if status == "settled" and clock.to_local(at).date() > today}
    made.payments = [(at, "failed" if i in later else status, amount) for i, (at, status, amount) in enumerate(made.payments)]
    made.notes = [note for note in made.notes if note[1] <= today]
    with rolled_back(engine) as session:
        mine = write(session, made)
        write(session, made, "2042")
        found, owing = statement(session, mine, today, today, today), invoices.owing(session, mine, today)
        listed = [i for i in invoices.issued(session, mine, FIRST, LATER) if invoices.is_owed_on(i.issued_on, today)]
        sums = [sum((value(i) for i in listed), ZERO) for value in (invoices.balance, invoices.being_paid)]
    ages_ = found.aging
    assert (ages_.total, ages_.being_paid, ages_.owed) == (owing.unpaid, owing.being_paid, owing.total)
    assert ages_.owed - ages_.current == owing.overdue
    assert found.credit == owing.credit
    assert owing.unpaid - owing.being_paid == owing.total
    assert owing.total - owing.credit == owing.left == found.closing - owing.being_paid
    assert sums == [owing.unpaid, owing.being_paid]


GUIDE = Books(
    invoices=[(date(2020, 5, 1), date(2020, 5, 31), dollars(57607)), (date(2020, 9, 1), date(2020, 10, 1), dollars(10000))],
    payments=[
        # 20:30 on September 10 in Québec, already September 11 in UTC.
        (datetime(2020, 9, 11, 0, 30, tzinfo=UTC), "settled", dollars(60000)),
        (datetime(2020, 9, 12, 15, 0, tzinfo=UTC), "pending", dollars(5000)),
    ],
    parts=[(0, 0, dollars(50000))],
    notes=[(1, date(2020, 9, 10), dollars(2000))],
)


def test_one_by_hand(stored: Engine) -> None:
    with Session(stored) as session:
        mine = write(session, GUIDE)
        found = statement(session, mine, date(2020, 9, 1), TODAY, TODAY)
    shown = [(m.day.isoformat(), m.kind.value, m.number, str(m.amount), str(m.balance), m.invoices) for m in found.movements]
    assert (str(found.opening), str(found.closing)) == ("576.07", "56.07")
    assert shown == [
        ("2020-09-01", "invoice", "10421", "100.00", "676.07", ()),
        ("2020-09-10", "payment", "R1042-0", "-600.00", "76.07", ("10420",)),
        ("2020-09-10", "credit_note", "C1042-0", "-20.00", "56.07", ("10421",)),
    ]
    # 76.07 of the old invoice is 116 days late, 80.00 of the new one is not due, and 100.00 of the payment is unapplied.
    assert found.aging == Aging(current=dollars(8000), older=dollars(7607))
    assert found.credit == dollars(10000)


def test_what_is_being_paid_is_not_past_due_today_and_unknown_on_other_days(stored: Engine) -> None:
    late = Books(
        invoices=[(date(2020, 5, 1), date(2020, 5, 31), dollars(10000)), (date(2020, 12, 1), date(2020, 12, 31), dollars(14000))],
        payments=[(datetime(2020, 9, 12, 15, 0, tzinfo=UTC), "pending", dollars(9000))],
        parts=[(0, 0, dollars(9000))],
    )
    with Session(stored) as session:
        mine = write(session, late)
        now, before = (service.aging(session, mine, day, TODAY) for day in (TODAY, TODAY - timedelta(days=1)))
        owing = invoices.owing(session, mine, TODAY)
    assert now == Aging(older=dollars(1000), being_paid=dollars(9000))
    assert before == Aging(older=dollars(10000))
    assert (owing.total, owing.overdue, owing.unpaid_invoices) == (dollars(1000), dollars(1000), 1)


@pytest.mark.parametrize(("late", "bucket"), [(-1, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (400, 4)])
def test_ages_end_where_they_should(stored: Engine, late: int, bucket: int) -> None:
    with Session(stored) as session:
        mine = account(session)
        due = TODAY - timedelta(days=late)
        invoice(session, mine, "1", "10.00", min(due, TODAY), due)
        found = service.aging(session, mine, TODAY, TODAY)
    assert [found.current, found.to_30, found.to_60, found.to_90, found.older][bucket] == found.total == dollars(1000)


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        (None, None, ("2020-01-01", "2020-09-24")),
        ("2020-03-05", None, ("2020-03-05", "2020-09-24")),
        (None, "2020-03-05", ("2020-01-01", "2020-03-05")),
        (None, "2019-03-05", ("2019-01-01", "2019-03-05")),
        ("2020-05-01", "2020-03-05", ("2020-03-05", "2020-03-05")),
        ("2020-12-01", "2021-03-05", ("2020-09-24", "2020-09-24")),
        ("0001-01-01", "9999-12-31", ("1900-01-01", "2020-09-24")),
        ("0001-01-01", "0001-01-01", ("1900-01-01", "1900-01-01")),
    ],
)
def test_a_period_is_never_upside_down_nor_in_the_future(since: str | None, until: str | None, shown: tuple[str, str]) -> None:
    asked = [date.fromisoformat(day) if day else None for day in (since, until)]
    assert tuple(day.isoformat() for day in period(asked[0], asked[1], TODAY)) == shown


def test_so_many_movements_at_most_and_the_same_number_of_statements(stored: Engine) -> None:
    with Session(stored) as session:
        few, many = account(session, "1"), account(session, "2")
        for i in range(20):
            invoice(session, many, f"9{i}", "1.00")
        with recorded_statements(stored) as of_few:
            statement(session, few, FIRST, TODAY, TODAY, 5)
        with recorded_statements(stored) as of_many:
            found = statement(session, many, FIRST, TODAY, TODAY, 5)
    assert (len(found.movements), found.count, found.closing) == (5, 20, dollars(2000))
    assert len(of_many) == len(of_few) == 10
    assert [move.number for move in found.movements] == [f"9{i}" for i in range(15, 20)]
    assert (found.carried, found.movements[-1].balance) == (dollars(1500), found.closing)
