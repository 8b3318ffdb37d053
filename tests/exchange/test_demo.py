"""The demonstration's fleets: right to the cent, in both languages, loaded once, and never in production."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import Session, select

from odoportal.accounts.models import Account, Membership, Person
from odoportal.exchange import demo
from odoportal.exchange.demo import SIGN_INS, DemoRefused, load_demo
from odoportal.foundation import database
from odoportal.foundation.money import tax
from odoportal.invoices import service
from odoportal.invoices.models import CreditNote, Invoice, InvoiceLine, InvoiceTax
from odoportal.orders.models import Order, OrderLine, OrderTax
from odoportal.settings import get_settings
from tests import databases

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
TODAY = date(2020, 9, 24)


@pytest.fixture(scope="module")
def loaded(new_database: databases.New, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with new_database(tmp_path_factory.mktemp("demo")) as url, pytest.MonkeyPatch.context() as patch:
        engine = database.make_engine(url)
        patch.setenv("ODOPORTAL_MODE", "demo")
        get_settings.cache_clear()
        with Session(engine) as session, session.begin():
            load_demo(session, NOW, lambda password: f"hash of {password}")
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
        "paid": 143, "pending": 1, "to_pay": 1, "part_paid": 1, "overdue": 1, "refunded": 1,
    }  # fmt: skip
    owed = sum(service.balance(i) for i in invoices if service.state_of(i, TODAY) in {"to_pay", "part_paid", "overdue"})
    assert owed == Decimal("3562.36")
    overdue = next(invoice for invoice in invoices if service.state_of(invoice, TODAY) == "overdue")
    assert (overdue.number, overdue.total, (TODAY - overdue.due_on).days) == ("211655", Decimal("708.55"), 12)
    ending = sorted(order.number for order in orders if 0 <= (order.end_on - TODAY).days <= 60)
    assert ending == ["24982", "25633"]
    assert len([order for order in orders if order.start_on > TODAY]) == 1
    assert len([order for order in orders if order.end_on < TODAY]) == 14


def test_the_other_accounts(session: Session) -> None:
    def count(model: Any, number: str) -> int:
        return len(session.exec(select(model.id).where(model.account_id == of(session, number))).all())

    assert (count(Order, "11204"), count(Invoice, "11204")) == (3000, 9000)
    assert (count(Order, "10951"), count(Invoice, "10951")) == (0, 0)
    late = session.exec(select(Invoice).where(Invoice.account_id == of(session, "10877"))).all()
    assert {service.state_of(invoice, TODAY).value for invoice in late} == {"overdue"}
    big = session.exec(select(Invoice).where(Invoice.account_id == of(session, "11204"))).all()
    assert {service.state_of(invoice, TODAY).value for invoice in big} == {"paid", "pending", "to_pay", "part_paid", "overdue", "refunded"}


def test_the_sign_ins_are_there_with_their_roles(session: Session) -> None:
    people = {person.email: person for person in session.exec(select(Person))}
    roles = defaultdict[str, list[str]](list)
    for member in session.exec(select(Membership)):
        roles[next(email for email, person in people.items() if person.id == member.person_id)].append(member.role)
    assert len(demo.PASSWORD) >= 15
    assert {people[sign.email].password for sign in SIGN_INS} == {f"hash of {demo.PASSWORD}"}
    assert roles["lise@comptabilitebouchard.ca"] == ["billing", "billing"]
    assert roles["kevin@borealhaulage.ca"] == ["read_only"]
    assert (people["ian@borealhaulage.ca"].language, people["josee@groupelaurentides.ca"].language) == ("en", "fr")


def test_a_second_load_does_nothing(session: Session) -> None:
    assert load_demo(session, NOW, lambda _password: pytest.fail("hashed again")) == SIGN_INS


def test_the_fleets_are_the_same_every_time() -> None:
    assert demo.fleets().files() == demo.fleets().files()


def test_production_never_gets_them(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_MODE", "production")
    get_settings.cache_clear()
    with pytest.raises(DemoRefused):
        load_demo(session, NOW, str)
