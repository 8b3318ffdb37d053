"""Time limits for HTTP connections.

Uvicorn limits neither the time for a request's head or body nor the time a client takes to read its answer. `Connection` is Uvicorn's
protocol with these limits. `Connections` tracks the open connections; the server calls its `close_stale` every second to close those that
exceed a limit. Each limit covers the whole head or body: a client that sends one byte now and then does not restart it.
"""

import logging
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable
from enum import Enum
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from odoportal.limits.open_files import ConnectionLimits
from odoportal.limits.rate_limits import address_key
from odoportal.observability import logs
from odoportal.observability.log_pacing import LogPacer
from odoportal.web import headers


class Awaited(Enum):
    """The part of a request that a connection is waiting for."""

    HEAD = "head"
    BODY = "body"


class ReadMonitor:
    """Detects a client that does not read what was sent to it. Each of Uvicorn's protocols has one, for its transport."""

    def __init__(self) -> None:
        self._size, self._since = 0, 0.0

    def is_stalled(self, size: int, now: float, limits: ConnectionLimits) -> bool:
        """Return whether the client has read too little of the transport's buffer for too long.

        Args:
            size: bytes in the buffer.
            now: the event loop's time, in seconds.
            limits: uses `unread_seconds` and `unread_bytes`.
        """
        if size == 0 or self._size == 0 or size <= self._size - limits.unread_bytes:
            self._size, self._since = size, now
            return False
        return now - self._since >= limits.unread_seconds

    def moved(self) -> None:
        """Record that the buffer has drained: the client is reading."""
        self._size = 0


class Connections:
    """The open HTTP connections of a process.

    Args:
        limits: how many connections may be open, and for how long they may wait.
        by_address: whether to limit the connections of each peer; off where the peers are our own proxies.
    """

    def __init__(self, limits: ConnectionLimits, by_address: bool) -> None:
        self.limits, self.by_address = limits, by_address
        self._waiting = OrderedDict[Connection, float]()
        self._waiting_by_address = defaultdict[str, OrderedDict[Connection, None]](OrderedDict)
        self._open_by_address = Counter[str]()
        self._total = 0
        self._log_pacer = LogPacer()

    def register(self, connection: "Connection") -> bool:
        """Register a new connection and return whether there is room for it.

        At a limit, the connection that has kept the server waiting longest is closed to make room: one of the same peer if that peer has
        too many, any connection if there are too many in total. Clients that never finish a head or body therefore cannot lock others out.
        """
        peer_is_full = self._open_by_address[connection.address] >= self.limits.connections_per_address if self.by_address else False
        if peer_is_full or self._total >= self.limits.connections:
            self._log_excess(connection.address)
            longest = next(iter(self._waiting_by_address.get(connection.address, ()) if peer_is_full else self._waiting), None)
            if longest is None:
                return False
            longest.time_out()
        self._open_by_address[connection.address] += 1
        self._total += 1
        return True

    def unregister(self, connection: "Connection") -> None:
        """Unregister a connection that is closed or has become a websocket."""
        self.set_waiting(connection, None)
        self._total -= 1
        self._open_by_address[connection.address] -= 1
        if not self._open_by_address[connection.address]:
            del self._open_by_address[connection.address]

    def set_waiting(self, connection: "Connection", since: float | None) -> None:
        """Record since when a connection has waited for its client.

        Args:
            connection: a registered connection.
            since: the event loop's time, in seconds, or None if it is no longer waiting.
        """
        same_address = self._waiting_by_address[connection.address]
        self._waiting.pop(connection, None)
        same_address.pop(connection, None)
        if since is not None:
            self._waiting[connection], same_address[connection] = since, None
        elif not same_address:
            del self._waiting_by_address[connection.address]

    def close_stale(self, now: float, protocols: Iterable[Any]) -> None:
        """Close the connections that have exceeded a time limit.

        Args:
            now: the event loop's time, in seconds.
            protocols: all protocols of the server, including websockets; those with an `unread` attribute are checked for clients that do
                not read.
        """
        soonest = min(self.limits.head_seconds, self.limits.body_seconds)
        late = []
        for connection, since in self._waiting.items():
            if now - since < soonest:
                break
            if now - since >= connection.time_limit:
                late.append(connection)
        for connection in late:
            connection.time_out()
        for protocol in list(protocols):
            unread: ReadMonitor | None = getattr(protocol, "unread", None)
            if unread and unread.is_stalled(protocol.transport.get_write_buffer_size(), now, self.limits):
                protocol.transport.abort()

    def _log_excess(self, address: str) -> None:
        if count := self._log_pacer.due():
            logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, what="connections", address=address, count=count)


class Connection(H11Protocol):
    """An HTTP connection whose client must send and read within a time limit.

    Args:
        registry: the open connections of the process.
        args: passed on to Uvicorn's protocol.
        kwargs: passed on to Uvicorn's protocol.
    """

    def __init__(self, registry: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.registry, self.unread, self.address = registry, ReadMonitor(), ""
        self._awaited: Awaited | None = None
        self._registered = False

    @property
    def time_limit(self) -> float:
        """The time limit, in seconds, for what the connection is waiting for."""
        return self.registry.limits.head_seconds if self._awaited is Awaited.HEAD else self.registry.limits.body_seconds

    def connection_made(self, transport: Any) -> None:
        """Register the connection, or refuse it with 503."""
        super().connection_made(transport)
        self.address = address_key(self.client[0]) if self.client else ""
        self._registered = self.registry.register(self)
        if self._registered:
            self._update_awaited()
        else:
            self._respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection."""
        self._unregister()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received data and update what the connection is waiting for."""
        super().data_received(data)
        self._update_awaited()

    def on_response_complete(self) -> None:
        """Finish a response and start waiting for the next request."""
        super().on_response_complete()
        self._update_awaited()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Unregister the connection and hand it to the websocket protocol, which is counted in `open_sockets`."""
        self._unregister()
        super().handle_websocket_upgrade(event)

    def resume_writing(self) -> None:
        """Record that the client is reading, and resume sending."""
        self.unread.moved()
        super().resume_writing()

    def time_out(self) -> None:
        """Close the connection because its client took too long. Answer 408 if a request has begun."""
        self.registry.set_waiting(self, None)
        begun = self._awaited is Awaited.BODY or bool(self.conn.trailing_data[0])
        if begun and self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            if self.cycle and not self.cycle.response_complete:
                # The connection is being closed: the application must not send anything more.
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self._respond(HTTPStatus.REQUEST_TIMEOUT, "the request took too long")
        if self.transport.get_write_buffer_size():
            # A client that does not read either would keep the connection open.
            self.transport.abort()
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer a message that is not valid HTTP."""
        self._respond(HTTPStatus.BAD_REQUEST, msg)

    def _respond(self, status: HTTPStatus, text: str) -> None:
        """Write a plain-text response with the common headers and close the connection."""
        body = text.encode()
        fields = {"content-type": "text/plain; charset=utf-8", "connection": "close", "content-length": str(len(body))}
        lines = [*((name.encode(), value.encode()) for name, value in fields.items()), *headers.common_headers()]
        response = h11.Response(status_code=status, headers=lines, reason=status.phrase.encode())
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _update_awaited(self) -> None:
        """Update what the connection is waiting for."""
        if not self._registered or self.transport.is_closing():
            return
        client_state = self.conn.their_state
        awaited = Awaited.HEAD if client_state is h11.IDLE else Awaited.BODY if client_state is h11.SEND_BODY else None
        if awaited is not self._awaited:
            self._awaited = awaited
            self.registry.set_waiting(self, self.loop.time() if awaited else None)

    def _unregister(self) -> None:
        if self._registered:
            self._registered = False
            self.registry.unregister(self)
