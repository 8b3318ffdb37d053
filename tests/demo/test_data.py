"""The demonstration: amounts right to the cent, texts in both languages, people with a past; loaded once, and never in production."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from odoportal.accounts.models import Account, Change, Membership, Person
from odoportal.core import clock, database, i18n
from odoportal.core.money import cents, tax
from odoportal.demo import data, history, setup
from odoportal.demo.data import SIGN_INS, DemoRefused, load_demo
from odoportal.lists.query import ListQuery
from odoportal.mail.outbox import Mail
from odoportal.rooms.activity.kinds import all_kinds
from odoportal.rooms.addresses import service as addresses
from odoportal.rooms.cards import service as cards
from odoportal.rooms.invoices import service
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.models import CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment
from odoportal.rooms.notifications.service import copies
from odoportal.rooms.orders.models import Order, OrderLine, OrderTax
from odoportal.rooms.people import service as people
from odoportal.rooms.statements import service as statements
from odoportal.settings import get_settings
from tests import databases

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
TODAY = date(2020, 9, 24)
LATER = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LIVED_IN = ("10732", "11204", "10418")
EMPTY = "10951"


@pytest.fixture(scope="module")
def loaded(new_database: databases.New, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with new_database(tmp_path_factory.mktemp("demo")) as url, pytest.MonkeyPatch.context() as patch:
        engine = database.make_engine(url)
        values = {"MODE": "demo", "DATA_DIR": str(tmp_path_factory.mktemp("books")), "TODAY": TODAY.isoformat()}
        for name, value in values.items():
            patch.setenv(f"ODOPORTAL_{name}", value)
        get_settings.cache_clear()
        with Session(engine, expire_on_commit=False) as session, session.begin():
            load_demo(session, NOW, lambda password: f"hash of {password}")
            history.create_history(session, LATER, TODAY)
        yield engine
        engine.dispose()


@pytest.fixture
def session(loaded: Any) -> Iterator[Session]:
    with Session(loaded) as session:
        yield session


def of(session: Session, number: str) -> int:
    return session.exec(select(Account.id).where(Account.number == number)).one() or 0


def test_every_total_adds_up(session: Session) -> None:
    for document, line, taxes, owner in ((Invoice, InvoiceLine, InvoiceTax, "invoice_id"), (Order, OrderLine, OrderTax, "order_id")):
        lines, sums = defaultdict[int, Decimal](Decimal), defaultdict[int, Decimal](Decimal)
        counts = Counter[int]()
        for row in session.exec(select(line)):
            lines[getattr(row, owner)] += row.amount or 0
            if row.quantity is not None and row.unit_price is not None and row.amount is not None:
                assert row.quantity * row.unit_price == row.amount
        for row in session.exec(select(taxes)):
            assert row.amount == tax(row.base, row.rate)
            sums[getattr(row, owner)] += row.amount
            counts[getattr(row, owner)] += 1
        found = session.exec(select(document)).all()
        assert len(found) > 3000
        for row in found:
            assert row.id is not None
            assert (lines[row.id], row.subtotal + sums[row.id], counts[row.id]) == (row.subtotal, row.total, 2)


def test_every_text_is_there_in_both_languages(session: Session) -> None:
    for model in (InvoiceLine, OrderLine):
        texts = {(row.description_fr, row.description_en) for row in session.exec(select(model))}
        assert all(fr and en for fr, en in texts)
        assert {en for fr, en in texts if fr == en} == {"ODO50", "FedEx"}
    assert all(tax.name_fr != tax.name_en for tax in session.exec(select(InvoiceTax)))
    assert all(note.reason_fr != note.reason_en for note in session.exec(select(CreditNote)))
    assert all(invoice.terms_fr != invoice.terms_en for invoice in session.exec(select(Invoice)))


def test_the_fleet_of_the_pictures(session: Session) -> None:
    account = of(session, "10732")
    invoices = session.exec(select(Invoice).where(Invoice.account_id == account)).all()
    orders = session.exec(select(Order).where(Order.account_id == account)).all()
    assert (len(orders), len(invoices)) == (57, 148)
    assert Counter(service.state_of(invoice, TODAY).value for invoice in invoices) == {
        "paid": 143, "pending": 1, "to_pay": 1, "part_paid": 1, "overdue": 1, "credited": 1,
    }  # fmt: skip
    owed = sum(service.balance(i) for i in invoices if service.state_of(i, TODAY) in {"to_pay", "part_paid", "overdue"})
    assert owed == Decimal("3562.36")
    overdue = next(invoice for invoice in invoices if service.state_of(invoice, TODAY) == "overdue")
    assert (overdue.number, overdue.total, (TODAY - overdue.due_on).days) == ("211655", Decimal("708.55"), 12)
    ending = sorted(order.number for order in orders if 0 <= (order.end_on - TODAY).days <= 60)
    assert ending == ["24982", "25633"]
    assert len([order for order in orders if order.start_on > TODAY]) == 1
    assert len([order for order in orders if order.end_on < TODAY]) == 14


@given(st.integers(0, 500))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_home_and_statement_lead_to_each_other_on_any_day(session: Session, later: int) -> None:
    # On a day before the demonstration's own, payments and credit notes of later days would be known already.
    today = TODAY + timedelta(days=later)
    for account in session.exec(select(Account.id)):
        owing = service.owing(session, account or 0, today)
        found = statements.statement(session, account or 0, today, today, today)
        assert (found.aging.owed, found.aging.being_paid, found.credit) == (owing.total, owing.being_paid, owing.credit)
        assert found.aging.owed - found.aging.current == owing.overdue
        assert found.closing - found.aging.being_paid == owing.left


@pytest.mark.parametrize("later", [0, 45])
def test_the_sums_of_the_list_lead_to_home(session: Session, later: int) -> None:
    today = TODAY + timedelta(days=later)
    for account in session.exec(select(Account.id)).all():
        with i18n.use("en"):
            request = INVOICES.request(account or 0, ListQuery.parse(INVOICES.rules, {}), "en", today)
        columns = {column.key: file for column, file in INVOICES.files()}
        assert INVOICES.records
        sums = Counter[str]()
        for record in INVOICES.records(session, request).rows:
            for name in ("amount", "paid_amount", "credited", "credit_on_account", "balance", "being_paid"):
                sums[name] += columns[name].value(record)
        owing = service.owing(session, account or 0, today)
        unapplied = session.exec(select(col(Payment.unapplied)).where(Payment.account_id == account, Payment.status == "settled")).all()
        assert sums["amount"] - sums["paid_amount"] - sums["credited"] + sums["credit_on_account"] == sums["balance"]
        assert (sums["balance"], sums["being_paid"]) == (cents(owing.unpaid), cents(owing.being_paid))
        assert sums["credit_on_account"] + cents(sum(unapplied, Decimal(0))) == cents(owing.credit)


def test_the_other_accounts(session: Session) -> None:
    def count(model: Any, number: str) -> int:
        return len(session.exec(select(model.id).where(model.account_id == of(session, number))).all())

    assert (count(Order, "11204"), count(Invoice, "11204")) == (3000, 9000)
    assert (count(Order, "10951"), count(Invoice, "10951")) == (0, 0)
    late = session.exec(select(Invoice).where(Invoice.account_id == of(session, "10877"))).all()
    assert {service.state_of(invoice, TODAY).value for invoice in late} == {"overdue"}
    big = session.exec(select(Invoice).where(Invoice.account_id == of(session, "11204"))).all()
    assert {service.state_of(invoice, TODAY).value for invoice in big} == {"paid", "pending", "to_pay", "part_paid", "overdue", "credited"}


def test_the_sign_ins_are_there_with_their_roles(session: Session) -> None:
    people = {person.email: person for person in session.exec(select(Person))}
    roles = defaultdict[str, list[str]](list)
    for member in session.exec(select(Membership)):
        roles[next(email for email, person in people.items() if person.id == member.person_id)].append(member.role)
    assert len(data.PASSWORD) >= 15
    assert {people[sign.email].password for sign in SIGN_INS} == {f"hash of {data.PASSWORD}"}
    assert roles["lise@comptabilitebouchard.ca"] == ["billing", "billing"]
    assert roles["kevin@borealhaulage.ca"] == ["read_only"]
    assert (people["ian@borealhaulage.ca"].language, people["josee@groupelaurentides.ca"].language) == ("en", "fr")


@pytest.mark.parametrize("number", LIVED_IN)
def test_a_past_on_working_days_before_the_business_day(session: Session, number: str) -> None:
    changes = session.exec(select(Change).where(Change.account_id == of(session, number)).order_by(col(Change.id))).all()
    moments = [clock.to_local(change.at) for change in changes]
    assert 15 <= len(changes) <= 25
    assert moments == sorted(moments)
    assert all(TODAY - timedelta(days=50) < moment.date() < TODAY for moment in moments)
    assert all(moment.weekday() < 5 and 7 <= moment.hour < 18 for moment in moments)
    kinds = all_kinds()
    assert {kinds[change.what].group for change in changes} >= {
        "people",
        "addresses",
        "cards",
        "account",
    }
    assert len({change.person_id for change in changes}) >= 4
    assert len({change.address for change in changes}) >= 3


@pytest.mark.parametrize("number", LIVED_IN)
def test_who_and_what_the_past_left(session: Session, number: str) -> None:
    account_id = of(session, number)
    everybody = people.members(session, account_id)
    assert len({member.role for member in everybody}) >= 3
    assert sum(member.signed_in_at is not None for member in everybody) >= 4
    (invited,) = people.invitations(session, account_id)
    assert invited.expires_at == LATER + people.INVITATION_LIFETIME
    kept, removed = addresses.book(session, account_id), addresses.book(session, account_id, removed=True)
    assert (4 <= len(kept) <= 6, len(removed)) == (True, 1)
    assert {address.country for address in kept} == {"CA", "FR"}
    assert {address.province for address in kept} == {"QC", "ON", ""}
    assert len(set(addresses.defaults(session, account_id).values())) == 2
    assert sorted(cards.last_day(card) < TODAY + timedelta(days=30) for card in cards.cards(session, account_id, "sandbox")) == [
        False,
        True,
    ]
    (copy,) = copies(session, account_id)
    assert copy.confirmed_at is not None


def test_only_who_has_not_answered_gets_a_letter(session: Session) -> None:
    due = session.exec(select(Mail.to).where(col(Mail.next_try_at).is_not(None))).all()
    assert sorted(due) == sorted(invited.email for number in LIVED_IN for invited in people.invitations(session, of(session, number)))
    assert len(due) == 3


def test_the_account_without_anything_has_no_past(session: Session) -> None:
    account_id = of(session, EMPTY)
    assert session.exec(select(Change).where(Change.account_id == account_id)).all() == []
    assert (len(people.members(session, account_id)), len(people.invitations(session, account_id))) == (1, 0)
    assert cards.cards(session, account_id, "sandbox") == []


@pytest.mark.usefixtures("stored")
def test_a_second_start_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(setup, "load_demo", lambda *_: done.append("fleets"))
    monkeypatch.setattr(setup.history, "create_history", lambda *_: done.append("past"))
    for _ in range(2):
        assert setup.load(lambda _: None) == SIGN_INS
    assert done == ["fleets", "past"]


def test_a_second_load_does_nothing(session: Session) -> None:
    assert load_demo(session, NOW, lambda _password: pytest.fail("hashed again")) == SIGN_INS


def test_the_fleets_are_the_same_every_time() -> None:
    assert data.fleets().files() == data.fleets().files()


def test_production_never_gets_them(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_MODE", "production")
    get_settings.cache_clear()
    with pytest.raises(DemoRefused):
        load_demo(session, NOW, str)
    with pytest.raises(RuntimeError):
        history.create_history(session, NOW, TODAY)
