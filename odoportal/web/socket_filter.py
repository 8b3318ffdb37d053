"""What comes down a socket, checked before Socket.IO and Reflex read it: whatever no page of ours sends is dropped.

Engine.IO, Socket.IO and Reflex each fail over what they cannot read, with a traceback in the log every time, and Reflex writes events it
does not know into the log whole. All of it is open to anybody, signed in or not. What Reflex's client sends is in its
`.templates/web/utils/state.js`, what its server takes in `reflex/app.py` (`EventNamespace`).
"""

import json
import logging
import re
from collections.abc import Container
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from odoportal.limits import rate_limits
from odoportal.observability import logs
from odoportal.web import headers

FRAMES_PER_ADDRESS = 3_000
"""Messages and handshakes in ten seconds from one client address, or one /64 of IPv6.

One office may have one address for everybody in it: this is one click of each of 300 people in every second. One connection alone is
closed long before (`incoming`), and what a session may do is the gate's to count.
"""
SPAN_SECONDS = 10
_ADDRESSES = {"/_event", "/_event/"}
_QUERY = {
    "EIO": re.compile("4"),
    "transport": re.compile("websocket"),
    # As `generateUUID` in Reflex's client makes it, whose 17th digit is 8 to f, and `uuid4` in its server.
    "token": re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89a-f][0-9a-f]{3}-[0-9a-f]{12}"),
}
_TIMESTAMP = "t"
"""What other clients of Engine.IO put into the query beside what Reflex's own one does."""
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_MOST_PARAMETERS = 8
_CLOSE, _PONG = "1", "3"
_PACKET = re.compile(r"4(?P<kind>[012])/_event(?:,(?P<data>.*))?", re.S)
_CONNECT, _DISCONNECT = "0", "1"
_DEPTH = 16
"""Levels of lists and objects in a payload; forms and filters have two or three. Deep ones overflow the stack of who reads them."""
_REPORTS = 3
"""Failures that one socket may report; each is a line of the log."""
_TOO_MUCH, _TOO_LONG, _NO_TEXT, _BROKEN = 1008, 1009, 1007, 1002


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Path = Annotated[str, Field(max_length=8_192, pattern=r"^/(?:[^/\\]|$)")]
"""An address on this site: one that begins like another host's cannot always be split."""


class _Router(_Strict):
    """Where the page stands."""

    pathname: _Path
    asPath: _Path  # noqa: N815 - the client's name
    query: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=8_192)]] = Field(default={}, max_length=100)


class _Event(_Strict):
    """An event of a page."""

    name: str = Field(max_length=300)
    payload: dict[str, Any] = Field(default={}, max_length=100)
    event_actions: dict[str, bool | int] = Field(default={}, max_length=10)
    router_data: _Router = Field(default=None, validate_default=False)  # type: ignore[assignment]


class _Boot(_Strict):
    """What a page says as it connects: the event that fills it, and which states it was built for. Other clients say nothing."""

    event: _Event = Field(default=None, validate_default=False)  # type: ignore[assignment]
    state_schema: str | None = Field(default=None, max_length=64, pattern=r"^[0-9a-f]*$")


class _Report(_Strict):
    """A failure in a browser."""

    message: str = Field(default="", max_length=20_000)
    error_type: str = Field(default="", max_length=100)
    substate: str = Field(default="", max_length=20_000)


_M = TypeVar("_M", bound=BaseModel)


class _Socket:
    """One socket, from its handshake to its end."""

    def __init__(self, handlers: Container[str]) -> None:
        self._handlers = handlers
        self._connected = self._left = False
        self._reports = 0

    def takes(self, text: str | None) -> bool:
        """Return whether a message is one that a page sends, and at this point of its socket.

        A page connects once, says events, and disconnects once: for another connection it opens another socket.
        """
        if text in {_CLOSE, _PONG}:
            return True
        found = _PACKET.fullmatch(text) if text else None
        if found is None or self._left:
            return False
        kind, data = found["kind"], found["data"]
        if kind == _CONNECT:
            taken = not self._connected and (not data or self._is_boot(_read(data)))
            self._connected = self._connected or taken
        elif kind == _DISCONNECT:
            taken = self._left = self._connected and not data
        else:
            taken = self._connected and self._is_message(_read(data or ""))
        return taken

    def _is_boot(self, said: Any) -> bool:
        boot = _checked(_Boot, said)
        return boot is not None and ("event" not in boot.model_fields_set or self._is_known(boot.event))

    def _is_message(self, said: Any) -> bool:
        match said:
            case ["event", dict(event)]:
                found = _checked(_Event, event)
                return found is not None and self._is_known(found)
            case ["client_error", dict(report)]:
                self._reports += 1
                return self._reports <= _REPORTS and _checked(_Report, report) is not None
            case _:
                return False

    def _is_known(self, event: _Event) -> bool:
        return event.name in self._handlers and not _deeper(event.payload, _DEPTH)


class SocketFilter:
    """The layer that admits sockets and reads what they bring.

    Args:
        app: the application behind it.
        handlers: the full names of all event handlers.
    """

    def __init__(self, app: ASGIApp, handlers: Container[str]) -> None:
        self.app, self.handlers = app, handlers
        # Each process counts for itself: it is its own time that is taken, and a frame must not cost a question to Redis.
        self._pace = rate_limits.LocalFixedWindow(FRAMES_PER_ADDRESS, SPAN_SECONDS)
        self._told = rate_limits.LocalFixedWindow(1, SPAN_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and of a socket only what a page sends."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        address = rate_limits.address_key(scope["client"][0]) if scope.get("client") else ""
        if self._pace.over(address):
            self._tell(address, "excess_rate_limit_exceeded", "messages")
            await headers.refuse(429, "too many requests", scope, receive, send)
            return
        if not _admitted(scope):
            self._tell(address, "input_validation_fail", "handshake")
            await headers.refuse(403, "no page of this portal asks so", scope, receive, send)
            return
        socket = _Socket(self.handlers)

        async def receiving() -> Message:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    self._closed(address, message.get("code"))
                    return message
                if message["type"] != "websocket.receive":
                    return message
                text = message.get("text")
                if self._pace.over(address) and text not in {_CLOSE, _PONG}:
                    self._tell(address, "excess_rate_limit_exceeded", "messages")
                elif socket.takes(text):
                    return message
                else:
                    self._tell(address, "input_validation_fail", "message")

        await self.app(scope, receiving, send)

    def _closed(self, address: str, code: int | None) -> None:
        """Note that a connection was closed over what came down it, whichever side said so."""
        if code == _TOO_MUCH:
            self._tell(address, "excess_rate_limit_exceeded", "connection")
        elif code in {_TOO_LONG, _NO_TEXT, _BROKEN}:
            self._tell(address, "input_validation_fail", "connection")

    def _tell(self, address: str, event: str, what: str) -> None:
        # Once in a span for each address: whoever sends garbage must not fill the log, too.
        if not self._told.over(f"{what} {address}"):
            logs.log_security_event(event, logging.WARNING, what=what)


def _admitted(scope: Scope) -> bool:
    """Return whether a handshake is one that a page makes: with one tab's token, and no second one beside it."""
    spoken = scope.get("subprotocols") or []
    if scope["path"] not in _ADDRESSES or len(spoken) > 1 or not all(_VERSION.fullmatch(version) for version in spoken):
        return False
    try:
        asked = parse_qs(scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return False
    asked.pop(_TIMESTAMP, None)
    return asked.keys() == _QUERY.keys() and all(len(said) == 1 and _QUERY[name].fullmatch(said[0]) for name, said in asked.items())


def _read(data: str) -> Any:
    """Return the JSON in it, None where there is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _checked(model: type[_M], said: Any) -> _M | None:
    """Return what was said as the model has it, None where it does not fit."""
    try:
        return model.model_validate(said)
    except ValidationError:
        return None


def _deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects stand in each other on more levels than these."""
    inside = [value]
    for _ in range(levels + 1):
        inside = [item for held in inside for item in (held.values() if isinstance(held, dict) else held) if isinstance(item, dict | list)]
        if not inside:
            return False
    return True
