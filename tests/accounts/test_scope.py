"""No service function about an account reads another account's rows: all public functions of all rooms, found automatically."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel

import odoportal
from odoportal.core import i18n
from odoportal.lists.list_table import ListTable
from odoportal.lists.query import ListQuery
from odoportal.lists.source import FoundRows, ListRequest, ListSource
from odoportal.rooms.activity.columns import CHANGES
from odoportal.rooms.addresses.page import BOOK
from odoportal.rooms.devices.page import DEVICES
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.orders.columns import ORDERS
from tests.making import TODAY, account, add_every_row, rolled_back

PACKAGE = Path(odoportal.__file__).parent
ROOMS = sorted(".".join(path.relative_to(PACKAGE).parent.parts) for path in PACKAGE.rglob("service.py"))
MARK = "THEIRS"
LISTS = {"orders": ORDERS, "invoices": INVOICES, "activity": CHANGES, "addresses": BOOK, "devices": DEVICES}


def request(table: ListTable, account_id: int, asked: Mapping[str, str]) -> ListRequest:
    with i18n.use("en"):
        return table.request(account_id, ListQuery.parse(table.rules, asked), "en", TODAY)


def listed(table: ListTable) -> Callable[..., Any]:
    """Return a function that reads a page of a list."""

    def find(session: Session, account_id: int, asked: Mapping[str, str]) -> FoundRows:
        return table.source.find(session, request(table, account_id, asked))

    return find


def about_accounts() -> list[tuple[str, Callable[..., Any]]]:
    """Return name and function of every public service function with a parameter `account_id`."""
    found = []
    for room in ROOMS:
        module = importlib.import_module(f"odoportal.{room}.service")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if (
                function.__module__ == module.__name__
                and not name.startswith("_")
                and "account_id" in inspect.signature(function).parameters
            ):
                found.append((f"{room.removeprefix('rooms.')}.{name}", function))
    return found


def scoped() -> list[tuple[str, Callable[..., Any]]]:
    """Return those of them that read the database: they take a session; and those that read the lists."""
    reading = [(name, function) for name, function in about_accounts() if "session" in inspect.signature(function).parameters]
    return [*reading, *((f"{name}.list", listed(table)) for name, table in LISTS.items())]


def plain(value: Any) -> Any:
    """Convert a result to plain values, to compare and to search."""
    if isinstance(value, SQLModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(v) for v in value]
    return value


def call(function: Callable[..., Any], session: Session, account_id: int, named: dict[str, Any], **query: str) -> Any:
    """Call a function with a value for each of its parameters, all of them about the records of `named`; return a plain result."""
    number = named["invoice_number" if "invoices" in function.__module__ else "order_number"]
    given = {
        "session": session,
        "account_id": account_id,
        "today": TODAY,
        "language": "en",
        "rows": 3,
        "limit": 50,
        "number": number,
        "months": 24,
        "since": TODAY.replace(year=2019),
        "until": TODAY,
        "opening": Decimal(0),
        "max_count": None,
        "q": query.get("q", ""),
        "removed": False,
        "code": named["order_number"][1:],
        "asked": query,
        "order_ids": [named["order_id"]],
        "serial": named["serial"],
        "ids": [named["device_id"]],
        "provider": "sandbox",
        "role": "owner",
        "key": named["setup_key"],
        "person": named["person"],
        **{k: v for k, v in named.items() if k in {"order_id", "invoice_id", "ids", "person_id"}},
    }
    return plain(function(**{name: given[name] for name in inspect.signature(function).parameters}))


def test_the_rooms_are_found() -> None:
    names = {name for name, _ in scoped()}
    assert {
        "orders.list",
        "orders.get",
        "invoices.list",
        "invoices.owing",
        "addresses.by_id",
        "devices.of_order",
        "orders.count",
    } <= names


@pytest.mark.parametrize(("name", "function"), scoped(), ids=[name for name, _ in scoped()])
@pytest.mark.parametrize(
    "query", [{}, {"q": MARK}, {"order": f"1{MARK}"}, {"sort": "number", "size": "100"}], ids=["plain", "search", "order", "sorted"]
)
@pytest.mark.asvs("8.2.2")
@pytest.mark.asvs("8.4.1")
def test_another_account_s_rows_change_nothing(engine: Engine, name: str, function: Callable[..., Any], query: dict[str, str]) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        add_every_row(session, mine, "MINE")
        nothing = {
            "order_id": 10**6,
            "invoice_id": 10**6,
            "ids": [10**6],
            "person_id": 10**6,
            "order_number": "none",
            "invoice_number": "none",
            "setup_key": "none",
            "person": "1000000",
            "serial": "none",
            "device_id": 10**6,
        }
        before = call(function, session, mine, nothing, **query)
        theirs = add_every_row(session, other, MARK)
        after = call(function, session, mine, theirs, **query)
        assert after == before
        assert MARK not in repr(after)
        assert MARK in repr(call(function, session, other, theirs)) or call(function, session, other, theirs) != call(
            function, session, account(session, "C"), nothing
        ), "the rows of this test do not reach the function, so it shows nothing"


@pytest.mark.parametrize("table", [ORDERS, INVOICES, CHANGES], ids=["orders", "invoices", "activity"])
@pytest.mark.asvs("8.4.1")
def test_the_condition_of_a_list_names_the_account(table: ListTable) -> None:
    assert isinstance(table.source, ListSource)
    condition, _ = table.source.where_and_order(request(table, 4711, {"q": "x"}))
    assert "account_id = 4711" in str(condition.compile(compile_kwargs={"literal_binds": True}))
