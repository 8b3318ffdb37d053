"""Checks every websocket message before Socket.IO and Reflex read it, and drops what the portal's pages never send.

Engine.IO, Socket.IO and Reflex each fail on messages they cannot read, with a traceback in the log every time, and Reflex logs the whole
of an event it does not know. Any client can reach them, signed in or not. What Reflex's client sends is in its
`.templates/web/utils/state.js`, what its server accepts in `reflex/app.py` (`EventNamespace`).
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

All people of an office may share one address: the limit allows each of 300 people one click a second. A single connection is closed long
before (`socket_limits`), and the event gate limits each session.
"""
SPAN_SECONDS = 10
_ADDRESSES = {"/_event", "/_event/"}
_QUERY = {
    "EIO": re.compile("4"),
    "transport": re.compile("websocket"),
    # `generateUUID` in Reflex's client makes a 17th digit of 8 to f, and so does `uuid4` in its server.
    "token": re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89a-f][0-9a-f]{3}-[0-9a-f]{12}"),
}
_TIMESTAMP = "t"
"""A query parameter that other Engine.IO clients add to those of Reflex's client."""
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_MOST_PARAMETERS = 8
_CLOSE, _PONG = "1", "3"
_PACKET = re.compile(r"4(?P<kind>[012])/_event(?:,(?P<data>.*))?", re.S)
_CONNECT, _DISCONNECT = "0", "1"
_DEPTH = 16
"""The most levels of lists and objects in a payload. Forms and filters have two or three; deep nesting overflows the reader's stack."""
_REPORTS = 3
"""The most failures that one socket may report; each is a line of the log."""
_TOO_MUCH, _TOO_LONG, _INVALID_TEXT, _BROKEN = 1008, 1009, 1007, 1002


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Path = Annotated[str, Field(max_length=8_192, pattern=r"^/(?:[^/\\]|$)")]
"""An address on this site. One that starts like another host's address cannot always be parsed."""


class _Router(_Strict):
    """The browser's current address."""

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
    """The first message of a page: the event that fills it, and the state schema it was built for. Other clients leave it empty."""

    event: _Event = Field(default=None, validate_default=False)  # type: ignore[assignment]
    state_schema: str | None = Field(default=None, max_length=64, pattern=r"^[0-9a-f]*$")


class _Report(_Strict):
    """A report of a failure in a browser."""

    message: str = Field(default="", max_length=20_000)
    error_type: str = Field(default="", max_length=100)
    substate: str = Field(default="", max_length=20_000)


_Model = TypeVar("_Model", bound=BaseModel)


class _SocketProtocol:
    """The protocol state of one socket, from handshake to disconnect."""

    def __init__(self, handlers: Container[str]) -> None:
        self._handlers = handlers
        self._connected = self._disconnected = False
        self._reports = 0

    def accepts(self, text: str | None) -> bool:
        """Return whether a page may send this message at this point of its socket.

        A page connects once, sends events, and disconnects once. For another connection it opens another socket.
        """
        if text in {_CLOSE, _PONG}:
            return True
        found = _PACKET.fullmatch(text) if text else None
        if found is None or self._disconnected:
            return False
        kind, data = found["kind"], found["data"]
        if kind == _CONNECT:
            accepted = not self._connected and (not data or self._is_boot(_parse_json(data)))
            self._connected = self._connected or accepted
        elif kind == _DISCONNECT:
            accepted = self._disconnected = self._connected and not data
        else:
            accepted = self._connected and self._is_message(_parse_json(data or ""))
        return accepted

    def _is_boot(self, data: Any) -> bool:
        boot = _validated(_Boot, data)
        return boot is not None and ("event" not in boot.model_fields_set or self._is_known(boot.event))

    def _is_message(self, data: Any) -> bool:
        match data:
            case ["event", dict(event)]:
                found = _validated(_Event, event)
                return found is not None and self._is_known(found)
            case ["client_error", dict(report)]:
                self._reports += 1
                return self._reports <= _REPORTS and _validated(_Report, report) is not None
            case _:
                return False

    def _is_known(self, event: _Event) -> bool:
        return event.name in self._handlers and not _is_deeper(event.payload, _DEPTH)


class SocketFilter:
    """Middleware that checks websocket handshakes and messages.

    Args:
        app: the application behind it.
        handlers: the full names of all event handlers.
    """

    def __init__(self, app: ASGIApp, handlers: Container[str]) -> None:
        self.app, self.handlers = app, handlers
        # Count in each process: the limit protects the process's own time, and a frame must not cost a query to Redis.
        self._rate_limit = rate_limits.LocalFixedWindow(FRAMES_PER_ADDRESS, SPAN_SECONDS)
        self._log_limit = rate_limits.LocalFixedWindow(1, SPAN_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; of a websocket, only valid handshakes and messages."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        address = rate_limits.address_key(scope["client"][0]) if scope.get("client") else ""
        if self._rate_limit.over(address):
            self._log(address, "excess_rate_limit_exceeded", "messages")
            await headers.refuse(429, "too many requests", scope, receive, send)
            return
        if not _is_valid_handshake(scope):
            self._log(address, "input_validation_fail", "handshake")
            await headers.refuse(403, "no page of this portal asks so", scope, receive, send)
            return
        socket = _SocketProtocol(self.handlers)

        async def receiving() -> Message:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    self._log_closure(address, message.get("code"))
                    return message
                if message["type"] != "websocket.receive":
                    return message
                text = message.get("text")
                if self._rate_limit.over(address) and text not in {_CLOSE, _PONG}:
                    self._log(address, "excess_rate_limit_exceeded", "messages")
                elif socket.accepts(text):
                    return message
                else:
                    self._log(address, "input_validation_fail", "message")

        await self.app(scope, receiving, send)

    def _log_closure(self, address: str, code: int | None) -> None:
        """Log that a connection was closed because of what the client sent, whichever side closed it."""
        if code == _TOO_MUCH:
            self._log(address, "excess_rate_limit_exceeded", "connection")
        elif code in {_TOO_LONG, _INVALID_TEXT, _BROKEN}:
            self._log(address, "input_validation_fail", "connection")

    def _log(self, address: str, event: str, what: str) -> None:
        # Log once in a span for each address: a client that sends garbage must not fill the log.
        if not self._log_limit.over(f"{what} {address}"):
            logs.log_security_event(event, logging.WARNING, what=what)


def _is_valid_handshake(scope: Scope) -> bool:
    """Return whether a handshake is one that a page makes, with exactly one tab's token."""
    subprotocols = scope.get("subprotocols") or []
    if scope["path"] not in _ADDRESSES or len(subprotocols) > 1 or not all(_VERSION.fullmatch(version) for version in subprotocols):
        return False
    try:
        query = parse_qs(scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return False
    query.pop(_TIMESTAMP, None)
    return query.keys() == _QUERY.keys() and all(len(values) == 1 and _QUERY[name].fullmatch(values[0]) for name, values in query.items())


def _parse_json(data: str) -> Any:
    """Parse JSON; return None if it is invalid."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _validated(model: type[_Model], data: Any) -> _Model | None:
    """Return the validated model, or None if the data do not fit."""
    try:
        return model.model_validate(data)
    except ValidationError:
        return None


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested deeper than `levels`."""
    containers = [value]
    for _ in range(levels + 1):
        containers = [
            item for each in containers for item in (each.values() if isinstance(each, dict) else each) if isinstance(item, dict | list)
        ]
        if not containers:
            return False
    return True
