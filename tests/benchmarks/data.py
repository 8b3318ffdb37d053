"""The rows everything is measured on: a tenth of the invoices in one large account, the rest spread evenly over the others."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, insert
from sqlmodel import SQLModel

from odoportal.accounts.models import Account, Membership, Person
from odoportal.invoices import text as invoice_text
from odoportal.invoices.models import Invoice, InvoiceLine
from odoportal.orders import text as order_text
from odoportal.orders.models import Order, OrderLine
from odoportal.signin import passwords

PASSWORD = "longue route du nord"
LARGE, SMALL = "large@example.com", "small@example.com"
PER_ACCOUNT = 100
LARGE_SHARE = 10
NOON = datetime(2026, 1, 5, 17, tzinfo=UTC)
LAST = date(2026, 11, 20)
PLANS = (("Annual plan ODO50", "Forfait annuel ODO50", "269.50"), ("3 pins OBD2 cable", "Câble OBD2 à 3 broches", "14.95"))
CHUNK = 5_000


def fill(engine: Engine, invoices: int) -> None:
    """Fill an empty, migrated database: invoices, three orders for ten of them, an account for a hundred."""
    accounts = max(2, invoices // PER_ACCOUNT)
    owners = [_owner(i, invoices, accounts) for i in range(invoices)]
    with engine.begin() as connection:
        named = ({"id": i + 1, "number": f"{10_000 + i}", "name": f"Transport {i}", "created_at": NOON} for i in range(accounts))
        _put(connection, Account, named)
        for person, (email, account) in enumerate(((LARGE, 1), (SMALL, 2)), 1):
            known = {"id": person, "email": email, "email_key": email, "name": f"Person {person}", "language": "en", "region": "en-CA"}
            _put(connection, Person, [{**known, "phone": "", "password": passwords.make(PASSWORD), "created_at": NOON}])
            _put(connection, Membership, [{"account_id": account, "person_id": person, "role": "owner"}])
        for begin in range(0, invoices, CHUNK):
            part = range(begin, min(begin + CHUNK, invoices))
            orders = [_order(i, owners[i]) for i in part if i % 10 in {0, 3, 6}]
            _put(connection, Order, (order for order, _ in orders))
            _put(connection, OrderLine, (row for _, rows in orders for row in rows))
            bills = [_invoice(i, owners[i]) for i in part]
            _put(connection, Invoice, (bill for bill, _ in bills))
            _put(connection, InvoiceLine, (row for _, rows in bills for row in rows))


def _owner(place: int, invoices: int, accounts: int) -> int:
    return 1 if place % LARGE_SHARE == 0 else 2 + place % (accounts - 1)


def _put(connection: Connection, model: type[SQLModel], rows: Any) -> None:
    connection.execute(insert(model), list(rows))


def _lines(place: int, key: str, account: int, first_id: int) -> Iterator[dict[str, Any]]:
    for at, (en, fr, price) in enumerate(PLANS):
        pieces = 1 + (place * 7 + at) % 40
        texts = {"description_en": en, "description_fr": fr, "note_en": "", "note_fr": ""}
        sums = {"quantity": pieces, "unit_price": Decimal(price), "amount": Decimal(price) * pieces}
        yield {"id": first_id + at, "account_id": account, key: place + 1, "position": at, **texts, **sums}


def _order(place: int, account: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    lines = [{**row, "plan": True, "monthly": False} for row in _lines(place, "order_id", account, 2 * place + 1)]
    start = LAST - timedelta(place % 3000)
    subtotal = sum((row["amount"] for row in lines), Decimal(0))
    made = Order(
        id=place + 1, account_id=account, number=f"{1_000_000 + place}", number_order=1_000_000 + place, start_on=start,
        subtotal=subtotal, total=subtotal, end_on=start + timedelta(365 * (1 + place % 5)),
        placed_at=datetime(start.year, start.month, start.day, 15, tzinfo=UTC),
    )  # fmt: skip
    texts = [OrderLine.model_construct(**row) for row in lines]
    made.search = order_text.search_text(made, texts)
    made.first_line_en, made.first_line_fr = order_text.first_line(texts, "en"), order_text.first_line(texts, "fr")
    return made.model_dump(), lines


def _invoice(place: int, account: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    lines = list(_lines(place, "invoice_id", account, 2 * place + 1))
    issued = LAST - timedelta(place % 3000)
    subtotal = sum((row["amount"] for row in lines), Decimal(0))
    made = Invoice(
        id=place + 1, account_id=account, number=f"{5_000_000 + place}", number_order=5_000_000 + place, issued_on=issued,
        due_on=issued + timedelta(30), subtotal=subtotal, total=subtotal,
    )  # fmt: skip
    made.search = invoice_text.search_text(made, [InvoiceLine.model_construct(**row) for row in lines], ())
    return made.model_dump(), lines
