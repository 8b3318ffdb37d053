"""Rules of invoices: states, amounts owed and spent, the list, single invoices, and the separation of accounts."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core import i18n
from odoportal.core.folding import fold
from odoportal.core.money import ZERO, dollars
from odoportal.lists.query import ListQuery
from odoportal.rooms.invoices import service
from odoportal.rooms.invoices.balances import settle
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.labels import state_labels
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, Payment
from odoportal.rooms.invoices.service import InvoiceState
from tests.making import NOON, TODAY, account, invoice, order, rolled_back


def found(session: Session, account_id: int, language: str = "en", **given_: str) -> list[str]:
    query = ListQuery.parse(INVOICES.rules, given_)
    with i18n.use(language):
        request = INVOICES.request(account_id, query, language, TODAY)
    return [i.number for i in INVOICES.source.find(session, request).rows]


CENTS = st.sampled_from([0, 1, 5000, 10000, 11498])
SUMS = st.tuples(CENTS, CENTS, CENTS, CENTS, st.integers(-40, 40), st.sampled_from([-54, 0, 1, 20]))
SOME_INVOICES = st.lists(SUMS, max_size=12)


def fill(session: Session, rows: list[tuple[int, int, int, int, int, int]], account_id: int, mark: str = "") -> list[Invoice]:
    made = []
    for at, (total, paid, pending, credited, due, issued) in enumerate(rows):
        sums = {"paid": dollars(paid), "pending": dollars(pending), "credited": dollars(credited)}
        days = TODAY + timedelta(days=issued), TODAY + timedelta(days=due)
        made.append(invoice(session, account_id, f"{at + 1}{mark}", str(dollars(total)), *days, **sums))
    return made


@settings(max_examples=60)
@given(SOME_INVOICES)
def test_filters_counts_and_sums_are_what_the_screen_says(engine: Engine, rows: list[tuple[int, int, int, int, int, int]]) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        invoices = fill(session, rows, mine)
        fill(session, rows, other, "X")
        states = {i.number: service.state_of(i, TODAY) for i in invoices}
        open_ = {InvoiceState.TO_PAY, InvoiceState.PART_PAID, InvoiceState.OVERDUE}
        counts = service.state_counts(session, mine, TODAY)
        for state in InvoiceState:
            wanted = open_ if state == InvoiceState.TO_PAY else {state}
            expected = {n for n, s in states.items() if s in wanted}
            assert set(found(session, mine, state=state, size="25")) == expected, state
            assert counts[state] == len(expected)
        assert counts[""] == len(rows)
        owing = service.owing(session, mine, TODAY)

        def to_pay(i: Invoice) -> Decimal:
            return service.balance(i) - service.being_paid(i)

        unpaid = [i for i in invoices if states[i.number] in {*open_, InvoiceState.PENDING}]
        assert (owing.unpaid, owing.unpaid_invoices) == (sum((service.balance(i) for i in unpaid), ZERO), len(unpaid))
        assert owing.total == sum((to_pay(i) for i in invoices if states[i.number] in open_), ZERO)
        assert owing.overdue == sum((to_pay(i) for i in invoices if states[i.number] == InvoiceState.OVERDUE), ZERO)
        ahead_of_date = sum((i.paid + i.credited for i in invoices if i.issued_on > TODAY), ZERO)
        assert owing.credit == ahead_of_date + sum((service.credit(i) for i in invoices if i.issued_on <= TODAY), ZERO)
        assert (owing.invoices, owing.overdue_invoices) == (counts[InvoiceState.TO_PAY], counts[InvoiceState.OVERDUE])
        ahead = [i.due_on for i in invoices if states[i.number] in open_ and i.due_on >= TODAY]
        assert owing.next_due == (min(ahead) if ahead else None)
        late = service.overdue(session, mine, TODAY, 3)
        assert [i.due_on for i in late] == sorted(i.due_on for i in invoices if states[i.number] == InvoiceState.OVERDUE)[:3]


@given(SUMS)
def test_every_invoice_has_one_state_and_no_negative_balance(row: tuple[int, int, int, int, int, int]) -> None:
    total, paid, pending, credited, due, issued = row
    made = Invoice(
        account_id=1,
        number="1",
        number_order=1,
        issued_on=TODAY + timedelta(days=issued),
        due_on=TODAY + timedelta(days=due),
        subtotal=ZERO,
        total=dollars(total),
        paid=dollars(paid),
        pending=dollars(pending),
        credited=dollars(credited),
    )
    assert service.balance(made) >= ZERO
    assert service.state_of(made, TODAY) in InvoiceState
    assert made.total - made.paid - made.credited + service.credit(made) == service.balance(made)
    assert ZERO <= service.being_paid(made) <= service.balance(made)


@pytest.mark.parametrize(
    ("sums", "due", "state"),
    [
        ({}, 0, InvoiceState.TO_PAY),
        ({}, -1, InvoiceState.OVERDUE),
        ({"paid": "40"}, 0, InvoiceState.PART_PAID),
        ({"paid": "40"}, -1, InvoiceState.OVERDUE),
        ({"credited": "40"}, 5, InvoiceState.PART_PAID),
        ({"paid": "100"}, -9, InvoiceState.PAID),
        ({"paid": "60", "credited": "40"}, -9, InvoiceState.PAID),
        ({"pending": "100"}, -9, InvoiceState.PENDING),
        ({"paid": "40", "pending": "60"}, -9, InvoiceState.PENDING),
        ({"pending": "99.99"}, -9, InvoiceState.OVERDUE),
        ({"paid": "100", "credited": "100"}, -9, InvoiceState.CREDITED),
        ({"credited": "100"}, -9, InvoiceState.CREDITED),
        ({"paid": "100", "credited": "40"}, -9, InvoiceState.PAID),
        ({"issued_on": TODAY + timedelta(days=1)}, 30, InvoiceState.UPCOMING),
        ({"issued_on": TODAY + timedelta(days=1), "pending": "100"}, 30, InvoiceState.UPCOMING),
        ({"issued_on": TODAY + timedelta(days=1), "paid": "100"}, 30, InvoiceState.PAID),
        ({"paid": "120"}, 5, InvoiceState.PAID),
    ],
)
def test_the_state_of_an_invoice(sums: dict[str, Any], due: int, state: InvoiceState) -> None:
    given_: dict[str, Any] = {"issued_on": TODAY, **{k: Decimal(v) if isinstance(v, str) else v for k, v in sums.items()}}
    made = Invoice(
        account_id=1,
        number="1",
        number_order=1,
        due_on=TODAY + timedelta(days=due),
        subtotal=ZERO,
        total=Decimal(100),
        **given_,
    )
    assert service.state_of(made, TODAY) == state


@pytest.fixture
def desk(engine: Engine) -> Any:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        bought, theirs = order(session, mine, "26367"), order(session, other, "555")
        invoice(
            session, mine, "212048", "576.07", date(2020, 3, 12), order_id=bought.id, paid=Decimal("576.07"), settled_on=date(2020, 3, 12)
        )
        invoice(session, mine, "999", "12345.60", date(2020, 5, 1))
        invoice(session, mine, "1000", "80.00", date(2020, 9, 20), paid=Decimal("30.00"))
        invoice(session, other, "777", "576.07", date(2020, 3, 12), order_id=theirs.id)
        yield session, mine, other


@pytest.mark.parametrize(
    ("q", "numbers"),
    [
        ("212048", {"212048"}),
        ("576,07", {"212048"}),
        ("576.07", {"212048"}),
        ("576,07 $", {"212048"}),
        ("$576.07", {"212048"}),
        ("$12,345.60", {"999"}),
        ("12 345,60 $", {"999"}),
        ("12345.60", {"999"}),
        ("2020-05-01", {"999"}),
        ("%", set()),
        ("_", set()),
        ("777", set()),
        ("' or 1=1 --", set()),
        ("50,00", {"1000"}),
        ("(a+)+$" * 16, set()),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_search(desk: Any, q: str, numbers: set[str], language: str) -> None:
    session, mine, _ = desk
    assert set(found(session, mine, language, q=q)) == numbers


PRINTED = [
    "#212048", "nº 212048", "n° 212048", "No. 212048", "212048.", "(212048)", "« 212048 »", "Invoice 212048", "Facture 212048",
    "invoice #212048", "Invoice-212048.pdf", "Facture-212048.pdf", "commande 26367", "Order 26367", "576,07 $ CA", "576.07 CAD",
    "(576,07)", "−576,07 $", "576,07 $ 2020-03-12", "Visa •••• 4242", "576,07 $ visa", "C-2047", "Note de crédit C-2047",
    "Credit note C-2047.", "501,04", "payées", "Payée", "paid",
]  # fmt: skip


@pytest.mark.parametrize("q", PRINTED)
def test_what_the_portal_prints_beside_a_number_finds_it(engine: Engine, q: str) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")
        bought = order(session, mine, "26367")
        made = invoice(
            session, mine, "212048", "576.07", date(2020, 3, 12), order_id=bought.id, paid=Decimal("576.07"), settled_on=date(2020, 3, 12)
        )
        made.subtotal = Decimal("501.04")
        paid = Payment(account_id=mine, reference="P1", received_at=NOON, method_en="Visa 4242", method_fr="Visa 4242", amount=made.total)
        note = CreditNote(
            account_id=mine, invoice_id=made.id or 0, number="C-2047", issued_on=TODAY, reason_en="", reason_fr="", subtotal=ZERO,
            total=Decimal("1.00"),
        )  # fmt: skip
        session.add_all([paid, note])
        session.flush()
        session.add(Allocation(account_id=mine, payment_id=paid.id or 0, invoice_id=made.id or 0, amount=made.total))
        settle(session, mine, [made.id or 0])
        invoice(session, mine, "999", "12345.60", date(2020, 5, 1))
        language = "en" if q == "paid" else "fr"
        assert found(session, mine, language, q=q) == ["212048"]


@pytest.mark.parametrize(
    ("language", "q", "numbers"),
    [
        ("en", "overdue", {"999"}),
        ("en", "partially paid", {"1000"}),
        ("en", "OVERDUE 12345.60", {"999"}),
        ("en", "credited", set()),
        ("en", "to", set()),
        ("en", "To pay 12345.60", {"999"}),
    ],
)
def test_a_state_can_be_searched_by_its_word(desk: Any, language: str, q: str, numbers: set[str]) -> None:
    session, mine, _ = desk
    assert set(found(session, mine, language, q=q)) == numbers


def test_the_french_words_are_searched_on_the_french_page(desk: Any) -> None:
    session, mine, _ = desk
    with i18n.use("fr"):
        word = fold(state_labels()[InvoiceState.OVERDUE]).split()[-1]
    assert "999" in found(session, mine, "fr", q=word)


def test_sorting(desk: Any) -> None:
    session, mine, _ = desk
    assert found(session, mine) == ["1000", "999", "212048"]
    assert found(session, mine, sort="number") == ["999", "1000", "212048"]
    assert found(session, mine, sort="-amount") == ["999", "212048", "1000"]
    assert found(session, mine, sort="paid")[0] == "212048"
    assert found(session, mine, sort="-paid")[-1] == "212048"


@pytest.mark.asvs("8.2.2")
def test_the_filter_by_order_knows_own_orders_only(desk: Any) -> None:
    session, mine, other = desk
    assert found(session, mine, order="26367") == ["212048"]
    assert found(session, mine, order="555") == []
    assert found(session, mine, order="no such") == []
    assert found(session, other, order="26367") == []


def test_dates_filter_by_the_day_of_issue(desk: Any) -> None:
    session, mine, _ = desk
    assert found(session, mine, **{"from": "2020-05-01", "to": "2020-05-01"}) == ["999"]


@pytest.mark.asvs("8.2.2")
def test_another_account_s_number_is_as_unknown_as_any(desk: Any) -> None:
    session, mine, other = desk
    assert service.get(session, mine, "212048") is not None
    assert service.get(session, other, "212048") is None
    assert service.get(session, other, "no such") is None


def test_one_invoice_comes_with_what_was_paid_on_it(desk: Any) -> None:
    session, mine, _ = desk
    held = service.get(session, mine, "212048")
    assert held is not None
    assert held.order_number == "26367"
    paid = Payment(
        account_id=mine,
        reference="P1",
        received_at=datetime(2020, 3, 12, 15, tzinfo=UTC),
        method_en="Visa",
        method_fr="Visa",
        amount=Decimal("600.00"),
    )
    session.add(paid)
    session.flush()
    assert paid.id is not None
    assert held.invoice.id is not None
    session.add(Allocation(account_id=mine, payment_id=paid.id, invoice_id=held.invoice.id, amount=Decimal("576.07")))
    session.flush()
    whole = service.get(session, mine, "212048")
    assert whole is not None
    assert [(p.reference, amount) for p, amount in whole.payments] == [("P1", Decimal("576.07"))]


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 99999)), max_size=10),
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 9999)), max_size=3),
)
def test_spending_adds_up_month_by_month(engine: Engine, bills: list[tuple[int, int]], notes: list[tuple[int, int]]) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        sums: Counter[date] = Counter()
        first = invoice(session, mine, "1", "0.00", TODAY)
        for at, (ago, amount) in enumerate(bills):
            day = TODAY - timedelta(days=ago)
            invoice(session, mine, str(at + 2), str(dollars(amount)), day)
            invoice(session, other, f"{at + 2}X", str(dollars(amount)), day)
            sums[day.replace(day=1)] += amount
        for at, (ago, amount) in enumerate(notes):
            day = TODAY - timedelta(days=ago)
            values = {"reason_en": "r", "reason_fr": "r", "subtotal": dollars(amount), "total": dollars(amount)}
            session.add(CreditNote(account_id=mine, invoice_id=first.id or 0, number=f"N{at}", issued_on=day, **values))
            sums[day.replace(day=1)] -= amount
        session.flush()
        invoice(session, mine, "9999", "5.00", TODAY + timedelta(days=1))
        spent = service.spending(session, mine, TODAY)
        assert [month for month, _ in spent] == [date(2019 + (9 + i) // 12, (9 + i) % 12 + 1, 1) for i in range(12)]
        assert all(amount == dollars(sums[month]) for month, amount in spent)


def test_the_invoices_of_an_order_are_the_newest_and_all_are_counted(desk: Any) -> None:
    session, mine, other = desk
    bought = order(session, mine, "88")
    for n in range(4):
        invoice(session, mine, f"3{n}", "1.00", date(2020, 1, 1 + n), order_id=bought.id)
    newest, total = service.of_order(session, mine, bought.id or 0, 2)
    assert ([i.number for i in newest], total) == (["33", "32"], 4)
    assert service.of_order(session, other, bought.id or 0, 2) == ([], 0)
