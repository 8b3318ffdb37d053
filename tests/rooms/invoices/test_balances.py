"""Balances of invoices: sums and the day of settlement, as a rule and in the database; what payments have left."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import Session, select

from odoportal.accounts.models import Account
from odoportal.core import database
from odoportal.rooms.invoices.balances import balances, refresh_unapplied, settle
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, InvoiceLine, Payment

DAY = date(2020, 9, 1)
START = datetime(2020, 9, 1, 16, 0, tzinfo=UTC)
Dated = list[tuple[date, Decimal]]
PARTS = st.lists(st.tuples(st.dates(DAY, DAY + timedelta(30)), st.decimals("0.01", "500", places=2)), max_size=6)


@given(st.decimals("0.01", "1000", places=2), PARTS, PARTS)
def test_the_day_is_the_first_on_which_the_total_was_reached(total: Decimal, paid: Dated, credited: Dated) -> None:
    found = balances(DAY, total, paid, [], credited)
    assert (found.paid, found.credited) == (sum(amount for _, amount in paid), sum(amount for _, amount in credited))
    assert (found.settled_on is not None) == (found.paid + found.credited >= total)
    if found.settled_on and found.credited < total:
        both = [*paid, *credited]
        assert sum(amount for day, amount in both if day <= found.settled_on) >= total
        assert sum(amount for day, amount in both if day < found.settled_on) < total


@given(st.decimals("0.01", "1000", places=2), PARTS, PARTS)
def test_what_is_credited_in_full_is_settled_on_that_day(total: Decimal, paid: Dated, credited: Dated) -> None:
    full = [day for day in sorted(day for day, _ in credited) if sum(a for d, a in credited if d <= day) >= total]
    if full:
        assert balances(DAY, total, paid, [], credited).settled_on == full[0]


@given(st.permutations([(DAY + timedelta(n), Decimal(n + 1)) for n in range(5)]))
def test_the_order_of_payments_does_not_matter(paid: list[tuple[date, Decimal]]) -> None:
    assert balances(DAY, Decimal(10), paid, [Decimal(3)], []).settled_on == DAY + timedelta(3)


def test_nothing_to_pay_is_settled_from_the_start() -> None:
    assert balances(DAY, Decimal(0), [], [], []).settled_on == DAY


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = database.make_engine(database_url)
    with Session(engine) as session:
        session.add_all([Account(id=1, number="A", name="A", created_at=START), Account(id=2, number="B", name="B", created_at=START)])
        session.flush()
        yield session
    engine.dispose()


def invoice(session: Session, number: int, total: str = "100.00", account: int = 1) -> int:
    session.add(
        Invoice(id=number, account_id=account, number=str(number), number_order=number, issued_on=DAY, due_on=DAY + timedelta(30),
                subtotal=Decimal(total), total=Decimal(total))
    )  # fmt: skip
    session.flush()
    session.add(InvoiceLine(account_id=account, invoice_id=number, position=1, quantity=2, description_en="Cable", description_fr="Câble"))
    session.flush()
    return number


def pay(session: Session, number: int, amount: str, at: datetime = START, status: str = "settled", account: int = 1) -> None:
    reference = f"P{number}-{amount}-{status}-{at:%d%H}"
    payment = Payment(
        account_id=account,
        reference=reference,
        received_at=at,
        method_en="Cheque 7",
        method_fr="Chèque 7",
        amount=Decimal(amount),
        status=status,
    )
    session.add(payment)
    session.flush()
    assert payment.id is not None
    session.add(Allocation(account_id=account, payment_id=payment.id, invoice_id=number, amount=Decimal(amount)))


def credit(session: Session, number: int, amount: str, day: date) -> None:
    session.add(
        CreditNote(account_id=1, invoice_id=number, number=f"C{number}{amount}", issued_on=day, reason_en="x", reason_fr="x",
                   subtotal=Decimal(amount), total=Decimal(amount))
    )  # fmt: skip


def test_an_invoice_gets_its_sums_day_and_search_text(session: Session) -> None:
    one = invoice(session, 1)
    pay(session, one, "30.00")
    pay(session, one, "20.00", status="pending")
    pay(session, one, "50.00", status="failed")
    settle(session, 1, [one])
    held = session.get_one(Invoice, one)
    assert (held.paid, held.pending, held.credited, held.settled_on) == (Decimal(30), Decimal(20), Decimal(0), None)
    assert {"2 x cable", "cheque 7", "70.00", "70,00", "30.00"} <= set(held.search.split("\n"))
    # 03:00 UTC on September 3 is still September 2 in Québec.
    pay(session, one, "70.00", at=datetime(2020, 9, 3, 3, 0, tzinfo=UTC))
    settle(session, 1, [one])
    assert held.settled_on == date(2020, 9, 2)
    credit(session, one, "100.00", DAY + timedelta(9))
    settle(session, 1, [one])
    assert (held.settled_on, held.credited) == (DAY + timedelta(9), Decimal(100))
    assert {"c1100.00", "100.00"} <= set(held.search.split("\n"))


def test_a_payment_has_left_what_is_not_allocated(session: Session) -> None:
    one = invoice(session, 1)
    pay(session, one, "30.00")
    session.add(Payment(account_id=1, reference="alone", received_at=START, method_en="", method_fr="", amount=Decimal(7)))
    session.flush()
    held = {payment.reference: payment for payment in session.exec(select(Payment))}
    next(payment for name, payment in held.items() if name != "alone").amount = Decimal("50.00")
    refresh_unapplied(session, [payment.id or 0 for payment in held.values()])
    assert sorted(payment.unapplied for payment in held.values()) == [Decimal("7.00"), Decimal("20.00")]


def test_another_accounts_invoice_is_left_alone(session: Session) -> None:
    theirs = invoice(session, 9, account=2)
    pay(session, theirs, "100.00", account=2)
    settle(session, 1, [theirs])
    assert session.get_one(Invoice, theirs).paid == 0
    settle(session, 2, [theirs])
    assert session.get_one(Invoice, theirs).paid == 100


def test_the_number_of_statements_does_not_grow(session: Session) -> None:
    counts = [0]

    def count(*_arguments: object) -> None:
        counts[-1] += 1

    event.listen(session.get_bind(), "before_cursor_execute", count)
    for ids in (range(1, 3), range(100, 160)):
        for number in ids:
            pay(session, invoice(session, number), "100.00")
        session.flush()
        counts.append(0)
        settle(session, 1, list(ids))
        counts.append(0)
    assert counts[1] == counts[3] <= 6
    counts.append(0)
    settle(session, 1, [])
    assert counts[-1] == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["settled", "pending", "failed"]), st.integers(1, 4000)), max_size=6))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_settling_again_changes_nothing(session: Session, parts: list[tuple[int, str, int]]) -> None:
    with session.begin_nested() as savepoint:
        one = invoice(session, 1)
        for place, (day, status, cents) in enumerate(parts):
            pay(session, one, str(Decimal(cents) / 100), START + timedelta(days=day, hours=place), status)
        settle(session, 1, [one])
        first = session.get_one(Invoice, one).model_dump()
        settle(session, 1, [one])
        assert session.get_one(Invoice, one).model_dump() == first
        assert first["paid"] == sum((Decimal(c) / 100 for _, status, c in parts if status == "settled"), Decimal(0))
        savepoint.rollback()
