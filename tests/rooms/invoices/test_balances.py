"""Balances of invoices: sums, the day of settlement and refunds, as a rule and in the database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import Session

from odoportal.accounts.models import Account
from odoportal.core import database
from odoportal.rooms.invoices.balances import balances, settle
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
    if found.settled_on and not found.refunded:
        both = [*paid, *credited]
        assert sum(amount for day, amount in both if day <= found.settled_on) >= total
        assert sum(amount for day, amount in both if day < found.settled_on) < total


@given(st.decimals("0.01", "1000", places=2), PARTS, PARTS)
def test_a_refund_is_a_full_credit_after_a_full_payment(total: Decimal, paid: Dated, credited: Dated) -> None:
    found = balances(DAY, total, paid, [], credited)
    full = [day for day in sorted(day for day, _ in credited) if sum(a for d, a in credited if d <= day) >= total]
    paid_by_then = sum(amount for day, amount in paid if full and day <= full[0])
    assert found.refunded == (bool(full) and paid_by_then >= total)
    if found.refunded:
        assert found.settled_on == full[0]


@given(st.permutations([(DAY + timedelta(n), Decimal(n + 1)) for n in range(5)]))
def test_the_order_of_payments_does_not_matter(paid: list[tuple[date, Decimal]]) -> None:
    assert balances(DAY, Decimal(10), paid, [Decimal(3)], []).settled_on == DAY + timedelta(3)


def test_nothing_to_pay_is_settled_from_the_start_and_is_no_refund() -> None:
    found = balances(DAY, Decimal(0), [], [], [])
    assert (found.settled_on, found.refunded) == (DAY, False)


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
    assert (held.paid, held.pending, held.credited, held.settled_on, held.refunded) == (Decimal(30), Decimal(20), Decimal(0), None, False)
    assert {"2 x cable", "cheque 7", "70.00", "70,00", "30.00"} <= set(held.search.split("\n"))
    # 03:00 UTC on September 3 is still September 2 in Québec.
    pay(session, one, "70.00", at=datetime(2020, 9, 3, 3, 0, tzinfo=UTC))
    settle(session, 1, [one])
    assert held.settled_on == date(2020, 9, 2)
    credit(session, one, "100.00", DAY + timedelta(9))
    settle(session, 1, [one])
    assert (held.refunded, held.settled_on, held.credited) == (True, DAY + timedelta(9), Decimal(100))


def test_a_credit_before_any_payment_settles_without_a_refund(session: Session) -> None:
    one = invoice(session, 1)
    credit(session, one, "100.00", DAY + timedelta(2))
    settle(session, 1, [one])
    held = session.get_one(Invoice, one)
    assert (held.refunded, held.settled_on) == (False, DAY + timedelta(2))


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
