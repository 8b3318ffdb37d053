"""HTTP connections with an end: Uvicorn sets no time for a request's head or body, nor for a client that reads nothing of its answer.

`Connection` is Uvicorn's protocol with these added. `Connections` knows those that are open, and `sweep`, which the server calls every
second, closes those whose time is over. A head or a body has a time as a whole: each byte that comes starts nothing anew.
"""

import logging
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable
from enum import Enum
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from odoportal.limits.open_files import Limits
from odoportal.limits.rate_limits import address_key
from odoportal.observability import logs
from odoportal.observability.log_pacing import LogPacer
from odoportal.web import headers


class Awaited(Enum):
    """What a connection waits for its client to send."""

    HEAD = "head"
    BODY = "body"


class Unread:
    """What a client has not yet read of what was sent to it. Uvicorn's protocols have one each, for its transport."""

    def __init__(self) -> None:
        self._size, self._since = 0, 0.0

    def stuck(self, size: int, now: float, limits: Limits) -> bool:
        """Look at the transport's buffer; true where the client has read too little of it for too long.

        Args:
            size: bytes in the buffer.
            now: the loop's time, in seconds.
            limits: `unread_seconds` and `unread_bytes`.
        """
        if size == 0 or self._size == 0 or size <= self._size - limits.unread_bytes:
            self._size, self._since = size, now
            return False
        return now - self._since >= limits.unread_seconds

    def moved(self) -> None:
        """Note that the buffer was almost emptied: the client reads."""
        self._size = 0


class Connections:
    """The open HTTP connections of a process.

    Args:
        limits: how many, and for how long.
        by_address: limit those of each peer; not where peers are proxies of ours.
    """

    def __init__(self, limits: Limits, by_address: bool) -> None:
        self.limits, self.by_address = limits, by_address
        self._waiting = OrderedDict[Connection, float]()
        self._waiting_of = defaultdict[str, OrderedDict[Connection, None]](OrderedDict)
        self._open = Counter[str]()
        self._all = 0
        self._seldom = LogPacer()

    def enter(self, connection: "Connection") -> bool:
        """Take up a new connection; False where there is no room for it.

        Where the limit is reached, room is made by closing the connection that has kept the server waiting for longest: the peer's own
        where the peer has too many, anybody's where there are too many in all. So nobody is kept out by heads and bodies that never come.
        """
        mine = self._open[connection.address] >= self.limits.connections_per_address if self.by_address else False
        if mine or self._all >= self.limits.connections:
            self._tell(connection.address)
            longest = next(iter(self._waiting_of.get(connection.address, ()) if mine else self._waiting), None)
            if longest is None:
                return False
            longest.give_up()
        self._open[connection.address] += 1
        self._all += 1
        return True

    def leave(self, connection: "Connection") -> None:
        """Forget a connection that is closed or has become a websocket."""
        self.waits(connection, None)
        self._all -= 1
        self._open[connection.address] -= 1
        if not self._open[connection.address]:
            del self._open[connection.address]

    def waits(self, connection: "Connection", since: float | None) -> None:
        """Note since when a connection waits for its client; None: it does not."""
        theirs = self._waiting_of[connection.address]
        self._waiting.pop(connection, None)
        theirs.pop(connection, None)
        if since is not None:
            self._waiting[connection], theirs[connection] = since, None
        elif not theirs:
            del self._waiting_of[connection.address]

    def sweep(self, now: float, protocols: Iterable[Any]) -> None:
        """Close what has waited for too long.

        Args:
            now: the loop's time, in seconds.
            protocols: every protocol of the server, websockets among them; those with `unread` are looked at for clients that do not read.
        """
        soonest = min(self.limits.head_seconds, self.limits.body_seconds)
        late = []
        for connection, since in self._waiting.items():
            if now - since < soonest:
                break
            if now - since >= connection.patience:
                late.append(connection)
        for connection in late:
            connection.give_up()
        for protocol in list(protocols):
            unread: Unread | None = getattr(protocol, "unread", None)
            if unread and unread.stuck(protocol.transport.get_write_buffer_size(), now, self.limits):
                protocol.transport.abort()

    def _tell(self, address: str) -> None:
        if count := self._seldom.due():
            logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, what="connections", address=address, count=count)


class Connection(H11Protocol):
    """A connection whose client must send and read within a time. Its first argument is the register it is entered in."""

    def __init__(self, register: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register, self.unread, self.address = register, Unread(), ""
        self._awaited: Awaited | None = None
        self._entered = False

    @property
    def patience(self) -> float:
        """Seconds that what the connection waits for may take."""
        return self.register.limits.head_seconds if self._awaited is Awaited.HEAD else self.register.limits.body_seconds

    def connection_made(self, transport: Any) -> None:
        """Enter the connection, or refuse it."""
        super().connection_made(transport)
        self.address = address_key(self.client[0]) if self.client else ""
        self._entered = self.register.enter(self)
        if self._entered:
            self._look()
        else:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to a websocket's protocol, which is counted elsewhere (`open_sockets`)."""
        self._leave()
        super().handle_websocket_upgrade(event)

    def resume_writing(self) -> None:
        """Go on sending."""
        self.unread.moved()
        super().resume_writing()

    def give_up(self) -> None:
        """Close the connection because what it waits for does not come. A request that has begun is answered by 408."""
        self.register.waits(self, None)
        begun = self._awaited is Awaited.BODY or bool(self.conn.trailing_data[0])
        if begun and self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            if self.cycle and not self.cycle.response_complete:
                # What the application would still send is for nobody.
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self._answer(HTTPStatus.REQUEST_TIMEOUT, "the request took too long")
        if self.transport.get_write_buffer_size():
            # Who does not read either would keep the connection open.
            self.transport.abort()
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._answer(HTTPStatus.BAD_REQUEST, msg)

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        own = {"content-type": "text/plain; charset=utf-8", "connection": "close", "content-length": str(len(body))}
        lines = [*((name.encode(), value.encode()) for name, value in own.items()), *headers.of_every_answer()]
        said = h11.Response(status_code=status, headers=lines, reason=status.phrase.encode())
        for event in (said, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _look(self) -> None:
        """See what the connection waits for by now."""
        if not self._entered or self.transport.is_closing():
            return
        their = self.conn.their_state
        awaited = Awaited.HEAD if their is h11.IDLE else Awaited.BODY if their is h11.SEND_BODY else None
        if awaited is not self._awaited:
            self._awaited = awaited
            self.register.waits(self, self.loop.time() if awaited else None)

    def _leave(self) -> None:
        if self._entered:
            self._entered = False
            self.register.leave(self)
