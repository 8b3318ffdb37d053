"""Misbehaving clients of a socket: they never read, flood, send garbage, or come and go. Others are not affected, and nothing remains."""

import asyncio
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.attack.wire import HYDRATE, ON_LOAD, tab
from tests.server import FLEET, GUIDE, LARGE, Portal, running
from tests.soak import ResourceUse

POLLS = 3_000


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Yield a portal that pings its sockets every second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFLEX_SOCKET_INTERVAL", "1")
        patch.setenv("REFLEX_SOCKET_TIMEOUT", "1")
        with running(tmp_path_factory.mktemp("sockets") / "data") as started:
            yield started


async def opened(portal: Portal, cookie: str, **more: object) -> ClientConnection:
    """Return a WebSocket on which the Engine.IO and Socket.IO handshakes are done."""
    address = f"{portal.url.replace('http', 'ws', 1)}/_event/?token={uuid.uuid4()}&EIO=4&transport=websocket"
    headers = {"Origin": portal.url, "Cookie": cookie}
    made = await connect(address, additional_headers=headers, compression=None, ping_interval=None, **more)  # type: ignore[arg-type]
    await made.recv()
    await made.send("40/_event,")
    await made.recv()
    return made


def event(name: str, query: str = "") -> str:
    parameters = dict(pair.split("=") for pair in query.split("&")) if query else {}
    router = {"pathname": "/en/invoices", "asPath": f"/en/invoices?{query}", "query": parameters}
    return "42/_event," + json.dumps(["event", {"name": name, "payload": {}, "router_data": router}])


async def until_sockets(portal: Portal, most: int) -> None:
    """Wait until the portal has closed all but `most` sockets by itself."""
    for _ in range(POLLS):
        if ResourceUse.by(portal.pid).sockets <= most:
            return
        # Make a request meanwhile, so that the server's event loop runs.
        await asyncio.to_thread(portal.ask, "/healthz")
        await asyncio.sleep(0.01)
    raise AssertionError(f"{ResourceUse.by(portal.pid).sockets} sockets are open, more than {most}")


async def neighbour(portal: Portal, cookie: str) -> None:
    """Open a page of another customer, as a document and over a socket."""
    assert (await asyncio.to_thread(portal.ask, "/en/orders", cookie=cookie)).status == 200
    async with tab(portal.url, cookie) as page:
        assert await page.load("/en/orders")


@pytest.mark.case("F-17")
def test_who_never_reads_is_closed_and_holds_nothing(portal: Portal) -> None:
    reader, other = portal.sign_in(LARGE), portal.sign_in(FLEET)

    async def run() -> None:
        await neighbour(portal, other)
        await until_sockets(portal, ResourceUse.by(portal.pid).sockets)
        before = ResourceUse.by(portal.pid)
        deaf = [await opened(portal, reader, max_queue=1) for _ in range(3)]
        for page in deaf:
            await page.send(event(HYDRATE))
            for place in range(80):
                await page.send(event(ON_LOAD, f"size=100&page={place % 9 + 1}"))
        await neighbour(portal, other)
        await until_sockets(portal, before.sockets)
        left = ResourceUse.by(portal.pid)
        assert left.mib - before.mib < 60
        for page in deaf:
            page.transport.abort()

    asyncio.run(run())


@pytest.mark.case("F-17")
def test_a_flood_keeps_nobody_else_waiting_for_good(portal: Portal) -> None:
    cookie, other = portal.sign_in(LARGE), portal.sign_in(FLEET)

    async def run() -> None:
        page = await opened(portal, cookie)
        # The portal closes the socket midway.
        with suppress(ConnectionClosed):
            for _ in range(2_000):
                await page.send(event(f"{ON_LOAD.rpartition('.')[0]}.set_is_hydrated"))
        await neighbour(portal, other)
        await page.close()

    refusal = "excess_rate_limit_exceeded"
    before = portal.log.count(refusal)
    asyncio.run(run())
    # Logged once per ten seconds of the flood, not once for each of the two thousand events.
    assert 1 <= portal.log.count(refusal) - before <= 20


MIB = 1 << 20
NO_MESSAGE: list[str | bytes] = [
    *("", "9", "42", "42/_event,", "42/_event,[", '42/_event,["event"]', "45-1/_event,[]", "4" * 5_000, "b" + "A" * 99, "\x00"),
    # Half an event; data that is no event; deep nesting; another namespace; an unexpected acknowledgement; endless numbers.
    *('42/_event,["event",{"name":"reflex', '42/_event,{"event":1}', '42/_event,["event",' + "[" * 20_000),
    *("42/nowhere,[]", "43/_event,7[]", "42/_event,9" + "9" * 500, "42[" + "9" * 20_000),
    *('42/_event,["event",{"name":"no.such.handler"}]', '42/_event,["client_error",7]', '42/_event,["ping",1]'),
    *('42/_event,["event",{"name":null}]', '42/_event,["event",[],[],[]]', "42/_event,[{},{}]"),
    # Engine.IO packets: a second opening, pings, an upgrade, a no-op.
    *('0{"sid":"x"}', "2", "2probe", "5", "6"),
    # Socket.IO packets: connected twice, a truncated connect, an error, and an attachment that never comes.
    *("40/_event,", "40/_event,{", '44/_event,"no"', '451-/_event,["event",{"_placeholder":true,"num":0}]'),
    *(b"\xff" * 64, b"\x04\x00", "4" + "A" * MIB, b"\x00" * MIB),
]


@pytest.mark.case("F-17")
def test_what_is_no_message_closes_at_most_its_own_socket_and_is_no_news(portal: Portal) -> None:
    cookie, other = portal.sign_in(FLEET), portal.sign_in(GUIDE)
    known_lines = len(portal.log.splitlines())

    async def send(frame: str | bytes) -> None:
        page = await opened(portal, cookie)
        with suppress(ConnectionClosed):
            await page.send(frame)
            await page.send(event(HYDRATE))
        await page.close()

    async def run() -> None:
        async with tab(portal.url, other) as page:
            shown = await page.load("/en/orders")
            before = ResourceUse.by(portal.pid).sockets
            for frame in NO_MESSAGE:
                await send(frame)
                # An existing page is still connected on the same socket.
                await page.go_to("/en/orders")
                assert (await page.view())["rows"] == shown["rows"], frame[:50]
            await until_sockets(portal, before)

    asyncio.run(run())
    new_lines = portal.log.splitlines()[known_lines:]
    assert [line[:300] for line in new_lines if re.search(r"Traceback|ERROR|CRITICAL|never retrieved", line)] == []


@pytest.mark.case("F-16")
@pytest.mark.case("F-25")
def test_twenty_cut_lines_of_one_tab_leave_one_state_and_no_socket(portal: Portal) -> None:
    cookie = portal.sign_in(FLEET)
    token = str(uuid.uuid4())

    async def run() -> None:
        before = ResourceUse.by(portal.pid).sockets
        rows = set()
        for _ in range(20):
            async with tab(portal.url, cookie, token=token) as page:
                view = await page.load("/en/orders?page=2")
                rows.add(json.dumps(view["rows"]))
                # A cut connection sends no close frame.
                page.socket.eio.ws._writer.transport.abort()
        assert len(rows) == 1
        await until_sockets(portal, before)

    asyncio.run(run())
