"""Events that no browser sends: wrong types, huge, deeply nested, out of order, forged, and in large numbers."""

import asyncio
import time
from typing import Any

import pytest

from tests.attack.conftest import Cookies, Victim
from tests.attack.wire import HYDRATE, INVOICES, ON_LOAD, ORDERS, ROOT, SIGNED, tab, value
from tests.server import EMPTY, OVERDUE, Portal

ROUTER = {"pathname": "/en/orders", "asPath": "/en/orders", "query": {}}
LOAD = f"{ORDERS}.load"


def event(**more: Any) -> dict[str, Any]:
    """Return an event with the given fields added or replaced."""
    return {"name": LOAD, "payload": {}, "router_data": dict(ROUTER), **more}


BROKEN: dict[str, Any] = {
    "nothing": None,
    "a number": 5,
    "a text": "text",
    "a list": [LOAD],
    "an empty list": [],
    "an empty object": {},
    "true": True,
    "json in a text": '{"name": "x"}',
    "a name that is a number": event(name=5),
    "a name that is a list": event(name=[LOAD]),
    "a name that is nothing": event(name=None),
    "an unknown name": event(name="no.such.handler"),
    "an empty name": event(name=""),
    "a private method": event(name=f"{ORDERS}._load_view"),
    "a dunder": event(name=f"{ORDERS}.__init__"),
    "reset": event(name=f"{ORDERS}.reset"),
    "a very long name": event(name="x" * 10_000),
    "a name with a line break": event(name="x\n2026-01-01 INFO forged"),
    "a payload that is a list": event(payload=[1]),
    "a payload that is a text": event(payload="x"),
    "a payload that is nothing": event(payload=None),
    "a payload that is a number": event(payload=1e308),
    "more than the payload": event(payload={"account_id": 1, "is_admin": True, "__class__": "x", "self": 1}),
    "a huge payload": event(payload={"q": "x" * 50_000}),
    "router data that is a text": event(router_data="x"),
    "router data that is a list": event(router_data=[]),
    "router data that is nothing": event(router_data=None),
    "no router data": {"name": LOAD, "payload": {}},
    "an address that is a number": event(router_data={**ROUTER, "asPath": 5}),
    "an address that is an object": event(router_data={**ROUTER, "asPath": {}}),
    "a path that is a list": event(router_data={**ROUTER, "pathname": ["/en"]}),
    "a query that is a text": event(router_data={**ROUTER, "query": "x"}),
    "a query of lists": event(router_data={**ROUTER, "query": {"account": ["1", "2"]}, "asPath": "/en/orders?account=1&account=2"}),
    "an address that cannot be split": event(router_data={**ROUTER, "asPath": "http://[::1"}),
    "surrogates": event(router_data={**ROUTER, "asPath": "/en/orders?q=%ed%a0%80%ff"}),
    "forged headers": event(router_data={**ROUTER, "headers": {"cookie": "sid=0"}, "ip": "10.0.0.1", "token": "other", "sid": "other"}),
    "more fields": event(token="other", state="other", background_tasks=[1], substate_token="x"),
    "a client's own time": event(ts=10**30),
    "a long address": event(router_data={**ROUTER, "asPath": "/en/orders?q=" + "x" * 50_000}),
    "many parameters": event(router_data={**ROUTER, "asPath": "/en/orders?" + "&".join(f"a{i}=1" for i in range(5000))}),
    "names of python": event(router_data={**ROUTER, "asPath": "/en/orders?self=1&kwargs=2&__class__=3&cls=4"}),
    "a percent that is none": event(router_data={**ROUTER, "asPath": "/en/orders?q=%&page=%zz&size=%00"}),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=list(BROKEN))
@pytest.mark.asvs("2.2.1")
@pytest.mark.asvs("16.5.2")
@pytest.mark.case("A-65", "A-67")
def test_a_broken_event_hurts_nobody(portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim, data: Any) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as broken:
            await broken.emit(data)
            # The same socket keeps working.
            await broken.fence()
            assert (await broken.load("/en/orders"))["rows"]
            for marker in victim.markers:
                assert marker not in broken.text
            assert "Traceback" not in broken.text

    asyncio.run(run())
    assert portal.ask("/healthz").status == 200


@pytest.mark.asvs("2.2.1")
def test_nobody_s_broken_events_show_nothing(portal: Portal, victim: Victim, attacker: Victim) -> None:
    async def run() -> None:
        async with tab(portal.url) as broken:
            for data in BROKEN.values():
                await broken.emit(data)
            await broken.fence()
            for marker in (*victim.markers, *attacker.markers, "Traceback"):
                assert marker not in broken.text

    asyncio.run(run())


@pytest.mark.parametrize("depth", [2_000, 200_000])
@pytest.mark.asvs("15.3.5")
@pytest.mark.case("A-72")
def test_deep_json_and_too_large_a_message_close_that_socket_at_most(portal: Portal, depth: int) -> None:
    # Use a separate session: events of earlier tests count against the shared session's limit, and events over the limit get no answer.
    cookie = portal.sign_in(OVERDUE)

    async def run(message: str) -> None:
        async with tab(portal.url, cookie) as deep, tab(portal.url, cookie) as other:
            await deep.socket.eio.send(message)
            assert (await other.load("/en/orders"))["rows"]

    nested = "[" * depth + "]" * depth
    asyncio.run(run(f'2/_event,["event",{{"name":"{LOAD}","payload":{{"a":{nested}}},"router_data":{{}}}}]'))
    asyncio.run(run('2/_event,["event",{"name":"x","payload":{"a":"' + "x" * 1_500_000 + '"}}]'))
    asyncio.run(run('2/_event,["event",{"name":'))
    asyncio.run(run("2/other,[1]"))
    assert portal.ask("/healthz").status == 200


@pytest.mark.asvs("2.3.1")
@pytest.mark.case("A-66", "A-68")
def test_events_out_of_order_show_the_page_they_come_from(portal: Portal, cookie_of: Cookies, attacker: Victim) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as odd:
            # Call a handler before the first hydrate, for another page than the one in the address.
            await odd.send(f"{INVOICES}.load", {}, f"/en/orders?open={attacker.order}")
            view = await odd.view(INVOICES)
            assert all("amount" in row and "term" not in row for row in view["rows"])
            await odd.send(f"{SIGNED}.load", {}, "/fr/login")
            await odd.send(f"{ORDERS}.retry", {}, "/no/such/page?size=9999&page=-1&sort=password")
            assert 0 < len((await odd.view())["rows"]) <= 10

    asyncio.run(run())


@pytest.mark.parametrize(
    "forged",
    [{"headers": {"cookie": "sid=x", "Cookie": "odo_session=x"}}, {"ip": "10.0.0.1"}, {"token": "x"}, {"path": "/en/login"}],
    ids=str,
)
@pytest.mark.asvs("15.3.4")
@pytest.mark.case("A-66")
def test_forged_router_data_changes_neither_who_asks_nor_from_where(
    portal: Portal, cookie_of: Cookies, attacker: Victim, forged: dict[str, Any]
) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as odd:
            # No page sends this field, so the event is dropped.
            await odd.emit(event(router_data={**ROUTER, **forged}))
            assert not any((value(frame, ORDERS, "view") or {}).get("rows") for frame in await odd.fence())
            assert (await odd.load("/en/orders"))["rows"]
            await odd.send(f"{ROOT}.hydrate", {}, "/en/orders?b=1")
            await odd.fence()
            session = next(s for f in reversed(odd.frames) if (s := value(f, ROOT, "rx_router_session")))
            assert session["client_ip"] == "127.0.0.1"
            assert session["client_token"] == odd.token

    asyncio.run(run())


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
def test_a_flood_on_one_socket_leaves_other_customers_alone(portal: Portal, cookie_of: Cookies, attacker: Victim) -> None:
    mine = portal.sign_in(EMPTY)

    async def run() -> float:
        # Use a separate address: events still running after the sign-out count against the address.
        async with tab(portal.url, mine, client="127.0.0.72") as flood:
            await flood.load("/en/orders")
            # The portal closes the socket midway, so later sends raise.
            await asyncio.gather(*(flood.send(LOAD, {}, f"/en/orders?q={n}") for n in range(2_000)), return_exceptions=True)
            before = time.monotonic()
            answer = await asyncio.to_thread(portal.ask, "/en/orders", cookie=cookie_of(attacker.email))
            took = time.monotonic() - before
            assert answer.status == 200
            async with tab(portal.url, cookie_of(attacker.email)) as other:
                assert (await other.load("/en/orders"))["rows"]
            return took

    try:
        assert asyncio.run(run()) < 10
    finally:
        portal.ask("/auth/sign-out", form={}, cookie=mine)


def test_a_navigation_during_a_load_shows_the_later_page(portal: Portal, attacker: Victim) -> None:
    # Use a separate session: events of earlier tests count against the shared session's limit.
    cookie = portal.sign_in(attacker.email)

    async def run() -> None:
        async with tab(portal.url, cookie) as quick:
            await quick.load("/en/orders")
            for n in range(20):
                await quick.send(ON_LOAD, {}, f"/en/orders?q={n}x")
            await quick.send(HYDRATE, {}, "/en/orders?q=last")
            await quick.until(lambda frame: (value(frame, ORDERS, "view") or {}).get("frame", {}).get("q") == "last")

    asyncio.run(run())
