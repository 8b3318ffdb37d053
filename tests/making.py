"""Functions that make accounts, orders and invoices for tests, with the search texts that an import would write."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session

from odoportal.accounts.models import Account, Change, Person
from odoportal.accounts.models import Membership as MembershipRow
from odoportal.core import database
from odoportal.core.folding import fold
from odoportal.core.identity import ActiveMembership, Identity
from odoportal.core.money import ZERO
from odoportal.rooms.addresses.models import Address, AddressDefault
from odoportal.rooms.cards.models import Card, CardSetup, PaymentCustomer
from odoportal.rooms.devices.derived import OrderFacts, derived
from odoportal.rooms.devices.models import Device, DeviceAssignment, VehicleList
from odoportal.rooms.invoices import search_text as invoice_text
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment
from odoportal.rooms.notifications.models import InvoiceCopy, Notice, NoticeChoice, NoticeReader, NoticeStart
from odoportal.rooms.orders import search_text as order_text
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine, OrderTax
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.privacy.models import ClosingRequest
from odoportal.settings import get_settings
from tests import databases

TODAY = date(2020, 9, 24)
NOON = datetime(2020, 9, 24, 16, 0, tzinfo=UTC)
PLAN = ("Annual plan ODO50", "Forfait annuel ODO50")


@pytest.fixture
def stored(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Yield an empty database that the portal's settings name, for a test that goes through `core.database`."""
    values = {
        "MODE": "demo",
        "DATABASE_URL": database_url,
        "PUBLIC_URL": "http://localhost:3000",
        "TODAY": TODAY.isoformat(),
    }
    for name, value in values.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    get_settings.cache_clear()
    database.engine.cache_clear()
    yield database.engine()
    database.engine().dispose()


@contextmanager
def rolled_back(engine: Engine) -> Iterator[Session]:
    """Yield a database session that is rolled back: for property tests that try many sets of rows."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.rollback()


@pytest.fixture(scope="module")
def engine(new_database: databases.New, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield a database for one module, for use with `emptied`."""
    with new_database(tmp_path_factory.mktemp("rows")) as url:
        made = database.make_engine(url)
        yield made
        made.dispose()


def account(session: Session, number: str = "1042") -> int:
    """Add an account and return its id."""
    made = Account(number=number, name=f"Transport {number}", created_at=NOON)
    session.add(made)
    session.flush()
    assert made.id is not None
    return made.id


def order(
    session: Session,
    account_id: int,
    number: str,
    start: date = date(2020, 1, 1),
    end: date = date(2020, 12, 31),
    lines: Sequence[tuple[str, str]] = (PLAN,),
    **more: Any,
) -> Order:
    """Add an order with one line per pair of texts (English, French)."""
    placed = datetime(start.year, start.month, start.day, 15, tzinfo=UTC)
    values: dict[str, Any] = {"placed_at": placed, "subtotal": Decimal("500.00"), "total": Decimal("574.88"), **more}
    digits = "".join(c for c in number if c.isdigit())
    made = Order(account_id=account_id, number=number, number_order=int(digits or 0), start_on=start, end_on=end, **values)
    session.add(made)
    session.flush()
    assert made.id is not None
    texts = [
        OrderLine(
            account_id=account_id,
            order_id=made.id,
            position=i,
            quantity=2,
            description_en=en,
            description_fr=fr,
            amount=Decimal("250.00"),
            plan=True,
        )
        for i, (en, fr) in enumerate(lines)
    ]
    session.add_all(texts)
    made.search = order_text.search_text(made, texts)
    made.first_line_en, made.first_line_fr = order_text.first_line(texts, "en"), order_text.first_line(texts, "fr")
    session.flush()
    return made


def invoice(
    session: Session,
    account_id: int,
    number: str,
    total: str = "100.00",
    issued: date = date(2020, 9, 1),
    due: date | None = None,
    **more: Any,
) -> Invoice:
    """Add an invoice. The sums of its payments are given in `more`, not computed."""
    amount = Decimal(total)
    digits = "".join(c for c in number if c.isdigit())
    sums = {"paid": ZERO, "pending": ZERO, "credited": ZERO, "settled_on": None, **more}
    made = Invoice(
        account_id=account_id,
        number=number,
        number_order=int(digits or 0),
        issued_on=issued,
        due_on=due or issued + timedelta(days=30),
        subtotal=amount,
        total=amount,
        **sums,
    )
    made.search = invoice_text.search_text(made, [], [])
    session.add(made)
    session.flush()
    return made


def device(
    session: Session,
    account_id: int,
    serial: str,
    *,
    model: str = "ODO50",
    vehicle: str = "",
    order: Order | None = None,
    line: int | None = None,
    since: date = date(2020, 1, 1),
    until: date | None = None,
    state: str = "",
    signal: datetime | None = None,
    steps: dict[str, bool] | None = None,
) -> Device:
    """Add a device with one assignment. `state` is what the file says; `steps` are the order's, as for `OrderFacts`."""
    made = Device(account_id=account_id, serial=serial, model=model, file_state=state, last_signal_at=signal)
    assignment = DeviceAssignment(
        account_id=account_id,
        device_id=0,
        order_id=order.id if order else None,
        order_line=line,
        vehicle=vehicle,
        file_vehicle=vehicle,
        since=since,
        until=until,
    )
    facts = {order.id or 0: OrderFacts(order.number, order.number_order, order.end_on, steps or {})} if order else {}
    for name, value in derived(made, [assignment], facts).items():
        setattr(made, name, value)
    session.add(made)
    session.flush()
    assignment.device_id = made.id or 0
    session.add(assignment)
    session.flush()
    return made


def add_every_row(session: Session, account_id: int, mark: str, key: str = "") -> dict[str, Any]:
    """Add a row to every table with rows of an account, with a marker in every text, and return their ids and numbers by name.

    Args:
        session: a database session that may write.
        account_id: the account of the rows.
        mark: the marker.
        key: the base of the numbers; the marker when empty.
    """
    key = key or mark
    address = Address(account_id=account_id, code=key, name=mark, line1=mark, line2=mark, city=mark)
    session.add(address)
    session.flush()
    person = Person(email=f"{key}@example.com", email_key=f"{key}@example.com", name=mark, created_at=NOON)
    session.add(person)
    session.flush()
    assert person.id is not None
    invitation: dict[str, Any] = {
        "email": f"{key}@example.org",
        "email_key": f"{key}@example.org",
        "role": "owner",
        "language": "fr",
        "hash": key,
    }
    session.add_all(
        [
            AddressDefault(account_id=account_id, purpose="delivery", address_id=address.id or 0),
            MembershipRow(account_id=account_id, person_id=person.id, role="owner"),
            Invitation(account_id=account_id, **invitation, invited_by=person.id, created_at=NOON, expires_at=NOON),
        ]
    )
    sale = order(session, account_id, f"1{key}", TODAY.replace(year=2019), TODAY.replace(month=10), [(mark, mark)], ship_to_id=address.id)
    billed = invoice(session, account_id, f"2{key}", "70.00", TODAY.replace(month=5), order_id=sale.id, terms_en=mark, terms_fr=mark)
    assert sale.id is not None
    assert billed.id is not None
    tracker = device(session, account_id, key, model=mark, vehicle=mark, order=sale)
    notice = Notice(account_id=account_id, kind="invoice", about=f"2{key}", told_at=NOON)
    session.add(notice)
    session.flush()
    paid = Payment(
        account_id=account_id,
        reference=key,
        received_at=datetime(2020, 5, 1, tzinfo=UTC),
        method_en=mark,
        method_fr=mark,
        amount=Decimal(7),
    )
    session.add(paid)
    session.flush()
    assert paid.id is not None
    tax = {
        "position": 0,
        "name_en": mark,
        "name_fr": mark,
        "registration": mark,
        "rate": Decimal(5),
        "base": Decimal(1),
        "amount": Decimal(1),
    }
    expiry = {"exp_month": 4, "exp_year": 2031, "added_at": NOON, "known_at": NOON}
    session.add_all(
        [
            NoticeChoice(account_id=account_id, person_id=person.id, kind="ending", wanted=False, changed_at=NOON),
            Change(account_id=account_id, person_id=person.id, at=NOON, what="role", about=mark, search=fold(mark)),
            InvoiceCopy(
                account_id=account_id,
                email=f"{key}@example.net",
                email_key=f"{key}@example.net",
                language="fr",
                hash=f"copy {key}",
                asked_by=person.id,
                expires_at=NOON,
            ),
            NoticeStart(account_id=account_id, since=TODAY),
            NoticeReader(notice_id=notice.id or 0, email=person.email, person_id=person.id),
            ClosingRequest(account_id=account_id, person_id=person.id, asked_at=NOON),
            PaymentCustomer(account_id=account_id, provider="sandbox", token=f"cus_{key}"),
            Card(account_id=account_id, provider="sandbox", token=f"card_{key}", brand="visa", last4="4242", added_by=person.id, **expiry),
            CardSetup(
                account_id=account_id,
                person_id=person.id,
                key=f"setup {key}",
                once=key,
                provider="sandbox",
                token=f"set_{key}",
                created_at=NOON,
            ),
            # Of a day that no test's clock reaches, so that no purge takes it from a test that compares all rows.
            VehicleList(
                account_id=account_id, person_id=person.id, key=f"list {key}", content=mark, created_at=datetime(2099, 1, 1, tzinfo=UTC)
            ),
            Fulfilment(account_id=account_id, order_id=sale.id, step="received", carrier=mark, tracking=mark, note_en=mark, note_fr=mark),
            OrderTax(account_id=account_id, order_id=sale.id, **tax),
            InvoiceTax(account_id=account_id, invoice_id=billed.id, **tax),
            InvoiceLine(account_id=account_id, invoice_id=billed.id, position=0, description_en=mark, description_fr=mark),
            Allocation(account_id=account_id, payment_id=paid.id, invoice_id=billed.id, amount=Decimal(7)),
            CreditNote(
                account_id=account_id,
                invoice_id=billed.id,
                number=f"3{key}",
                issued_on=TODAY,
                reason_en=mark,
                reason_fr=mark,
                subtotal=Decimal(1),
                total=Decimal(1),
            ),
        ]
    )
    session.flush()
    return {
        "order_id": sale.id,
        "invoice_id": billed.id,
        "person_id": person.id,
        "ids": [address.id],
        "order_number": sale.number,
        "invoice_number": billed.number,
        "credit_note_number": f"3{key}",
        "setup_key": f"setup {key}",
        "person": str(person.id),
        "serial": key,
        "device_id": tracker.id,
    }


def identity_of(account_id: int, number: str = "1042", region: str = "en-CA", others: Sequence[tuple[int, str]] = ()) -> Identity:
    """Return the identity of a signed-in owner of the account, and of others by id and number."""
    mine = [ActiveMembership(i, n, f"Transport {n}", "owner") for i, n in [(account_id, number), *others]]
    return Identity(
        "session",
        1,
        "Maria Gagnon",
        "maria@example.com",
        region[:2],
        region,
        tuple(mine),
        mine[0],
        NOON,
        NOON + timedelta(hours=12),
        NOON + timedelta(minutes=30),
    )


@contextmanager
def recorded_statements(engine: Engine) -> Iterator[list[str]]:
    """Yield a list of the statements that the engine runs inside the context."""
    ran: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            ran.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield ran
    finally:
        event.remove(engine, "before_cursor_execute", record)
