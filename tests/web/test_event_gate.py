"""The event gate: who may send which event with which payload and how often, and how refusals are answered."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, StrictInt
from reflex.state import StateUpdate
from reflex_base.event import Event

from odoportal.core import identity
from odoportal.core.identity import Identity
from odoportal.observability import instrumentation
from odoportal.pages.state import SessionState
from odoportal.rooms.orders.page import Orders
from odoportal.web.event_gate import EVENTS_PER_10_SECONDS, INTERNAL, SOCKET_COOKIE, EventGate, session_hash
from tests.making import NOON, identity_of
from tests.states import new_state, set_address

ROOT = "reflex___state____state"
LOAD = f"{Orders.get_full_name()}.load"
STAY = f"{SessionState.get_full_name()}.stay"
ON_LOAD = f"{ROOT}.reflex___state____on_load_internal_state.on_load_internal"
HYDRATE = f"{ROOT}.hydrate_and_load"


class Doorman:
    """A gate with people known by their session hash. It records its calls."""

    def __init__(self, payloads: dict[str, type[BaseModel]] | None = None, **people: Identity) -> None:
        self.refusing: set[tuple[str, str]] = set()
        self.people: dict[str, Identity | None] = dict(people)
        self.touched: list[str] = []
        self.asked: list[tuple[str | None, str | None]] = []
        self.gate = EventGate(SessionState, self.resolve, self.touch, self.allowed, payloads)

    async def resolve(self, hashed: str | None, account: str | None) -> Identity | None:
        self.asked.append((hashed, account))
        return self.people.get(hashed or "")

    async def touch(self, who: Identity) -> bool:
        self.touched.append(who.session)
        return True

    def allowed(self, who: Identity, name: str) -> bool:
        return (who.account.role, name) not in self.refusing

    async def pass_(self, root: Any, name: str, payload: Any = None) -> StateUpdate | None:
        return await self.gate.preprocess(None, root, Event(name=name, payload={} if payload is None else payload))  # type: ignore[arg-type]


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


def maria() -> Identity:
    return replace(identity_of(1), session="maria")


def session(hashed: str) -> str:
    return f"{SOCKET_COOKIE}={hashed}"


@pytest.mark.parametrize(
    ("cookie", "hashed"),
    [
        ("sid=abc", "abc"),
        ("", None),
        ("other=1", None),
        ("other=1; sid=abc", "abc"),
        ("sid=", ""),
        ("\x00", None),
        ("sid", None),
        ("a[]=1; sid=abc", None),
    ],
)
def test_the_hash_is_read_from_the_cookie_or_not_at_all(cookie: str, hashed: str | None) -> None:
    assert session_hash(new_state(cookie=cookie)) == hashed


@pytest.mark.parametrize(
    ("address", "payload"),
    [
        ("/en/addresses/edit?code=%00", {}),
        ("/en/orders?account=%00", {}),
        ("/en/orders", {"text": "a\0b"}),
        ("/en/orders", {"list": [{"text": "\ud800"}]}),
        ("/en/orders", {"\0": 1}),
    ],
)
def test_an_event_with_what_no_database_takes_is_dropped_before_anything_is_read(address: str, payload: Any) -> None:
    door = Doorman({HYDRATE: Anything}, maria=maria())
    assert asyncio.run(door.pass_(new_state(address, session("maria")), HYDRATE, payload)) == StateUpdate()
    assert door.asked == []
    usable = {"text": "é\U0001f600", "list": [1, None, True]}
    assert asyncio.run(door.pass_(new_state("/en/orders?q=%2500", session("maria")), HYDRATE, usable)) is None


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
def test_nobody_s_flood_counts_by_the_site_of_an_ipv6_address() -> None:
    async def run() -> None:
        door, site, there = Doorman(), "2001:db8:1:2", new_state(ip="2001:db8:1:3::1")
        passed = []
        for n in range(EVENTS_PER_10_SECONDS * 2 + 50):
            passed.append(await door.pass_(new_state(ip=f"{site}::{n:x}"), HYDRATE) is None)
        assert not all(passed)
        assert await door.pass_(there, HYDRATE) is None

    asyncio.run(run())


@pytest.mark.asvs("8.2.1")
def test_nobody_gets_only_what_a_browser_needs_to_start() -> None:
    async def run() -> None:
        door, root = Doorman(), new_state()
        for name, model in INTERNAL.items():
            payload = {"value": True} if "value" in model.model_fields else {}
            assert await door.pass_(root, name, payload) is None, name
        for name in (LOAD, f"{ROOT}.setvar", "no.such.handler", HYDRATE + "x", f"x.{HYDRATE}"):
            assert await door.pass_(root, name) is not None, name

    asyncio.run(run())


@pytest.mark.asvs("8.3.1")
def test_a_refused_event_leads_to_sign_in() -> None:
    async def run() -> None:
        root = new_state("/en/orders?open=5")
        update = await Doorman().pass_(root, LOAD)
        assert update is not None
        assert "/en/login?ended=1" in repr(update.delta)

    asyncio.run(run())


def test_the_person_reaches_the_handler_and_leaves_with_the_session() -> None:
    async def run() -> None:
        door, root = Doorman(maria=maria()), new_state("/en/orders?account=2000", session("maria"))
        assert await door.pass_(root, LOAD) is None
        assert identity.require_identity() == maria()
        assert door.asked[-1] == ("maria", "2000")
        del door.people["maria"]
        assert await door.pass_(root, LOAD) is not None
        assert identity.current_identity.get() is None

    asyncio.run(run())


@pytest.mark.asvs("7.2.4")
@pytest.mark.case("A-43", "A-51")
def test_another_identity_on_the_same_tab_finds_the_state_empty() -> None:
    async def run() -> None:
        door = Doorman(maria=maria(), eve=replace(identity_of(2, "6666"), session="eve"))
        root = new_state(cookie=session("maria"))
        await door.pass_(root, LOAD)
        orders = await root.get_state(Orders)
        orders.filled = True
        await door.pass_(root, LOAD)
        assert orders.filled
        set_address(root, "/en/orders", session("eve"))
        assert await door.pass_(root, LOAD) is None
        assert not orders.filled
        orders.filled = True
        set_address(root, "/en/orders", "")
        update = await door.pass_(root, LOAD)
        assert update is not None
        assert not orders.filled
        assert "filled" in repr(update.delta)

    asyncio.run(run())


def test_another_account_of_the_same_person_finds_the_state_empty() -> None:
    async def run() -> None:
        door, root = Doorman(maria=maria()), new_state(cookie=session("maria"))
        await door.pass_(root, LOAD)
        orders = await root.get_state(Orders)
        orders.filled = True
        door.people["maria"] = replace(maria(), account=identity_of(2, "2000").account)
        await door.pass_(root, LOAD)
        assert not orders.filled

    asyncio.run(run())


class Number(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    number: StrictInt


@pytest.mark.parametrize(
    ("name", "payload", "passes"),
    [
        (LOAD, {}, True),
        # Payloads that Reflex itself would fail on with an exception.
        *((LOAD, nothing, False) for nothing in (None, [], "", 0, False)),
        (LOAD, {"account_id": 2}, False),
        (LOAD, {"self": 1}, False),
        (LOAD, [1], False),
        (LOAD, "text", False),
        (LOAD, 7, False),
        ("room.set", {"number": 5}, True),
        ("room.set", {"number": "5"}, False),
        ("room.set", {"number": True}, False),
        ("room.set", {"number": 5.0}, False),
        ("room.set", {"number": {"a": 1}}, False),
        ("room.set", {"number": [5]}, False),
        ("room.set", {"number": None}, False),
        ("room.set", {}, False),
        ("room.set", {"number": 5, "role": "owner"}, False),
        ("room.set", {"number": float("nan")}, False),
        (f"{Orders.get_full_name()}.setvar", {"var_name": "gone", "value": "x"}, False),
        (f"{Orders.get_full_name()}.setvar", {}, False),
        (f"{ROOT}.reflex___state____update_vars_internal_state.update_vars_internal", {}, False),
        (f"{ROOT}.reflex___state____update_vars_internal_state.update_vars_internal", {"vars": {}}, False),
        (HYDRATE, {"vars": {}, "hashes": ["a"]}, True),
        (HYDRATE, {"vars": 5}, False),
        (HYDRATE, {"more": 5}, False),
        (f"{ROOT}.set_is_hydrated", {"value": True}, True),
        (f"{ROOT}.set_is_hydrated", {"value": "yes"}, False),
        (f"{ROOT}.set_is_hydrated", {}, False),
    ],
)
@pytest.mark.asvs("15.3.5")
@pytest.mark.asvs("2.2.2")
@pytest.mark.case("A-65")
def test_a_payload_fits_or_the_event_does_not_run(name: str, payload: Any, passes: bool) -> None:
    async def run() -> None:
        door, root = Doorman({"room.set": Number}, maria=maria()), new_state(cookie=session("maria"))
        update = await door.gate.preprocess(None, root, Event(name=name, payload=payload))  # type: ignore[arg-type]
        assert (update is None) is passes

    asyncio.run(run())


@pytest.mark.asvs("7.3.1")
@pytest.mark.case("A-44")
def test_only_a_person_s_doing_counts_as_activity() -> None:
    async def run() -> None:
        door, root = Doorman(maria=maria()), new_state(cookie=session("maria"))
        for name in (HYDRATE, ON_LOAD, LOAD):
            await door.pass_(root, name)
        assert door.touched == []
        await door.pass_(root, ON_LOAD)
        assert door.touched == ["maria"]
        for name in (LOAD, HYDRATE, f"{ROOT}.set_is_hydrated"):
            await door.pass_(root, name, {"value": True} if name.endswith("hydrated") else {})
        assert door.touched == ["maria"]
        await door.pass_(root, f"{SessionState.get_full_name()}.stay")
        assert door.touched == ["maria", "maria"]

    asyncio.run(run())


def test_whoever_asks_to_stay_is_told_the_new_end() -> None:
    later = replace(maria(), seen_at=NOON + timedelta(minutes=20), idle_end=NOON + timedelta(minutes=50))

    async def run() -> None:
        door, root = Doorman(maria=maria()), new_state(cookie=session("maria"))

        async def touch(_who: Identity) -> bool:
            door.people["maria"] = later
            return True

        door.gate.touch = touch
        await door.pass_(root, f"{SessionState.get_full_name()}.stay")
        signed = await root.get_state(SessionState)
        await signed.stay()
        assert signed.ends == int((NOON + timedelta(minutes=50)).timestamp())

    asyncio.run(run())


@pytest.mark.asvs("2.4.1")
@pytest.mark.asvs("16.3.3")
@pytest.mark.case("A-72")
def test_a_flood_of_one_session_is_not_another_s() -> None:
    async def run() -> None:
        door = Doorman(maria=maria(), eve=replace(identity_of(2, "6666"), session="eve"))
        root, other = new_state(cookie=session("eve")), new_state(cookie=session("maria"))
        passed = [await door.pass_(root, LOAD) is None for _ in range(EVENTS_PER_10_SECONDS * 2 + 50)]
        assert EVENTS_PER_10_SECONDS <= sum(passed) <= EVENTS_PER_10_SECONDS * 2
        assert await door.pass_(other, LOAD) is None

    asyncio.run(run())


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
def test_nobody_s_flood_counts_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[None] = []
    monkeypatch.setattr(instrumentation, "mark_dropped", lambda: dropped.append(None))

    async def run() -> None:
        door, here, there = Doorman(), new_state(ip="203.0.113.5"), new_state(ip="203.0.113.6")
        passed = []
        for n in range(EVENTS_PER_10_SECONDS * 2 + 50):
            # A made-up cookie for each event does not give a client a limit of its own.
            set_address(here, "/en/orders", session(f"made-up-{n}"), ip="203.0.113.5")
            passed.append(await door.pass_(here, HYDRATE) is None)
        assert not all(passed)
        # Each dropped event is recorded, so that it gets no log line.
        assert len(dropped) == passed.count(False)
        assert await door.pass_(there, HYDRATE) is None

    asyncio.run(run())


@pytest.mark.asvs("8.2.1")
def test_what_a_role_does_not_allow_is_not_run_and_is_said_on_the_screen() -> None:
    async def run() -> None:
        door, root = Doorman(maria=maria()), new_state(cookie=session("maria"))
        door.refusing.add(("owner", LOAD))
        update = await door.pass_(root, LOAD)
        assert update is not None
        assert (await root.get_state(SessionState)).denied == 1
        # The right is checked before the payload, and Reflex's own events need no right.
        assert await door.pass_(root, LOAD, {"account_id": 2}) is not None
        assert await door.pass_(root, HYDRATE) is None
        assert (await root.get_state(SessionState)).denied == 2

    asyncio.run(run())


@pytest.mark.parametrize(("name", "runs"), [(STAY, False), (LOAD, True), (ON_LOAD, True)])
@pytest.mark.asvs("8.3.2")
def test_a_click_on_a_page_of_another_account_or_role_opens_the_page_anew(name: str, runs: bool) -> None:
    async def run() -> None:
        door, root = Doorman(maria=maria()), new_state("/en/orders?page=2", session("maria"))
        assert await door.pass_(root, STAY) is None
        for changed in (replace(maria().account, role="billing"), identity_of(2, "2000").account):
            door.people["maria"] = replace(maria(), account=changed)
            update = await door.pass_(root, name)
            assert (update is None) == runs
            assert (await root.get_state(SessionState)).gone == ("" if runs else "/en/orders?page=2")

    asyncio.run(run())
