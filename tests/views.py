"""All views of a customer's records, the statements they run, and SQLite's query plans for them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session

from odoportal.core import i18n
from odoportal.core.identity import Identity
from odoportal.lists.query import ListQuery, ListRules
from odoportal.lists.view import page_view
from odoportal.pages.shell_view import shell_view
from odoportal.rooms.activity.columns import CHANGES
from odoportal.rooms.dashboard.view import home_view
from odoportal.rooms.devices.page import DEVICES
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.orders.columns import ORDERS
from odoportal.rooms.statements.view import RULES as STATEMENT
from odoportal.rooms.statements.view import statement_view
from odoportal.settings import get_settings

_TABLES = {"orders": ORDERS, "invoices": INVOICES, "changes": CHANGES, "devices": DEVICES}
LISTS: Mapping[str, tuple[ListRules, Callable[..., object]]] = {
    **{name: (table.rules, partial(page_view, table)) for name, table in _TABLES.items()},
    "statement": (STATEMENT, statement_view),
}
# These are no table scans: a constant, a subquery, the materialized `rests`, the recursive `models`, of which each row is one model, and
# the trigrams, a virtual table with its own index.
_BAD = re.compile(r"^SCAN (?!CONSTANT ROW|\(subquery|rests$|models$|.* VIRTUAL TABLE INDEX|\d)|TEMP B-TREE")


@dataclass(frozen=True)
class View:
    """A page: its name in reports, and its address after the language, such as `orders?sort=number`."""

    name: str
    address: str


def views(order: str, invoice: str, device: str) -> list[View]:
    """Return the views of the home page and of every list: first and last page, each sort, each state, dates, an open record.

    Args:
        order: the number of one of the account's orders.
        invoice: the number of an invoice of an order.
        device: the serial of one of the account's devices.
    """
    found = [View("home", "home")]
    for room, number in (("orders", order), ("invoices", invoice), ("devices", device)):
        rules = LISTS[room][0]
        found += [View(f"{room}, first page", room), View(f"{room}, last page", f"{room}?page=1000000")]
        found += [View(f"{room} by {sort}", f"{room}?sort={sort}") for key in rules.sorts for sort in (key, f"-{key}")]
        found += [View(f"{room}, {state}", f"{room}?state={state}") for state in rules.states]
        found += [View(f"{room} of a year", f"{room}?from=2019-01-01&to=2019-12-31"), View(f"{room}, Details", f"{room}?open={number}")]
    found += [View(f"{room} of an order", f"{room}?order={order}") for room in ("invoices", "devices")]
    found += [
        View("changes", "changes"),
        View("changes of a person", "changes?person=1"),
        View("changes of a year", "changes?from=2019-01-01"),
    ]
    return [*found, View("statement", "statement"), View("statement of all years", "statement?from=1990-01-01")]


def draw(session: Session, who: Identity, address: str, today: date) -> object:
    """Make the view of an address, in English."""
    room, _, query = address.partition("?")
    with i18n.use("en"):
        if room == "home":
            return home_view(session, who, "en", today)
        if room == "shell":
            return shell_view(session, who, "/en", today, get_settings())
        rules, view = LISTS[room]
        return view(session, who, ListQuery.parse(rules, dict(parse_qsl(query))), "en", today)


Ran = tuple[str, Any]
"""A statement and its parameters, as passed to the driver."""


@contextmanager
def recorded_statements(engine: Engine) -> Iterator[list[Ran]]:
    """Yield a list of the statements that the engine runs inside the context, with their parameters."""
    ran: list[Ran] = []

    def record(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            ran.append((statement, values))

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield ran
    finally:
        event.remove(engine, "before_cursor_execute", record)


def plan(connection: Connection, ran: Ran) -> list[str]:
    """Return the steps of SQLite's query plan for a statement."""
    return [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {ran[0]}", ran[1])]


def costly(steps: list[str]) -> list[str]:
    """Return the steps that scan a whole table or sort in a temporary B-tree."""
    return [step for step in steps if _BAD.search(step)]
