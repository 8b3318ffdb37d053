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
from odoportal.lists.query import ListQuery
from tests.making import TODAY, account, add_every_row, rolled_back

PACKAGE = Path(odoportal.__file__).parent
ROOMS = sorted(".".join(path.relative_to(PACKAGE).parent.parts) for path in PACKAGE.rglob("service.py"))
MARK = "THEIRS"


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
    """Return those of them that read the database: they take a session."""
    return [(name, function) for name, function in about_accounts() if "session" in inspect.signature(function).parameters]


def conditions() -> list[tuple[str, Callable[..., Any]]]:
    """Return those of them that take no session: they return a condition for another query."""
    return [(name, function) for name, function in about_accounts() if (name, function) not in scoped()]


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


def rules_of(module: Any) -> Any:
    """Return what the address of a module's list may contain; None if it has no list."""
    return module.rules() if hasattr(module, "rules") else getattr(module, "RULES", None)


def call(function: Callable[..., Any], session: Session, account_id: int, named: dict[str, Any], **query: str) -> Any:
    """Call a function with a value for each of its parameters, all of them about the records of `named`; return a plain result."""
    module = importlib.import_module(function.__module__)
    rules = rules_of(module)
    number = named["invoice_number" if "invoices" in function.__module__ else "order_number"]
    given = {
        "session": session,
        "account_id": account_id,
        "today": TODAY,
        "language": "en",
        "rows": 3,
        "limit": 50,
        "number": number,
        "state_words": {},
        "months": 24,
        "since": TODAY.replace(year=2019),
        "until": TODAY,
        "opening": Decimal(0),
        "max_count": None,
        "q": query.get("q", ""),
        "removed": False,
        "code": named["order_number"][1:],
        "query": ListQuery.parse(rules, query) if rules else None,
        "serial": named["serial"],
        "device_id": named["device_id"],
        "provider": "sandbox",
        "role": "owner",
        "key": named["setup_key"],
        "person": named["person"],
        "kinds": {},
        **{k: v for k, v in named.items() if k in {"order_id", "invoice_id", "ids", "person_id"}},
    }
    return plain(function(**{name: given[name] for name in inspect.signature(function).parameters}))


def test_the_rooms_are_found() -> None:
    names = {name for name, _ in scoped()}
    assert {
        "orders.find",
        "orders.get",
        "invoices.find",
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


@pytest.mark.parametrize(("name", "function"), conditions(), ids=[name for name, _ in conditions()])
@pytest.mark.asvs("8.4.1")
def test_a_condition_for_others_to_use_names_the_account(name: str, function: Callable[..., Any]) -> None:
    module = importlib.import_module(function.__module__)
    given = {
        "account_id": 4711,
        "query": ListQuery.parse(rules_of(module), {"q": "x"}),
        "language": "en",
        "today": TODAY,
        "state_words": {},
        "kinds": {},
    }
    condition, *_ = function(**{parameter: given[parameter] for parameter in inspect.signature(function).parameters})
    assert "account_id = 4711" in str(condition.compile(compile_kwargs={"literal_binds": True}))
