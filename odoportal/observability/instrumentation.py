"""Logs and metrics for every HTTP request, event and SQL statement."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event
from reflex_base.event.context import EventContext
from reflex_base.registry import RegistrationContext
from sqlalchemy import Engine, event
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from odoportal.observability import logs, metrics, request_id

SLOW_SQL_SECONDS = 0.25
_MOST_OF_A_STATEMENT = 600
_KINDS = (
    ("/assets/", "asset"),
    ("/fonts/", "asset"),
    ("/auth/", "form"),
    ("/healthz", "probe"),
    ("/readyz", "probe"),
    ("/_event", "socket"),
)
_FILES = (".pdf", ".csv", ".xlsx", ".zip")
_STATEMENTS = {"SELECT", "INSERT", "UPDATE", "DELETE"}
_http = logging.getLogger("odoportal.http")
_events = logging.getLogger("odoportal.events")
_sql = logging.getLogger("odoportal.sql")


def kind_of(path: str) -> str:
    """Return the kind of a request's path: `page`, `file`, `form`, `asset`, `probe` or `socket`."""
    for beginning, kind in _KINDS:
        if path.startswith(beginning):
            return kind
    return "file" if path.endswith(_FILES) else "page"


class RequestInstrumentation:
    """Middleware that gives every HTTP request an id, times, counts and logs it. Query and body are never logged.

    Args:
        app: the application behind it; the scope already has the real client address.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Instrument the request and pass it on."""
        if scope["type"] == "websocket":
            with metrics.SOCKETS.track_inprogress():
                await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, begun, status = request_id.name(), perf_counter(), 500
        request_id.request.set(name)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", []), (request_id.HEADER, name.encode())]}
            await send(message)

        kind = kind_of(scope["path"])
        try:
            await self.app(scope, receive, sending)
        finally:
            seconds = perf_counter() - begun
            metrics.HTTP.labels(kind, status).inc()
            metrics.HTTP_SECONDS.labels(kind).observe(seconds)
            level = logging.DEBUG if kind in {"asset", "probe"} else logging.INFO
            logs.log_event(_http, level, "request", method=scope["method"], path=scope["path"][:300], status=status, ms=_ms(seconds))


@dataclass
class _Watched:
    """A running event. It is mutable, because the callback at the event's end runs in a context that was copied before."""

    dropped: bool = False


_event: ContextVar[_Watched | None] = ContextVar("event", default=None)


class EventInstrumentation(Middleware):
    """The first middleware of an event: takes over the request id of its click and times the event to its end."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:  # noqa: ARG002 - the library's signature
        """Start timing the event. Never refuses it."""
        context = EventContext.get()
        request_id.follow(context.txid, context.parent_txid)
        known = event.name in RegistrationContext.get().event_handlers
        handler, begun = short(event.name) if known else "unknown", perf_counter()
        watched = _Watched()
        _event.set(watched)

        def over(task: "asyncio.Task[Any]") -> None:
            seconds = perf_counter() - begun
            outcome = "superseded" if task.cancelled() else "failed" if task.exception() else "done"
            if watched.dropped and outcome == "done":
                metrics.EVENTS.labels("dropped").inc()
                return
            metrics.EVENTS.labels(outcome).inc()
            _note(handler, outcome, seconds)

        if task := asyncio.current_task():
            task.add_done_callback(over)
        return None


def drop() -> None:
    """Mark the current event as dropped because of its rate. It is counted but not logged, because a line each would fill the log."""
    if watched := _event.get():
        watched.dropped = True


@contextmanager
def within(name: str) -> Iterator[None]:
    """Time a handler that runs within another event, under its own name.

    Args:
        name: the handler's full name.
    """
    begun, outcome = perf_counter(), "failed"
    try:
        yield
        outcome = "done"
    finally:
        _note(short(name), outcome, perf_counter() - begun)


def _note(handler: str, outcome: str, seconds: float) -> None:
    metrics.EVENT_SECONDS.labels(handler).observe(seconds)
    logs.log_event(_events, logging.INFO, "event", handler=handler, outcome=outcome, ms=_ms(seconds))


def watch_sql(engine: Engine) -> None:
    """Time and log the statements of an engine: all of them at level `debug`, otherwise the slow ones. Values are never logged."""

    def before(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
        context.begun = perf_counter()

    def after(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        seconds = perf_counter() - context.begun
        word = statement.split(maxsplit=1)[0].upper()
        metrics.SQL_SECONDS.labels(word.lower() if word in _STATEMENTS else "other").observe(seconds)
        slow = seconds >= SLOW_SQL_SECONDS
        level = logging.WARNING if slow else logging.DEBUG
        if _sql.isEnabledFor(level):
            text = " ".join(statement.split())[:_MOST_OF_A_STATEMENT]
            logs.log_event(_sql, level, "slow_sql" if slow else "sql", ms=_ms(seconds), statement=text)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)


def short(handler: str) -> str:
    """Return a handler's short name, such as `orders.load`, from its full name."""
    return handler.rpartition("____")[2]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
