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
_STATEMENT_CHARACTERS = 600
_KIND_BY_PREFIX = (
    ("/assets/", "asset"),
    ("/fonts/", "asset"),
    ("/auth/", "form"),
    ("/healthz", "probe"),
    ("/readyz", "probe"),
    ("/_event", "socket"),
)
_FILE_EXTENSIONS = (".pdf", ".csv", ".xlsx", ".zip")
_STATEMENTS = {"SELECT", "INSERT", "UPDATE", "DELETE"}
_http = logging.getLogger("odoportal.http")
_events = logging.getLogger("odoportal.events")
_sql = logging.getLogger("odoportal.sql")


def kind_of(path: str) -> str:
    """Return the kind of a request's path: `page`, `file`, `form`, `asset`, `probe` or `socket`."""
    for prefix, kind in _KIND_BY_PREFIX:
        if path.startswith(prefix):
            return kind
    return "file" if path.endswith(_FILE_EXTENSIONS) else "page"


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
        id_, begun, status = request_id.new_id(), perf_counter(), 500
        request_id.request.set(id_)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", []), (request_id.HEADER, id_.encode())]}
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
class _RunningEvent:
    """A running event. It is mutable, because the callback at the event's end runs in a context that was copied before."""

    dropped: bool = False


_event: ContextVar[_RunningEvent | None] = ContextVar("event", default=None)


class EventInstrumentation(Middleware):
    """The first middleware of an event: takes over the request id of its click and times the event to its end."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:  # noqa: ARG002 - the library's signature
        """Start timing the event. Never refuses it."""
        context = EventContext.get()
        request_id.continue_id(context.txid, context.parent_txid)
        known = event.name in RegistrationContext.get().event_handlers
        handler, begun = short_name(event.name) if known else "unknown", perf_counter()
        running = _RunningEvent()
        _event.set(running)

        def finished(task: "asyncio.Task[Any]") -> None:
            seconds = perf_counter() - begun
            outcome = "superseded" if task.cancelled() else "failed" if task.exception() else "done"
            if running.dropped and outcome == "done":
                metrics.EVENTS.labels("dropped").inc()
                return
            metrics.EVENTS.labels(outcome).inc()
            _record(handler, outcome, seconds)

        if task := asyncio.current_task():
            task.add_done_callback(finished)
        return None


def mark_dropped() -> None:
    """Mark the current event as dropped because of its rate. It is counted but not logged, because a line each would fill the log."""
    if running := _event.get():
        running.dropped = True


@contextmanager
def time_handler(name: str) -> Iterator[None]:
    """Time a handler that runs within another event, under its own name.

    Args:
        name: the handler's full name.
    """
    begun, outcome = perf_counter(), "failed"
    try:
        yield
        outcome = "done"
    finally:
        _record(short_name(name), outcome, perf_counter() - begun)


def _record(handler: str, outcome: str, seconds: float) -> None:
    metrics.EVENT_SECONDS.labels(handler).observe(seconds)
    logs.log_event(_events, logging.INFO, "event", handler=handler, outcome=outcome, ms=_ms(seconds))


def watch_sql(engine: Engine) -> None:
    """Time and log the statements of an engine: all of them at level `debug`, otherwise the slow ones. Values are never logged."""

    def before(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
        context.begun = perf_counter()

    def after(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        seconds = perf_counter() - context.begun
        keyword = statement.split(maxsplit=1)[0].upper()
        metrics.SQL_SECONDS.labels(keyword.lower() if keyword in _STATEMENTS else "other").observe(seconds)
        slow = seconds >= SLOW_SQL_SECONDS
        level = logging.WARNING if slow else logging.DEBUG
        if _sql.isEnabledFor(level):
            text = " ".join(statement.split())[:_STATEMENT_CHARACTERS]
            logs.log_event(_sql, level, "slow_sql" if slow else "sql", ms=_ms(seconds), statement=text)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)


def short_name(handler: str) -> str:
    """Return a handler's short name, such as `orders.load`, from its full name."""
    return handler.rpartition("____")[2]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
