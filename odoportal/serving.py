"""Serving the built portal: Uvicorn in this process, on Reflex's application, without compiling anything."""

import asyncio
import ctypes
import gc
import logging
import os
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from odoportal.core import database
from odoportal.documents import pdf
from odoportal.limits import open_files
from odoportal.observability import logs, metrics
from odoportal.observability.instrumentation import RequestInstrumentation, watch_sql
from odoportal.observability.log_pacing import LogPacer
from odoportal.settings import get_settings
from odoportal.web import socket_limits
from odoportal.web.client_address import ClientAddressMiddleware
from odoportal.web.connections import Connection, Connections, ReadMonitor
from odoportal.web.open_sockets import OpenSocketLimit
from odoportal.web.request_targets import RequestTargetCheck

GRACE_SECONDS = 10
BACKLOG = 2048
ACCEPTED_AT_ONCE = 64
"""Connections that are accepted before the first of them is counted; all of these need a file (`open_files.RESERVED_FILES`)."""
TICKS_PER_CHECK = 10
"""Uvicorn ticks ten times a second."""
COLLECT_AFTER = (10_000, 20, 20)
"""The thresholds of garbage collection: new objects, then collections of the younger generation."""
M_ARENA_MAX = -8
"""The parameter of mallopt(3) that limits the number of arenas, from the GNU C library's malloc.h."""


class CannotServe(Exception):
    """The address cannot be served; the message is one sentence for the operator."""


_log = logging.getLogger("odoportal.serving")


class Socket(socket_limits.LimitedWebSocketProtocol):
    """A websocket of bounded size and pace whose client must read what is sent to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unread = ReadMonitor()

    def resume_writing(self) -> None:
        """Go on sending."""
        self.unread.moved()
        super().resume_writing()


class _Server(uvicorn.Server):
    """A server that reports when it is ready, and closes connections whose time is over.

    Args:
        config: see `configuration`.
        register: the same that the configuration got.
        ready: called once, when requests are answered.
    """

    def __init__(self, config: uvicorn.Config, register: Connections, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._register, self._ready = register, ready
        self._seldom = LogPacer()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().set_exception_handler(self._loop_failed)
        for taken in sockets or []:
            # The loop has shortened the queue to ACCEPTED_AT_ONCE.
            taken.listen(BACKLOG)
        # Exempt all present objects from garbage collection: they stay for good, and scanning them again would stall every open tab.
        gc.collect()
        gc.freeze()
        if self.started and not self.should_exit:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_CHECK == 0:
            self._register.close_stale(asyncio.get_running_loop().time(), self.server_state.connections)
        return await super().on_tick(counter)

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log a failure of the loop. If no connection can be accepted, asyncio reports that with a traceback hundreds of times a second."""
        if not str(context.get("message", "")).startswith("socket.accept()"):
            loop.default_exception_handler(context)
        elif count := self._seldom.due():
            why = context.get("exception")
            logs.log_event(_log, logging.ERROR, "not_accepted", why=why.strerror if isinstance(why, OSError) else "", count=count)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        CannotServe: when the port is taken or the host is not of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        taken = socket.socket(family, kind, protocol)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
            # Listen at once, so that a second start finds the port taken.
            taken.listen(BACKLOG)
        except OSError:
            taken.close()
            raise
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CannotServe(f"Port {port} on {host} cannot be used ({why}); choose another with --port.") from error
    return taken


def reflex_environment() -> dict[str, str]:
    """Return the environment in which Reflex serves the built frontend. The two names with underscores are internal to this release."""
    return {
        "REFLEX_ENV_MODE": "prod",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        # Either side notices a dead connection within half a minute.
        "REFLEX_SOCKET_INTERVAL": os.environ.get("REFLEX_SOCKET_INTERVAL", "15"),
        "REFLEX_SOCKET_TIMEOUT": os.environ.get("REFLEX_SOCKET_TIMEOUT", "15"),
        # Reflex passes this to the browser, which then does not send a first message that would be refused.
        "REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE": str(socket_limits.MESSAGE_BYTES),
        "__REFLEX_SKIP_COMPILE": "true",
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
    }


def _application() -> ASGIApp:
    # The assembly is imported only once the working folder and Reflex's environment are set.
    from reflex_base.registry import RegistrationContext

    from odoportal.odoportal import app
    from odoportal.web.socket_filter import SocketFilter
    from odoportal.web.state_eviction import StateEviction

    watch_sql(database.engine())
    inside = SocketFilter(StateEviction(app(), app), RegistrationContext.get().event_handlers)
    return ClientAddressMiddleware(
        OpenSocketLimit(RequestInstrumentation(RequestTargetCheck(inside)), open_files.limits()), get_settings().trusted_proxies
    )


def configuration(application: Callable[[], ASGIApp], register: Connections) -> uvicorn.Config:
    """Return how Uvicorn serves the portal.

    Args:
        application: makes the ASGI application, once the server starts.
        register: of the HTTP connections.
    """
    protocol: Any = partial(Connection, register)
    return uvicorn.Config(
        application,
        factory=True,
        http=protocol,
        ws=Socket,
        ws_per_message_deflate=False,
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        access_log=False,
        server_header=False,
        # Uvicorn believes the first, forgeable entry of X-Forwarded-For as soon as it trusts everybody.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def use_one_malloc_arena() -> None:
    """Let all threads allocate memory from one arena. Call it before there are threads; other C libraries than GNU's have no arenas.

    By default nearly every thread gets its own arena, up to eight for each core, and no thread can use what another has freed: after 800
    visits, 15 arenas held 33 MiB, of which 11 were in use. Threads rarely wait for the arena, because Python runs one at a time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def _serve_metrics(address: str) -> None:
    from odoportal.health import Figures

    try:
        metrics.serve(address, Figures())
    except OSError as error:
        raise CannotServe(f"ODOPORTAL_METRICS_ADDRESS {address} cannot be used ({(error.strerror or str(error)).lower()}).") from error


def serve(project: Path, taken: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until a signal ends it; requests under way get ten seconds.

    Args:
        project: folder with `rxconfig.py` and the built frontend.
        taken: from `listen`.
        ready: called once, when requests are answered.

    Raises:
        CannotServe: when the address of the metrics cannot be used.
    """
    use_one_malloc_arena()
    os.environ.update(reflex_environment())
    # Reflex looks for rxconfig.py and for the built files in the working folder.
    os.chdir(project)
    settings = get_settings()
    logs.configure(settings.log_level, structured=settings.mode == "production")
    if settings.metrics_address:
        _serve_metrics(settings.metrics_address)
    open_files.raise_limit()
    # Behind proxies, the peer of a connection is a proxy.
    register = Connections(open_files.limits(), by_address=settings.trusted_proxies == 0)
    pdf.start_worker()
    gc.set_threshold(*COLLECT_AFTER)
    with closing(taken):
        _Server(configuration(_application, register), register, ready).run(sockets=[taken])
