"""Hand-made Engine.IO and Socket.IO traffic without a session: garbage, bombs and floods neither block other visitors nor fill the log."""

import asyncio
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Opcode

from tests.attack.wire import HYDRATE, Raw, raw
from tests.server import Portal, free_port, production_settings, running_production

KIB, MIB = 1 << 10, 1 << 20
ROUTER = {"pathname": "/en/login", "asPath": "/en/login"}
GOODBYE = "41/_event,"
MOST_LOG = 4 * KIB
MOST_SECONDS = 0.5
"""Processor seconds that one socket may cost, including the page's usual events. A bomb took 83, an event without a token 0.7."""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Yield a portal in production, whose log is JSON and has a line for every event."""
    data, port = tmp_path_factory.mktemp("raw") / "data", free_port()
    with running_production(production_settings(data, f"http://localhost:{port}"), port) as started:
        yield started


def connect_packet(**more: Any) -> str:
    """Return the first message of a page's socket."""
    return f"40/_event,{json.dumps({'event': {'name': HYDRATE, 'payload': {}, 'router_data': ROUTER, **more}})}"


def event(**more: Any) -> str:
    return f"42/_event,{json.dumps(['event', {'name': HYDRATE, 'payload': {}, 'router_data': ROUTER, **more}])}"


def cpu_seconds(portal: Portal) -> float:
    """Return the processor time in seconds that the portal has used so far."""
    fields = Path(f"/proc/{portal.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def assert_alive(socket: Raw) -> None:
    """Wait until the portal has handled what was sent before, unless it closed the socket because of it."""
    await socket.send(connect_packet(), event())
    if await socket.until("is_hydrated"):
        assert socket.code is None


NESTED = "[" * 3_000 + "]" * 3_000
WORDS = "payload={" * 110_000
FRAMES: dict[str, list[str | bytes]] = {
    "a bomb of one word": [f'40/_event,{{"event":"{WORDS}"}}'],
    "as much of it as is read": [f'40/_event,{{"event":"{WORDS[:60_000]}"}}'] * 3,
    "digits": [event(x="4000 0000 0000 0001 " * 3_000)] * 3,
    "a boot event that is 5": ['40/_event,{"event":5}'] * 50,
    "a boot event that is a list": ['40/_event,{"event":[1]}'] * 50,
    "a boot event of nobody": [connect_packet(name="no.such.handler")] * 50,
    "a boot event without a name": ['40/_event,{"event":{"payload":{}}}'] * 50,
    "router data that is a list": [connect_packet(router_data=[1]), event(router_data=[1])] * 50,
    "an address that cannot be split": [connect_packet(router_data={**ROUTER, "asPath": "//[::1"})] * 50,
    "a path that is a list": [connect_packet(router_data={**ROUTER, "pathname": ["/en"]})] * 50,
    "a query that is a text": [connect_packet(router_data={**ROUTER, "query": "x"})] * 50,
    "another schema": [f'40/_event,{{"event":{{"name":"{HYDRATE}"}},"state_schema":"{"f" * 64}"}}'] * 50,
    "connected and left in turn": [f'40/_event,{{"event":{{"name":"{HYDRATE}"}}}}', GOODBYE] * 200,
    "events before the beginning": [event()] * 200,
    "events after the end": [connect_packet(), GOODBYE, *[event()] * 200],
    "an unknown handler": [connect_packet(), *[event(name="no.such.handler")] * 200],
    "deep": [connect_packet(), f'42/_event,["event",{{"name":"{HYDRATE}","payload":{{"a":{NESTED}}}}}]'],
    "reports of failures": [connect_packet(), *['42/_event,["client_error",{"message":"' + "\\u5b57" * 900 + '"}]'] * 50],
    "bytes": [b"\xff" * 100] * 100,
    "answers to nothing": ["43/_event,7[]"] * 100,
    "other namespaces": ["40/other,", "40", '42["event",{}]'] * 60,
}


@pytest.mark.asvs("2.2.1")
@pytest.mark.asvs("16.5.1")
@pytest.mark.case("A-65", "A-67", "A-72")
@pytest.mark.parametrize("frames", FRAMES.values(), ids=list(FRAMES))
def test_what_no_page_sends_costs_next_to_nothing(portal: Portal, frames: list[str | bytes]) -> None:
    async def run() -> None:
        # Use a separate address: only the first refusal per address and time span is logged.
        async with raw(portal.url, client=f"127.0.1.{list(FRAMES.values()).index(frames) + 1}") as socket:
            assert socket.status == 101
            await socket.send(*frames)
            await assert_alive(socket)

    assert portal.ask("/healthz").status == 200
    log_size, cpu_before = len(portal.log.encode()), cpu_seconds(portal)
    asyncio.run(run())
    assert portal.ask("/healthz").status == 200
    new_log = portal.log.encode()[log_size:].decode()
    assert "Traceback" not in new_log
    assert len(new_log) <= MOST_LOG
    assert cpu_seconds(portal) - cpu_before <= MOST_SECONDS


HANDSHAKES: dict[str, dict[str, Any]] = {
    "no token": {"query": "EIO=4&transport=websocket"},
    "two tokens": {"query": f"token={uuid.uuid4()}&token={uuid.uuid4()}&EIO=4&transport=websocket"},
    "a token that is none": {"query": "token=x&EIO=4&transport=websocket"},
    "no query": {"query": ""},
    "a page": {"path": "/en/orders"},
    "the root": {"path": "/"},
    "a file": {"path": "/assets/x.js"},
    "an unknown path": {"path": "/nowhere"},
    "a long subprotocol": {"version": "payload" * 100},
}


@pytest.mark.asvs("2.2.1")
@pytest.mark.asvs("16.5.1")
@pytest.mark.case("A-67")
@pytest.mark.parametrize("how", HANDSHAKES.values(), ids=list(HANDSHAKES))
def test_a_handshake_that_no_page_makes_is_refused(portal: Portal, how: dict[str, Any]) -> None:
    async def run() -> None:
        for _ in range(50):
            async with raw(portal.url, client=f"127.0.2.{list(HANDSHAKES.values()).index(how) + 1}", **how) as refused:
                assert refused.status == 403
                assert refused.headers["x-content-type-options"] == "nosniff"
                assert "server" not in refused.headers

    log_size = len(portal.log.encode())
    asyncio.run(run())
    portal.ask("/healthz")
    new_log = portal.log.encode()[log_size:].decode()
    assert "Traceback" not in new_log
    assert len(new_log) <= MOST_LOG
    assert '"level": "error"' not in new_log


@pytest.mark.case("A-67")
def test_a_handshake_that_cannot_be_read_is_ended(portal: Portal) -> None:
    async def run() -> None:
        async with raw(portal.url, client="127.0.3.1", Cookie="x" * 20_000) as refused:
            assert refused.status == 431
            assert await refused.end() is None

    asyncio.run(run())


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
@pytest.mark.parametrize(
    ("opcode", "data", "fin"),
    [
        (Opcode.PING, b"", True),
        (Opcode.PONG, b"", True),
        (Opcode.TEXT, b"3", True),
        (Opcode.TEXT, b'42/_event,["ping"]', True),
        (Opcode.TEXT, b"", True),
        (Opcode.BINARY, b"\x00", True),
        (Opcode.CONT, b"", False),
    ],
    ids=["pings", "pongs", "answers", "ping events", "nothing", "bytes", "parts"],
)
def test_a_socket_that_floods_is_closed_and_others_are_not(portal: Portal, opcode: Opcode, data: bytes, fin: bool) -> None:
    async def run() -> None:
        async with raw(portal.url, client="127.0.4.1") as other, raw(portal.url, client="127.0.4.1") as flood:
            await other.send(connect_packet())
            assert await other.until("is_hydrated")
            await flood.send(connect_packet())
            if opcode is Opcode.CONT:
                await flood.frames(Opcode.TEXT, 1, b"42", fin=False)
            await flood.frames(opcode, 5_000, data, fin)
            # If the portal closes while data is still arriving, the connection is reset before the close frame is read.
            assert await flood.end() in {1008, None}
            # Another socket from the same address keeps working.
            other.messages.clear()
            await other.send(event())
            assert await other.until("is_hydrated")

    log_size = len(portal.log.encode())
    asyncio.run(run())
    portal.ask("/healthz")
    new_log = portal.log.encode()[log_size:].decode()
    assert "Traceback" not in new_log
    assert len(new_log) <= 2 * MOST_LOG


@pytest.mark.case("A-72")
def test_text_that_is_none_closes_its_socket_without_a_traceback(portal: Portal) -> None:
    async def run() -> None:
        async with raw(portal.url, client="127.0.5.1", deflate=False) as odd:
            await odd.frames(Opcode.TEXT, 1, b"42\xff\xfe")
            assert await odd.end() == 1007

    log_size = len(portal.log.encode())
    asyncio.run(run())
    portal.ask("/healthz")
    new_log = portal.log.encode()[log_size:].decode()
    assert "Traceback" not in new_log
    assert "input_validation_fail" in new_log


def memory(portal: Portal, which: str) -> float:
    """Return the portal's memory in MiB: `VmRSS` is the current use, `VmHWM` the peak."""
    lines = Path(f"/proc/{portal.pid}/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(which)).split()[1]) / KIB


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
@pytest.mark.parametrize(("count", "size"), [(3, 16 * MIB), (1_000, 60 * KIB)], ids=["three large", "a thousand small"])
def test_bombs_are_not_inflated(portal: Portal, count: int, size: int) -> None:
    async def run() -> None:
        async with raw(portal.url, client="127.0.6.1") as first:
            first.protocol.send_text(b"42" + b"A" * size)
            frame = b"".join(first.protocol.data_to_send())
            sockets = [raw(portal.url, client="127.0.6.1") for _ in range(10)]
            opened = [await socket.__aenter__() for socket in sockets]
            for one in opened:
                one.writer.write(frame * count)
            codes = [await one.end() for one in opened]
            assert set(codes) <= {1008, 1009, None}
            for socket in sockets:
                await socket.__aexit__(None, None, None)

    portal.ask("/healthz")
    # Reset the peak to the current use.
    Path(f"/proc/{portal.pid}/clear_refs").write_text("5", "ascii")
    before = memory(portal, "VmRSS")
    asyncio.run(run())
    portal.ask("/healthz")
    assert memory(portal, "VmHWM") - before <= 40


@pytest.mark.case("A-72")
def test_a_page_s_own_socket_is_answered(portal: Portal) -> None:
    async def run() -> None:
        async with raw(portal.url, client="127.0.7.1", version="0.10.1") as page:
            assert page.status == 101
            await page.send(connect_packet())
            assert await page.until("is_hydrated")
            opening = json.loads(page.messages[0].removeprefix("0"))
            assert opening["maxPayload"] == 64 * KIB
            await page.send(GOODBYE, "1")

    asyncio.run(run())
