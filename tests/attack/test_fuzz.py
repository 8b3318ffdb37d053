"""Random payloads for every handler, and random queries for every address that only reads."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import SQLModel

from odoportal.core import clock, database
from odoportal.odoportal import NEEDED, PAGES, app, http
from odoportal.web.event_gate import EventGate
from tests.attack.test_handlers import handler_rights
from tests.attack.wire import HYDRATE, Tab, tab
from tests.inside import Inside

READING = "see"
BOUNDED = settings(max_examples=120, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""Settings that repeat the same examples on every run, as many as fit in a few seconds."""
HUGE = st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324])
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Co", "Mn", "Zs"]), max_size=20),
    st.sampled_from(["", "0", "-1", "1e9", "null", "__proto__", "__class__", "{{7*7}}", "%s%n", "\x00", "x" * 1_000, "a\r\nb", "﷽" * 200]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), HUGE, TEXTS)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(TEXTS, inner, max_size=5)), max_leaves=25
)
GATE = next(found for found in app._middlewares if isinstance(found, EventGate))


def deep(levels: int) -> dict[str, Any]:
    """Return a dictionary nested to this many levels."""
    made: dict[str, Any] = {}
    for _ in range(levels):
        made = {"a": made}
    return made


@st.composite
def payloads(draw: st.DrawFn, name: str) -> Any:
    """Draw a payload for a handler: arbitrary data, or the handler's own argument names and a few more with arbitrary values."""
    fields = list(GATE.payloads[name].model_fields) if name in GATE.payloads else []
    near = st.fixed_dictionaries({}, optional=dict.fromkeys((*fields, "account_id", "self", "state", "role"), ANYTHING))
    return draw(st.one_of(near, st.dictionaries(TEXTS, ANYTHING, max_size=4), ANYTHING, st.builds(deep, st.integers(1, 80))))


CALLS = st.lists(
    st.sampled_from(sorted(handler_rights())).flatmap(lambda name: st.tuples(st.just(name), payloads(name))), min_size=1, max_size=12
)
QUERIES = st.dictionaries(
    st.one_of(st.sampled_from(["q", "sort", "page", "size", "state", "from", "to", "order", "open", "account", "next", "paper"]), TEXTS),
    st.one_of(TEXTS, st.integers().map(str), st.dates().map(str)),
    max_size=5,
)


PURGED = {"browser_session", "invitation", "card_setup", "invoice_copy", "job", "job_run"}
"""Tables that the portal itself writes at any moment: it purges rows, and runs its jobs."""


def rows(account_number: str = "") -> dict[str, list[str]]:
    """Return every row of the database by table, without the purged tables; only one account's rows if its number is given."""
    found = {}
    with database.engine().connect() as connection:
        account = connection.scalar(text("SELECT id FROM account WHERE number = :n"), {"n": account_number})
        for table in SQLModel.metadata.sorted_tables:
            if table.name in PURGED or (account_number and "account_id" not in table.c):
                continue
            wanted = table.select().where(table.c.account_id == account) if account_number else table.select()
            found[table.name] = sorted(repr(tuple(row)) for row in connection.execute(wanted))
    return found


@contextmanager
def assert_harmless(inside: Inside, reading: bool = True) -> Iterator[None]:
    """Check that the block logs no error and leaves another customer served.

    It must not write at all if `reading` is true, and must never change the other customer's rows.
    """
    clock.set_source(inside.clock)
    account_number = "" if reading else inside.second.account
    before = rows(account_number)
    inside.errors.clear()
    yield
    assert inside.errors == []
    assert rows(account_number) == before
    other = inside.portal.ask("/en/orders", cookie=OTHERS.setdefault(inside.portal.url, inside.session(inside.second)))
    assert other.status == 200
    assert inside.second.marker in other.body


OTHERS: dict[str, str] = {}


@given(calls=CALLS)
@BOUNDED
@pytest.mark.parametrize("signed", [True, False], ids=["signed in", "nobody"])
@pytest.mark.asvs("15.3.5")
@pytest.mark.asvs("2.2.1")
@pytest.mark.asvs("1.4.2")
@pytest.mark.case("A-60", "A-64", "A-65")
def test_no_payload_hurts_any_handler(inside: Inside, signed: bool, calls: list[tuple[str, Any]]) -> None:
    async def run(cookie: str) -> Tab:
        async with tab(inside.portal.url, cookie, origin=None, **inside.elsewhere()) as odd:
            await odd.send(HYDRATE, {}, "/en/orders")
            for name, payload in calls:
                await odd.raw({"name": name, "payload": payload, "router_data": {"pathname": "/en/orders", "asPath": "/en/orders"}})
            # The socket is still alive: an event sent last is answered.
            await odd.fence()
            return odd

    reading = not signed or all(NEEDED[name] == READING for name, _ in calls)
    with assert_harmless(inside, reading):
        shown_text = asyncio.run(run(inside.session(inside.first) if signed else "")).text
    assert inside.second.marker not in shown_text
    assert signed or inside.first.marker not in shown_text
    assert "Traceback" not in shown_text


ADDRESSES = [
    *(page.path for page in PAGES),
    *(route.path.replace("/{language}", "").replace("{number:path}", "2001") for route in http.routes if "language" in route.path),  # type: ignore[attr-defined]
]


@given(path=st.sampled_from(ADDRESSES), query=QUERIES, language=st.sampled_from(["fr", "en"]))
@BOUNDED
@pytest.mark.asvs("2.2.1")
@pytest.mark.asvs("1.2.4")
@pytest.mark.case("A-63")
def test_no_query_hurts_any_address(inside: Inside, path: str, query: dict[str, str], language: str) -> None:
    address = f"/{language}{path}?{urlencode(query, errors='surrogatepass')}"
    with assert_harmless(inside):
        answer = inside.portal.ask(address, cookie=inside.session(inside.first))
    assert answer.status in {200, 303, 400, 404, 405, 410, 422}
    assert inside.second.marker not in answer.body
