"""Connections that clients hold open are closed after a time limit and do not lock other clients out."""

import asyncio
import logging
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket
from uvicorn.server import ServerState
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from odoportal import serving
from odoportal.limits import open_files
from odoportal.limits.open_files import ConnectionLimits
from odoportal.observability.log_pacing import LogPacer
from odoportal.web.client_address import ClientAddressMiddleware
from odoportal.web.connections import Connections, ReadMonitor
from odoportal.web.open_sockets import OpenSocketLimit

SECONDS = 30
LARGE = 32 << 20
Address = tuple[str, int]
CALM = ConnectionLimits(head_seconds=600, body_seconds=600, unread_seconds=600)
HASTY = ConnectionLimits(head_seconds=0.05, body_seconds=0.05, unread_seconds=0.05)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer `large` with 32 MiB and `form` with its body, and keep websockets open."""
    if scope["type"] == "websocket":
        page = WebSocket(scope, receive, send)
        await page.accept()
        await page.receive()
    elif scope["type"] == "http":
        request = Request(scope, receive)
        answer = Response(bytes(LARGE)) if scope["path"] == "/large" else PlainTextResponse("early")
        if scope["path"] == "/form":
            answer = Response(await request.body())
        await answer(scope, receive, send)


@contextmanager
def served(limits: ConnectionLimits, by_address: bool = True, application: Any = application) -> Iterator[Address]:
    """Run a server with these limits in a thread of this process, and yield its address."""
    taken, ready = serving.listen("127.0.0.1", 0), threading.Event()
    register = Connections(limits, by_address)
    server = serving._Server(serving.configuration(lambda: application, register), register, ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    try:
        assert ready.wait(SECONDS)
        yield taken.getsockname()
    finally:
        server.should_exit = server.force_exit = True
        thread.join(SECONDS)
        taken.close()


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "TICKS_PER_CHECK", 1)


@contextmanager
def wire(address: Address, raw: bytes = b"", peer: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Yield a connection over which `raw` was sent."""
    with socket.create_connection(address, SECONDS, (peer, 0)) as made:
        made.sendall(raw)
        yield made


def heard(made: socket.socket) -> bytes:
    """Return everything received until the server closes the connection."""
    said = b""
    try:
        while piece := made.recv(1 << 16):
            said += piece
    except ConnectionResetError:
        pass
    return said


def request(path: str, *lines: str, method: str = "GET", body: str = "") -> bytes:
    return ("\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines)) + "\r\n\r\n" + body).encode()


LAST = "Connection: close"
HALF_HEAD = b"GET / HTTP/1.1\r\nHost: local"
HALF_BODY = request("/form", "Content-Length: 1000", method="POST", body="a")


@pytest.mark.parametrize("raw", [HALF_HEAD, HALF_BODY, b"\r\n", request("/") + HALF_HEAD])
def test_half_a_request_is_given_up(raw: bytes) -> None:
    with served(HASTY) as address, wire(address, raw) as made:
        answers = heard(made)
    if raw != b"\r\n":
        head = answers.split(b"HTTP/1.1 ")[-1]
        assert head.startswith(b"408 ")
        # The refusal has the common headers of every answer.
        assert b"x-content-type-options: nosniff" in head


def test_nothing_at_all_is_given_up_without_a_word() -> None:
    with served(HASTY) as address, wire(address) as made:
        assert heard(made) == b""


def test_a_body_that_nobody_waits_for_is_given_up() -> None:
    with served(HASTY) as address, wire(address, request("/early", "Content-Length: 1000", method="POST", body="a")) as made:
        answer = heard(made)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


class Scripted(asyncio.Transport):
    """A transport without a network, with what a protocol needs."""

    def __init__(self, peer: str) -> None:
        super().__init__()
        self.said, self.closed, self.unread, self.aborted = b"", False, 0, False
        self._peer = peer

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return [self._peer, 1] if name == "peername" else default

    def write(self, data: Any) -> None:
        self.said += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True


class Loop:
    """An event loop that does not run, on a clock that the test sets, with its connections. Their requests are never answered."""

    def __init__(self, register: Connections) -> None:
        self.now, self.register, self.loop = 1000.0, register, asyncio.new_event_loop()
        self.loop.time = lambda: self.now  # type: ignore[method-assign]
        self._config = serving.configuration(lambda: application, register)
        self._config.load()

    def connected(self, peer: str = "127.0.0.1", raw: bytes = b"") -> tuple[asyncio.Protocol, Scripted]:
        made: Any = self._config.http_protocol_class
        protocol, transport = made(self._config, ServerState(), {}, self.loop), Scripted(peer)
        protocol.connection_made(transport)
        if raw:
            protocol.data_received(raw)
        return protocol, transport


@pytest.fixture
def standing() -> Iterator[Callable[[ConnectionLimits], Loop]]:
    """Return a function that makes an event loop that does not run."""
    made: list[Loop] = []

    def make(limits: ConnectionLimits) -> Loop:
        made.append(Loop(Connections(limits, by_address=True)))
        return made[-1]

    yield make
    for known in made:
        for task in asyncio.all_tasks(known.loop):
            task.cancel()
        known.loop.run_until_complete(asyncio.sleep(0))
        known.loop.close()


@pytest.mark.parametrize("raw", [HALF_HEAD, HALF_BODY])
def test_a_byte_now_and_then_earns_no_more_time(standing: Callable[[ConnectionLimits], Loop], raw: bytes) -> None:
    loop = standing(CALM)
    protocol, wire = loop.connected(raw=raw[:-3])
    loop.now += 599
    protocol.data_received(raw[-3:-2])
    loop.register.close_stale(loop.now, [])
    assert not wire.closed
    loop.now += 1
    loop.register.close_stale(loop.now, [])
    assert wire.closed


def test_a_whole_request_has_all_the_time_that_its_answer_takes(standing: Callable[[ConnectionLimits], Loop]) -> None:
    loop = standing(CALM)
    protocol, wire = loop.connected(raw=request("/"))
    loop.register.close_stale(loop.now + 100_000, [protocol])
    assert not wire.closed


def test_an_answer_that_is_never_read_is_given_up() -> None:
    with served(CALM) as address, wire(address, request("/large", LAST)) as reading:
        assert len(heard(reading)) > LARGE
    with served(HASTY) as address, wire(address, request("/large", LAST)) as made:
        until(lambda: reset(made))


def reset(made: socket.socket) -> bool:
    """Return whether the server has reset the connection."""
    try:
        made.send(b"\r\n")
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def until(true: Callable[[], bool]) -> None:
    """Wait for something that the server does by itself."""
    for _ in range(SECONDS * 100):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come about")


def test_who_reads_slowly_may_go_on_and_who_reads_next_to_nothing_may_not() -> None:
    limits = replace(CALM, unread_seconds=60, unread_bytes=1000)
    slow, stuck = ReadMonitor(), ReadMonitor()
    for minute in range(20):
        assert not slow.is_stalled(100_000 - 1000 * minute, 60.0 * minute, limits)
    assert not stuck.is_stalled(100_000, 0, limits)
    assert not stuck.is_stalled(99_500, 59, limits)
    assert stuck.is_stalled(99_001, 60, limits)
    # A small rest must be read completely.
    small = ReadMonitor()
    assert not small.is_stalled(10, 0, limits)
    assert small.is_stalled(9, 60, limits)
    emptied = ReadMonitor()
    assert not emptied.is_stalled(10, 0, limits)
    assert not emptied.is_stalled(0, 60, limits)
    # A large answer is written in portions: the buffer fills again each time it is almost empty.
    portions = ReadMonitor()
    for minute in range(20):
        assert not portions.is_stalled(100_000, 60.0 * minute, limits)
        portions.moved()


@pytest.mark.parametrize("by_address", [True, False])
@pytest.mark.parametrize("raw", [HALF_HEAD, HALF_BODY, b""])
def test_whoever_keeps_the_server_waiting_longest_makes_room(raw: bytes, by_address: bool) -> None:
    limits = replace(CALM, connections=20, connections_per_address=10)
    with served(limits, by_address) as address, ExitStack() as kept:
        held = [kept.enter_context(wire(address, raw)) for _ in range(50)]
        with wire(address, request("/", LAST), "127.0.0.2") as other:
            assert heard(other).endswith(b"early")
        with wire(address, request("/", LAST)) as mine:
            assert heard(mine).endswith(b"early")
        # The newest connections are still open, the oldest is not.
        heard(held[0])
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)


def test_a_peer_that_has_too_many_at_work_is_refused_and_nobody_else(standing: Callable[[ConnectionLimits], Loop]) -> None:
    loop = standing(replace(CALM, connections_per_address=3))
    for _ in range(3):
        loop.connected(raw=request("/"))
    (_, refused), (_, other) = loop.connected(), loop.connected("127.0.0.2")
    assert refused.said.startswith(b"HTTP/1.1 503 ")
    assert refused.closed
    assert not other.closed


def opened(address: Address, client: str = "192.0.2.1") -> ClientConnection:
    return connect(f"ws://127.0.0.1:{address[1]}/", additional_headers={"X-Forwarded-For": client}, ping_interval=None)


def test_sockets_are_bounded_by_address_and_in_all(caplog: pytest.LogCaptureFixture) -> None:
    limits = replace(CALM, sockets=5, sockets_per_address=3)
    with served(limits, application=ClientAddressMiddleware(OpenSocketLimit(application, limits), 1)) as address, ExitStack() as kept:
        held = [kept.enter_context(opened(address, f"2001:db8::{number}")) for number in range(3)]
        # The first three are in one /64, and so is this one.
        with pytest.raises(InvalidStatus) as refused, opened(address, "2001:db8::ffff"):
            pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["x-content-type-options"] == "nosniff"
        for _ in range(2):
            kept.enter_context(opened(address))
        with pytest.raises(InvalidStatus) as refused, opened(address, "192.0.2.9"):
            pass
        assert refused.value.response.status_code == 503
        with wire(address, request("/", LAST)) as asking:
            assert heard(asking).endswith(b"early")
        held[0].close()
        until(lambda: let_in(address))
    # A refusal is not an error of ours: only the security log has a line.
    assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == ["odoportal.security"]


def let_in(address: Address) -> bool:
    try:
        with opened(address, "2001:db8::ffff"):
            return True
    except InvalidStatus:
        return False


def test_of_many_refusals_one_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    layer = OpenSocketLimit(application, replace(CALM, sockets_per_address=0), LogPacer(60, lambda: now[0]))

    async def refused() -> None:
        async def send(_message: Any) -> None:
            pass

        for moment in (0, 1, 59, 61):
            now[0] = moment
            await layer({"type": "websocket", "path": "/_event", "client": ("192.0.2.1", 1)}, send, send)  # type: ignore[arg-type]

    with caplog.at_level(logging.WARNING, "odoportal.security"):
        asyncio.run(refused())
    assert [record.facts["count"] for record in caplog.records] == [1, 3]  # type: ignore[attr-defined]


def test_where_nothing_can_be_accepted_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    register = Connections(CALM, by_address=True)
    server = serving._Server(serving.configuration(lambda: application, register), register, lambda: None)
    context = {"message": "socket.accept() out of system resource", "exception": OSError(24, "Too many open files")}
    loop = asyncio.new_event_loop()
    for _ in range(1000):
        server._loop_failed(loop, context)
    assert len(caplog.records) == 1
    assert "Too many open files" in caplog.text
    assert "Traceback" not in caplog.text
    # Other errors are logged as usual.
    server._loop_failed(loop, {"message": "a callback failed"})
    loop.close()
    assert "a callback failed" in caplog.text


@pytest.mark.parametrize("files", [64, 256, 1024, 4096, 65_536])
def test_what_may_be_held_open_fits_into_the_files(files: int) -> None:
    limits = open_files.limits_for(files)
    assert limits.sockets + limits.connections + serving.ACCEPTED_AT_ONCE < max(files, 2 * open_files.RESERVED_FILES)
    assert 0 < limits.sockets_per_address < limits.sockets
    assert 0 < limits.connections_per_address < limits.connections


def test_with_many_files_the_limits_are_those_of_the_readme() -> None:
    assert open_files.limits_for(65_536) == ConnectionLimits()


def test_the_limit_on_open_files_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [1024, 524_288]
    monkeypatch.setattr(resource, "getrlimit", lambda _what: tuple(known))
    monkeypatch.setattr(resource, "setrlimit", lambda _what, wanted: known.__setitem__(slice(None), wanted))
    assert open_files.raise_limit() == open_files.MAX_FILES
    assert known == [open_files.MAX_FILES, 524_288]
    # A higher limit is kept.
    known[:] = [524_288, 524_288]
    open_files.raise_limit()
    assert known == [524_288, 524_288]
    known[:] = [1024, resource.RLIM_INFINITY]
    assert open_files.raise_limit() == open_files.MAX_FILES
