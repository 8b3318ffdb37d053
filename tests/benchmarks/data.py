"""The benchmark data: eleven years of a busy seller, written straight into the portal's tables.

A tenth of the invoices belongs to one large account, a hundred invoices to a small one, and the rest to the other accounts at random.
There are three orders for ten invoices, and a few trackers for each order of the large account. Rows are inserted by day, as an import
would do it, so that the rows of one account are spread over the whole file. The same number of invoices always gives the same rows.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine

from odoportal.accounts.models import Account, Membership, Person
from odoportal.core.money import ZERO, cents, dollars, tax
from odoportal.migrations import trigrams
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.devices.derived import OrderFacts, derived
from odoportal.rooms.devices.models import Device, DeviceAssignment
from odoportal.rooms.invoices import search_text as invoice_text
from odoportal.rooms.invoices.models import Allocation, CreditNote, CreditNoteTax, Invoice, InvoiceLine, InvoiceTax, Payment
from odoportal.rooms.orders import search_text as order_text
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine, OrderTax, Step
from odoportal.rooms.signin import passwords

PASSWORD = "longue route du nord"
LARGE, SMALL = "large@example.com", "small@example.com"
LARGE_ID, SMALL_ID = 1, 2
OTHERS = tuple(f"person{place}@example.com" for place in range(200))
"""Emails of one person for each account after the small one, as far as there are accounts."""
FIRST, LAST = date(2016, 1, 4), date(2026, 11, 20)
PER_ACCOUNT, LARGE_SHARE = 100, 10
RARE, COMMON = "xylophone", "odotrace"
"""A word on every five-thousandth invoice of the large account, and a word on every invoice."""
LONG, LONG_LINES = "5000002", 30
"""The number of an invoice of the small account that has many lines, and how many."""
FIRST_ORDER, FIRST_INVOICE, FIRST_SERIAL = 1_000_000, 5_000_000, 6_000_000
BASKETS, CHUNK = 2_000, 10_000
STEPS_FOR = timedelta(90)
_NOW = "2016-01-04 14:00:00.000000"
_TERMS = ("Payable within 30 days", "Payable dans les 30 jours")
_TAXES = (("GST", "TPS", "12345 6789 RT0001", Decimal(5)), ("QST", "TVQ", "1234567890 TQ0001", Decimal("9.975")))
_METHODS = (
    ("Visa 4242", "Visa 4242"),
    ("Mastercard 5454", "Mastercard 5454"),
    ("cheque", "chèque"),
    ("bank transfer", "virement bancaire"),
)
_ALWAYS = ("ODOtrace plan ODO50", "Forfait ODOtrace ODO50", "26.95")
_SOLD = (
    ("3 pins OBD2 cable", "Câble OBD2 à 3 broches", "14.95"),
    ("6 pins heavy truck cable", "Câble de camion lourd à 6 broches", "24.95"),
    ("Activation fee", "Frais d’activation", "10.00"),
    ("Temperature probe", "Sonde de température", "79.00"),
    ("Driver identification reader", "Lecteur d’identification du conducteur", "59.00"),
    ("Installation by a technician", "Installation par un technicien", "120.00"),
    ("FedEx Ground", "FedEx terrestre", "19.14"),
)
_MODELS = ("ODO50", "ODO50", "ODO50", "ODO70")
_VEHICLES = ("Kenworth T680", "Volvo VNL", "Hino 338", "Isuzu NPR", "Ford Transit")
# Most devices drive; a few are in each of the other states, or have been silent for a week.
_STATES = ("",) * 94 + ("preparing", "shipping", "suspended", "lost", "broken", "returned")
_QUIET = (0,) * 99 + (7,)
_DAYS = tuple((FIRST + timedelta(n)).isoformat() for n in range((LAST - FIRST).days + 1500))


@dataclass(frozen=True)
class _Basket:
    """The content of an order or invoice: its lines, as the search text and the table need them, and its sums in cents."""

    lines: tuple[Any, ...]
    subtotal: int
    taxes: tuple[int, ...]

    @property
    def total(self) -> int:
        return self.subtotal + sum(self.taxes)


@dataclass
class _Generator:
    """The state of the generator: the last id used in each table, and the newest order of each account."""

    accounts: int
    chance: random.Random
    last: dict[str, int] = field(default_factory=dict)
    newest_order: dict[int, int] = field(default_factory=dict)

    def next(self, table: str) -> int:
        self.last[table] = self.last.get(table, 0) + 1
        return self.last[table]


class _Rows:
    """Buffered rows of many tables, written in chunks by the database driver, which takes a tenth of the ORM's time."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.held: dict[str, list[tuple[Any, ...]]] = {}

    def add(self, model: Any, /, **values: Any) -> None:
        """Buffer a row, with values as the database stores them (cents, ISO days)."""
        statement = _statements.get((model, *values)) or _statement(model, tuple(values))
        self.held.setdefault(statement, []).append(tuple(values.values()))

    def write(self) -> None:
        """Write the buffered rows."""
        for statement, rows in self.held.items():
            self.driver.executemany(statement, rows)
        self.held = {}


_statements: dict[tuple[Any, ...], str] = {}


def _statement(model: Any, names: tuple[str, ...]) -> str:
    table = model.__table__
    missing = {column.name for column in table.columns if not column.nullable} - {*names} - {"id"}
    if missing:
        raise ValueError(f"{table.name} needs {', '.join(sorted(missing))}")
    made = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    return _statements.setdefault((model, *names), made)


def fill(engine: Engine, invoices: int) -> None:
    """Fill an empty, migrated SQLite database; a million invoices take about two minutes.

    Args:
        engine: The engine of the database.
        invoices: The number of invoices, at least 1,000.
    """
    generator = _Generator(max(10, invoices // PER_ACCOUNT), random.Random(invoices))
    baskets = [_basket(generator.chance) for _ in range(BASKETS)]
    driver: Any = engine.raw_connection()
    try:
        # No one else reads the database, and an unfinished one is made again.
        for pragma in ("foreign_keys=OFF", "synchronous=OFF", "journal_mode=OFF", "cache_size=-2000000"):
            driver.cursor().execute(f"PRAGMA {pragma}")
        driver.cursor().execute("BEGIN")
        for table in trigrams.SEARCHED:
            # Build the trigrams in one go at the end, which takes a tenth of the time.
            for when in ("added", "removed", "changed"):
                driver.cursor().execute(f"DROP TRIGGER {table}_grams_{when}")
        rows = _Rows(driver.cursor())
        _accounts(rows, generator.accounts)
        for place in range(invoices):
            if place % 10 in {0, 3, 6}:
                _order(rows, generator, baskets, place, invoices)
            _invoice(rows, generator, baskets, place, invoices)
            if place % CHUNK == CHUNK - 1:
                rows.write()
        rows.write()
        driver.cursor().execute("COMMIT")
        driver.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        driver.detach()
        driver.close()
    with engine.begin() as connection:
        trigrams.create_or_rebuild(connection)


def _accounts(rows: _Rows, accounts: int) -> None:
    for account in range(1, accounts + 1):
        rows.add(Account, id=account, number=f"{10_000 + account}", name=f"Transport {account}", two_step=False, created_at=_NOW)
        street = {"line1": f"{account}, rue Principale", "line2": "", "city": "Laval", "province": "QC", "postal_code": "H7L 3J5"}
        rows.add(
            Address, id=account, account_id=account, code="HQ", name=f"Transport {account}", **street, country="CA", district="", file=""
        )
    stored = passwords.hash_password(PASSWORD)
    for person, email in enumerate((LARGE, SMALL, *OTHERS[: accounts - 2]), 1):
        words = {"name": f"Person {person}", "phone": "", "language": "en", "region": "en-CA", "password": stored}
        rows.add(Person, id=person, email=email, email_key=email, **words, created_at=_NOW)
        rows.add(Membership, account_id=person, person_id=person, role="owner")


def _basket(chance: random.Random, wanted: int = 0) -> _Basket:
    more = chance.choices(_SOLD, k=wanted - 1 if wanted else chance.choice((0, 1, 1, 2)))
    picked = [(_ALWAYS, chance.randint(1, 40)), *((sold, chance.randint(1, 12)) for sold in more)]
    lines = tuple(_line(sold, quantity) for sold, quantity in picked)
    subtotal = sum(line.amount for line in lines)
    return _Basket(lines, subtotal, tuple(cents(tax(dollars(subtotal), rate)) for *_, rate in _TAXES))


def _line(sold: tuple[str, str, str], quantity: int) -> SimpleNamespace:
    en, fr, price = sold
    unit = cents(Decimal(price))
    texts = {"description_en": en, "description_fr": fr, "note_en": "", "note_fr": ""}
    return SimpleNamespace(quantity=quantity, **texts, unit_price=unit, amount=unit * quantity)


def _account(generator: _Generator, place: int, share: int, small: int) -> int:
    """Choose an account: the large one for every `share`-th document, the small one for every `small`-th, else a random one."""
    if place % share == 0:
        return LARGE_ID
    return SMALL_ID if place % small == 1 else generator.chance.randint(SMALL_ID + 1, generator.accounts)


def _day(place: int, invoices: int) -> int:
    return place * ((LAST - FIRST).days + 1) // invoices


def _lines(rows: _Rows, model: Any, basket: _Basket, **key: int) -> None:
    for at, line in enumerate(basket.lines):
        more = {"plan": at == 0, "monthly": False} if model is OrderLine else {}
        rows.add(model, **key, position=at, **vars(line), **more)


def _taxes(rows: _Rows, model: Any, basket: _Basket, **key: int) -> None:
    for at, ((en, fr, registration, rate), amount) in enumerate(zip(_TAXES, basket.taxes, strict=True)):
        names = {"name_en": en, "name_fr": fr, "registration": registration}
        rows.add(model, **key, position=at, **names, rate=float(rate), base=basket.subtotal, amount=amount)


def _order(rows: _Rows, generator: _Generator, baskets: Sequence[_Basket], place: int, invoices: int) -> None:
    count = generator.next("order")
    orders = invoices * 3 // 10
    account, basket, chance = _account(generator, count, LARGE_SHARE, orders // 30), generator.chance.choice(baskets), generator.chance
    placed = _day(place, invoices)
    start = placed + chance.randrange(10)
    end = start + 365 * chance.choice((1, 1, 2, 3)) - 1
    number = str(FIRST_ORDER + count)
    many = chance.randint(1, 6) if account == LARGE_ID else int(chance.random() < 0.2)
    devices = [generator.next("device") for _ in range(many)]
    serials = [str(FIRST_SERIAL + device) for device in devices]
    shown: Any = SimpleNamespace(
        number=number,
        start_on=date.fromisoformat(_DAYS[start]),
        end_on=date.fromisoformat(_DAYS[end]),
        subtotal=dollars(basket.subtotal),
        total=dollars(basket.total),
    )
    rows.add(
        Order,
        id=count,
        account_id=account,
        number=number,
        number_order=FIRST_ORDER + count,
        placed_at=f"{_DAYS[placed]} 15:00:00.000000",
        start_on=_DAYS[start],
        end_on=_DAYS[end],
        ship_to_id=account,
        bill_to_id=account,
        subtotal=basket.subtotal,
        total=basket.total,
        first_line_en=order_text.first_line(basket.lines, "en"),
        first_line_fr=order_text.first_line(basket.lines, "fr"),
        search=order_text.search_text(shown, basket.lines, serials),
    )
    _lines(rows, OrderLine, basket, account_id=account, order_id=count)
    _taxes(rows, OrderTax, basket, account_id=account, order_id=count)
    facts = OrderFacts(number, FIRST_ORDER + count, date.fromisoformat(_DAYS[end]), {})
    for device, serial in zip(devices, serials, strict=True):
        _device(rows, chance, device, serial, account_id=account, order_id=count, since=_DAYS[start], order=facts)
    if FIRST + timedelta(placed) > LAST - STEPS_FOR:
        for at, step in enumerate(Step):
            when = {"done_at": f"{_DAYS[placed + at]} 15:00:00.000000", "expected_on": None}
            none = {"carrier": "", "tracking": "", "tracking_url": "", "note_en": "", "note_fr": ""}
            rows.add(Fulfilment, account_id=account, order_id=count, step=step.value, **when, **none)
    generator.newest_order[account] = count


def _device(
    rows: _Rows, chance: random.Random, device: int, serial: str, *, account_id: int, order_id: int, since: str, order: OrderFacts
) -> None:
    signal = datetime(LAST.year, LAST.month, LAST.day, chance.randrange(24), chance.randrange(60), tzinfo=UTC) - timedelta(
        chance.choice(_QUIET)
    )
    own = {"serial": serial, "model": chance.choice(_MODELS), "file_state": chance.choice(_STATES)}
    place: Any = SimpleNamespace(order_id=order_id, vehicle=f"Unit {device % 900}, {chance.choice(_VEHICLES)}", until=None)
    known: Any = SimpleNamespace(**own, last_signal_at=signal)
    derived_ = {name: str(v) if isinstance(v, date) else v for name, v in derived(known, [place], {order_id: order}).items()}
    rows.add(Device, id=device, account_id=account_id, **own, last_signal_at=f"{signal:%Y-%m-%d %H:%M:%S.%f}", **derived_)
    rows.add(
        DeviceAssignment,
        account_id=account_id,
        device_id=device,
        order_id=order_id,
        order_line=1,
        vehicle=place.vehicle,
        file_vehicle=place.vehicle,
        since=since,
        until=None,
    )


@dataclass(frozen=True)
class _PaymentHistory:
    """The payments of an invoice, as (day number, cents, status), and the day number of its credit note."""

    parts: Sequence[tuple[int, int, str]] = ()
    credited_on: int | None = None

    def sum(self, status: str) -> int:
        return sum(amount for _, amount, state in self.parts if state == status)


def _payment_history(chance: random.Random, issued: int, total: int) -> _PaymentHistory:
    """Choose the payments of an invoice: nearly all are paid within six weeks; a few are late, fail at first, or are credited."""
    last, luck = (LAST - FIRST).days, chance.random()
    day = issued + chance.randint(1, 42)
    if day > last:
        return _PaymentHistory([(last, total, "pending")]) if luck < 0.05 else _PaymentHistory()
    if luck < 0.003:
        return _PaymentHistory()
    if luck < 0.006:
        return _PaymentHistory([(day, total // 2, "settled")])
    if luck < 0.011:
        return _PaymentHistory([(issued, total, "failed"), (day, total, "settled")])
    if luck < 0.015 and day + 20 <= last:
        return _PaymentHistory([(day, total, "settled")], day + 20)
    return _PaymentHistory([(day, total, "settled")])


def _invoice(rows: _Rows, generator: _Generator, baskets: Sequence[_Basket], place: int, invoices: int) -> None:
    chance, count = generator.chance, place + 1
    account, basket = _account(generator, place, LARGE_SHARE, invoices // PER_ACCOUNT), chance.choice(baskets)
    if place % (5_000 * LARGE_SHARE) == 0:
        noted = [SimpleNamespace(**{**vars(basket.lines[0]), "note_en": RARE.capitalize(), "note_fr": RARE.capitalize()})]
        basket = _Basket((*noted, *basket.lines[1:]), basket.subtotal, basket.taxes)
    if count == int(LONG) - FIRST_INVOICE:
        basket = _basket(chance, LONG_LINES)
    issued = _day(place, invoices)
    due, history, total = issued + 30, _payment_history(chance, issued, basket.total), basket.total
    order = generator.newest_order.get(account) if chance.random() < 0.8 else None
    settled = history.credited_on or next((day for day, amount, state in history.parts if state == "settled" and amount == total), None)
    paid, credited = history.sum("settled"), total if history.credited_on else 0
    number = str(FIRST_INVOICE + count)
    payments = list(_payments(rows, generator, account, count, history))
    shown: Any = SimpleNamespace(
        number=number,
        issued_on=date.fromisoformat(_DAYS[issued]),
        due_on=date.fromisoformat(_DAYS[due]),
        settled_on=date.fromisoformat(_DAYS[settled]) if settled else None,
        subtotal=dollars(basket.subtotal),
        total=dollars(total),
        paid=dollars(paid) if paid else ZERO,
        credited=dollars(credited) if credited else ZERO,
    )
    rows.add(
        Invoice,
        id=count,
        account_id=account,
        number=number,
        number_order=FIRST_INVOICE + count,
        order_id=order,
        bill_to_id=account,
        issued_on=_DAYS[issued],
        due_on=_DAYS[due],
        terms_en=_TERMS[0],
        terms_fr=_TERMS[1],
        subtotal=basket.subtotal,
        total=total,
        paid=paid,
        pending=history.sum("pending"),
        credited=credited,
        settled_on=_DAYS[settled] if settled else None,
        search=invoice_text.search_text(shown, basket.lines, payments, str(FIRST_ORDER + order) if order else ""),
    )
    _lines(rows, InvoiceLine, basket, account_id=account, invoice_id=count)
    _taxes(rows, InvoiceTax, basket, account_id=account, invoice_id=count)
    if history.credited_on:
        note = generator.next("credit_note")
        values = {"number": f"N{note}", "issued_on": _DAYS[history.credited_on], "reason_en": "Returned", "reason_fr": "Retour"}
        rows.add(CreditNote, id=note, account_id=account, invoice_id=count, **values, subtotal=basket.subtotal, total=total)
        _taxes(rows, CreditNoteTax, basket, account_id=account, credit_note_id=note)


def _payments(rows: _Rows, generator: _Generator, account: int, invoice: int, history: _PaymentHistory) -> Iterable[Any]:
    for day, amount, status in history.parts:
        payment = generator.next("payment")
        en, fr = _METHODS[payment % len(_METHODS)]
        details = {"reference": f"P{payment}", "method_en": en, "method_fr": fr}
        received = f"{_DAYS[day]} 17:00:00.000000"
        rows.add(Payment, id=payment, account_id=account, received_at=received, **details, amount=amount, status=status)
        rows.add(Allocation, account_id=account, payment_id=payment, invoice_id=invoice, amount=amount)
        yield SimpleNamespace(**details)
