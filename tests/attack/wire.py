"""A client of Reflex's socket without a browser: it sends arbitrary events and keeps every frame it receives."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import socketio
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

ROOT = "reflex___state____state"
HYDRATE = f"{ROOT}.hydrate_and_load"
ON_LOAD = f"{ROOT}.reflex___state____on_load_internal_state.on_load_internal"
SIGNED = f"{ROOT}.odoportal___pages___state____session_state"
ORDERS = f"{SIGNED}.odoportal___rooms___orders___page____orders"
INVOICES = f"{SIGNED}.odoportal___rooms___invoices___page____invoices"
PEOPLE = f"{SIGNED}.odoportal___rooms___people___page____people"
HOME = f"{SIGNED}.odoportal___rooms___dashboard___page____home"
SECONDS = 60
AGAIN = 10
Frame = dict[str, Any]


class Tab:
    """One browser tab: its socket, and the frames it received."""

    def __init__(self, url: str, token: str, client: str) -> None:
        self.url, self.token = url, token
        self.frames: list[Frame] = []
        self._received: asyncio.Queue[Frame] = asyncio.Queue()
        self._fences = 0
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(client, 0)) if client else None)
        self.socket = socketio.AsyncClient(reconnection=False, http_session=self.http)

    async def send(self, name: str, payload: Any = None, path: str = "/en/orders", **more: Any) -> None:
        """Send one event from the page at `path`."""
        split = urlsplit(path)
        router = {"pathname": split.path, "asPath": path, "query": dict(parse_qsl(split.query))}
        await self.emit({"name": name, "payload": {} if payload is None else payload, "router_data": router, **more})

    async def emit(self, data: Any) -> None:
        """Send arbitrary data in place of an event."""
        await self.socket.emit("event", data, namespace="/_event")

    async def raw(self, data: Any) -> None:
        """Send data like `emit`, but allow half surrogates, NaN and infinities, which a script in a browser can write."""
        await self.socket.eio.send(f'2/_event,["event",{json.dumps(data)}]')

    async def until(self, wanted: Callable[[Frame], Any], seconds: float = SECONDS) -> Any:
        """Wait for a frame about which `wanted` returns a true value, and return that value."""
        async with asyncio.timeout(seconds):
            while True:
                if found := wanted(await self._received.get()):
                    return found

    async def fence(self) -> list[Frame]:
        """Wait until everything sent before has been handled, and return the frames received meanwhile."""
        before = len(self.frames)
        async with asyncio.timeout(SECONDS):
            while True:
                self._fences += 1
                mark = f"fence={self._fences}"
                await self.send(f"{ROOT}.set_is_hydrated", {"value": True}, f"/en/orders?{mark}")
                try:
                    await self.until(lambda frame, mark=mark: (value(frame, ROOT, "rx_router_url") or {}).get("query") == mark, AGAIN)
                except TimeoutError:
                    # A page load that an earlier event started replaces the events queued behind it, so send the fence again.
                    continue
                return self.frames[before:]

    async def load(self, path: str, state: str = ORDERS) -> Frame:
        """Hydrate, load a page, and return its view."""
        await self.send(HYDRATE, {}, path)
        return await self.view(state)

    async def navigate(self, path: str, state: str = ORDERS) -> Frame:
        """Go to another page and return its view."""
        await self.go_to(path)
        return await self.view(state)

    async def go_to(self, path: str) -> None:
        """Go to another page without waiting for an answer."""
        await self.send(ON_LOAD, {}, path)

    async def view(self, state: str = ORDERS) -> Frame:
        """Return the next view that a load of the state brings, skipping old views that a hydrate repeats."""

        def loaded_view(frame: Frame) -> Any:
            return value(frame, state, "view") if value(frame, ROOT, "is_hydrated") is not False and filled(frame, state) else None

        return await self.until(loaded_view)

    async def redirected(self) -> str:
        """Wait for the redirect of a visitor who is not signed in, and return its address."""
        return await self.until(lambda frame: value(frame, SIGNED, "gone"))

    def receive(self, frame: Frame) -> None:
        """Keep a received frame."""
        self.frames.append(frame)
        self._received.put_nowait(frame)

    @property
    def text(self) -> str:
        """All received frames as text."""
        return json.dumps(self.frames, ensure_ascii=False)


def value(frame: Frame, state: str, name: str) -> Any:
    """Return a state variable in a frame, None if the frame does not have it."""
    return (frame.get("delta") or {}).get(state, {}).get(f"{name}_rx_state_")


def filled(frame: Frame, state: str) -> bool:
    """Return whether a frame answers a load, as opposed to showing the initial empty state."""
    return bool(value(frame, state, "version") or value(frame, state, "filled"))


@asynccontextmanager
async def tab(url: str, cookie: str = "", token: str = "", origin: str | None = "", client: str = "", **headers: str) -> AsyncIterator[Tab]:
    """Open a tab's socket.

    Args:
        url: The portal's address.
        cookie: The Cookie header.
        token: The tab's identifier (Reflex's client token); a new one if empty.
        origin: The Origin header; the portal's own if empty, no header if None.
        client: The address to connect from, such as 127.0.0.9. Limits for anonymous visitors count by it.
        headers: More headers.
    """
    opened = Tab(url, token or str(uuid.uuid4()), client)
    lines = dict(headers)
    if origin is not None:
        lines["Origin"] = origin or url
    if cookie:
        lines["Cookie"] = cookie
    opened.socket.on("event", opened.receive, namespace="/_event")
    await opened.socket.connect(
        f"{url}?token={opened.token}",
        headers=lines,
        transports=["websocket"],
        socketio_path="/_event",
        namespaces=["/_event"],
        wait_timeout=SECONDS,
    )
    try:
        yield opened
    finally:
        await opened.socket.disconnect()
        await opened.http.close()


class Raw:
    """A WebSocket that a test drives frame by frame, as no browser does.

    Attributes:
        status: Status of the handshake's answer; 101 if the socket was opened.
        headers: Headers of that answer, with lower-case names.
        messages: The text of every message received.
        code: The close code from the portal; None while the connection is open, or if it was cut.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self.reader, self.writer, self.protocol = reader, writer, protocol
        self.status, self.headers, self.messages = 0, dict[str, str](), list[str]()

    @property
    def code(self) -> int | None:
        """The code with which the portal closed the connection."""
        return self.protocol.close_rcvd.code if self.protocol.close_rcvd else None

    async def send(self, *messages: str | bytes) -> None:
        """Send messages in one write: text, or raw bytes. Messages for a closed connection are dropped."""
        for message in messages:
            if self.protocol.state is State.OPEN:
                _ = self.protocol.send_text(message.encode()) if isinstance(message, str) else self.protocol.send_binary(message)
        await self.flush()

    async def frames(self, opcode: Opcode, count: int, data: bytes = b"", fin: bool = True) -> None:
        """Send `count` equal frames in one write."""
        for _ in range(count):
            self.protocol.send_frame(WireFrame(opcode, data, fin))
        await self.flush()

    async def flush(self) -> None:
        """Write the queued data to the connection."""
        with suppress(ConnectionError):
            self.writer.write(b"".join(self.protocol.data_to_send()))
            await self.writer.drain()

    async def read(self) -> bool:
        """Read the next data; return False at the end of the connection."""
        try:
            data = await asyncio.wait_for(self.reader.read(1 << 16), SECONDS)
        except ConnectionError:
            data = b""
        if not data:
            return False
        self.protocol.receive_data(data)
        for received in self.protocol.events_received():
            if isinstance(received, Response):
                self.status = received.status_code
                self.headers = {name.lower(): text for name, text in received.headers.raw_items()}
            elif isinstance(received, WireFrame) and received.opcode is Opcode.TEXT:
                self.messages.append(bytes(received.data).decode())
        await self.flush()
        return True

    async def until(self, part: str) -> bool:
        """Read until a message contains this text; return False if the connection ends first."""
        while not any(part in message for message in self.messages):
            if not await self.read():
                return False
        return True

    async def end(self) -> int | None:
        """Read until the connection ends, and return its close code."""
        while await self.read():
            pass
        return self.code


@asynccontextmanager
async def raw(
    url: str,
    query: str | None = None,
    path: str = "/_event/",
    client: str = "",
    origin: str = "",
    version: str = "",
    deflate: bool = True,
    **headers: str,
) -> AsyncIterator[Raw]:
    """Open a WebSocket as far as the answer to its handshake, whatever the answer is.

    Args:
        url: The portal's address.
        query: The query of the socket's address; if None, one with a new token, as a page sends it.
        path: The path of the socket's address.
        client: The address to connect from, such as 127.0.0.9.
        origin: The Origin header; the portal's own if empty.
        version: The subprotocol, in which a page sends its Reflex version.
        deflate: Whether to compress messages.
        headers: More headers, with underscores in their names.
    """
    address = urlsplit(url)
    query_string = f"token={uuid.uuid4()}&EIO=4&transport=websocket" if query is None else query
    local = (client, 0) if client else None
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port, local_addr=local)
    extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)] if deflate else None
    uri = parse_uri(f"ws://{address.netloc}{path}{'?' if query_string else ''}{query_string}")
    subprotocols = [Subprotocol(version)] if version else None
    protocol = ClientProtocol(uri, origin=Origin(origin or url), extensions=extensions, subprotocols=subprotocols, max_size=None)
    request = protocol.connect()
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
    protocol.send_request(request)
    one = Raw(reader, writer, protocol)
    await one.flush()
    try:
        while not one.status and await one.read():
            pass
        yield one
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
