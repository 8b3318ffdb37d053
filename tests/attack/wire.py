"""Reflex's socket without a browser: what an attacker can say, and every frame that comes back."""

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
ORDERS = f"{SIGNED}.odoportal___rooms___orders___state____orders"
INVOICES = f"{SIGNED}.odoportal___rooms___invoices___state____invoices"
PEOPLE = f"{SIGNED}.odoportal___rooms___people___state____people"
HOME = f"{SIGNED}.odoportal___rooms___dashboard___state____home"
SECONDS = 60
AGAIN = 10
Frame = dict[str, Any]


class Tab:
    """A tab: its socket, and the frames it got."""

    def __init__(self, url: str, token: str, client: str) -> None:
        self.url, self.token = url, token
        self.frames: list[Frame] = []
        self._came: asyncio.Queue[Frame] = asyncio.Queue()
        self._fences = 0
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(client, 0)) if client else None)
        self.socket = socketio.AsyncClient(reconnection=False, http_session=self.http)

    async def send(self, name: str, payload: Any = None, path: str = "/en/orders", **more: Any) -> None:
        """One event, from the page at `path`."""
        split = urlsplit(path)
        router = {"pathname": split.path, "asPath": path, "query": dict(parse_qsl(split.query))}
        await self.emit({"name": name, "payload": {} if payload is None else payload, "router_data": router, **more})

    async def emit(self, data: Any) -> None:
        """Any data in the place of an event."""
        await self.socket.emit("event", data, namespace="/_event")

    async def raw(self, data: Any) -> None:
        """Like `emit`, with half surrogates, NaN and infinities as a browser's script could write them."""
        await self.socket.eio.send(f'2/_event,["event",{json.dumps(data)}]')

    async def until(self, wanted: Callable[[Frame], Any], seconds: float = SECONDS) -> Any:
        """What `wanted` says of the first frame it says something of."""
        async with asyncio.timeout(seconds):
            while True:
                if found := wanted(await self._came.get()):
                    return found

    async def fence(self) -> list[Frame]:
        """Wait until everything sent before has been handled; the frames since the last fence."""
        before = len(self.frames)
        async with asyncio.timeout(SECONDS):
            while True:
                self._fences += 1
                mark = f"fence={self._fences}"
                await self.send(f"{ROOT}.set_is_hydrated", {"value": True}, f"/en/orders?{mark}")
                try:
                    await self.until(lambda frame, mark=mark: (value(frame, ROOT, "rx_router_url") or {}).get("query") == mark, AGAIN)
                except TimeoutError:
                    # A page's own load, begun by an event before, takes the place of whatever stands behind it.
                    continue
                return self.frames[before:]

    async def load(self, path: str, state: str = ORDERS) -> Frame:
        """Hydrate and load a page; the view that came."""
        await self.send(HYDRATE, {}, path)
        return await self.view(state)

    async def navigate(self, path: str, state: str = ORDERS) -> Frame:
        """Go to another page; the view that came."""
        await self.leave_for(path)
        return await self.view(state)

    async def leave_for(self, path: str) -> None:
        """Go to another page, whatever comes of it."""
        await self.send(ON_LOAD, {}, path)

    async def view(self, state: str = ORDERS) -> Frame:
        """The next view that a load of a state brings; what a hydrate repeats of an earlier one is passed over."""

        def brought(frame: Frame) -> Any:
            return value(frame, state, "view") if value(frame, ROOT, "is_hydrated") is not False and filled(frame, state) else None

        return await self.until(brought)

    async def left(self) -> str:
        """Where the browser is sent because nobody is signed in."""
        return await self.until(lambda frame: value(frame, SIGNED, "gone"))

    def got(self, frame: Frame) -> None:
        """Note a frame."""
        self.frames.append(frame)
        self._came.put_nowait(frame)

    @property
    def text(self) -> str:
        """Every frame as text."""
        return json.dumps(self.frames, ensure_ascii=False)


def value(frame: Frame, state: str, name: str) -> Any:
    """A variable in a frame, None when it is not there."""
    return (frame.get("delta") or {}).get(state, {}).get(f"{name}_rx_state_")


def filled(frame: Frame, state: str) -> bool:
    """True where the frame is an answer to a load and not the start of an empty state."""
    return bool(value(frame, state, "version") or value(frame, state, "filled"))


@asynccontextmanager
async def tab(url: str, cookie: str = "", token: str = "", origin: str | None = "", client: str = "", **headers: str) -> AsyncIterator[Tab]:
    """An open socket.

    Args:
        url: the portal's.
        cookie: the Cookie header.
        token: the tab's own identifier; Reflex's client token.
        origin: the Origin header; the portal's where it is empty, none where it is None.
        client: the address it comes from, such as 127.0.0.9; what nobody is signed in for is limited by it.
        headers: more of them.
    """
    made = Tab(url, token or str(uuid.uuid4()), client)
    lines = dict(headers)
    if origin is not None:
        lines["Origin"] = origin or url
    if cookie:
        lines["Cookie"] = cookie
    made.socket.on("event", made.got, namespace="/_event")
    await made.socket.connect(
        f"{url}?token={made.token}",
        headers=lines,
        transports=["websocket"],
        socketio_path="/_event",
        namespaces=["/_event"],
        wait_timeout=SECONDS,
    )
    try:
        yield made
    finally:
        await made.socket.disconnect()
        await made.http.close()


class Raw:
    """A WebSocket spoken frame by frame, as no browser does.

    Attributes:
        status: of the answer to the handshake; 101 where the socket was opened.
        headers: of that answer, names in lower case.
        said: the text of every message that came.
        code: with which the portal closed the connection; None while it is open, and where it was cut.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self.reader, self.writer, self.protocol = reader, writer, protocol
        self.status, self.headers, self.said = 0, dict[str, str](), list[str]()

    @property
    def code(self) -> int | None:
        """With which the portal closed the connection."""
        return self.protocol.close_rcvd.code if self.protocol.close_rcvd else None

    async def send(self, *messages: str | bytes) -> None:
        """Send messages in one go: text, or bytes as they are. A connection that was closed meanwhile takes no more."""
        for message in messages:
            if self.protocol.state is State.OPEN:
                _ = self.protocol.send_text(message.encode()) if isinstance(message, str) else self.protocol.send_binary(message)
        await self.flush()

    async def frames(self, opcode: Opcode, count: int, data: bytes = b"", fin: bool = True) -> None:
        """Send so many frames of one kind in one go."""
        for _ in range(count):
            self.protocol.send_frame(WireFrame(opcode, data, fin))
        await self.flush()

    async def flush(self) -> None:
        """Write what is to be sent."""
        with suppress(ConnectionError):
            self.writer.write(b"".join(self.protocol.data_to_send()))
            await self.writer.drain()

    async def read(self) -> bool:
        """Read what comes next; False at the end of the connection."""
        try:
            data = await asyncio.wait_for(self.reader.read(1 << 16), SECONDS)
        except ConnectionError:
            data = b""
        if not data:
            return False
        self.protocol.receive_data(data)
        for came in self.protocol.events_received():
            if isinstance(came, Response):
                self.status = came.status_code
                self.headers = {name.lower(): text for name, text in came.headers.raw_items()}
            elif isinstance(came, WireFrame) and came.opcode is Opcode.TEXT:
                self.said.append(bytes(came.data).decode())
        await self.flush()
        return True

    async def until(self, part: str) -> bool:
        """Read until a message with this text in it came; False where the connection ends before."""
        while not any(part in said for said in self.said):
            if not await self.read():
                return False
        return True

    async def end(self) -> int | None:
        """Read until the connection ends; the code that it was closed with."""
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
    """A socket as far as its handshake was answered, whatever the answer.

    Args:
        url: the portal's.
        query: the address's; one with a new token, as a page has it, where it is None.
        path: the address's.
        client: the address it comes from, such as 127.0.0.9.
        origin: the Origin header; the portal's where it is empty.
        version: the subprotocol, which a page says its version of Reflex with.
        deflate: whether messages are compressed.
        headers: more of them, with underscores in their names.
    """
    address = urlsplit(url)
    asked = f"token={uuid.uuid4()}&EIO=4&transport=websocket" if query is None else query
    local = (client, 0) if client else None
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port, local_addr=local)
    extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)] if deflate else None
    made = parse_uri(f"ws://{address.netloc}{path}{'?' if asked else ''}{asked}")
    spoken = [Subprotocol(version)] if version else None
    protocol = ClientProtocol(made, origin=Origin(origin or url), extensions=extensions, subprotocols=spoken, max_size=None)
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
