"""The portal, assembled from its rooms: pages in both languages, routes, background jobs and the event gate. Start reading here."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import reflex as rx
from pydantic import Field
from reflex.event import EventSpec
from reflex.state import BaseState, FrontendEventExceptionState
from reflex_base.event.context import EventContext
from reflex_base.registry import RegistrationContext
from reflex_base.utils.imports import ImportVar
from reflex_base.vars.base import VarData
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from odoportal import background_jobs, health
from odoportal.accounts import rights
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity, require_identity
from odoportal.frontend import builder, styles
from odoportal.jobs.runner import Runner
from odoportal.observability import request_id
from odoportal.observability.instrumentation import EventInstrumentation, time_handler
from odoportal.pages import region_route
from odoportal.pages.state import SessionState
from odoportal.rooms import registry
from odoportal.rooms.signin import sessions
from odoportal.ui.client import Connection
from odoportal.ui.page import drawing_page
from odoportal.ui.template import View, icon
from odoportal.web.document_server import DocumentServer
from odoportal.web.event_gate import EventGate, NoPayload
from odoportal.web.page import Page

_log = logging.getLogger("odoportal")
TOUCH_SECONDS = 60
TOUCH_PATIENCE = 1
VERSION = builder.version_of(builder.root())
SessionState.running = VERSION


def _resolve_now(engine: Engine, session_hash: str | None, account_number: str | None) -> Identity | None:
    with engine.connect() as connection:
        return sessions.resolve(connection, session_hash, account_number, clock.now())


async def resolve(session_hash: str | None, account_number: str | None) -> Identity | None:
    """Return the identity of a session. SQLite is read on the event loop, which is faster; other databases in a thread."""
    if session_hash is None:
        return None
    if at_once := database.nonblocking_engine():
        with suppress(OperationalError):
            return _resolve_now(at_once, session_hash, account_number)
    return await asyncio.to_thread(_resolve_now, database.engine(), session_hash, account_number)


async def touch(who: Identity) -> bool:
    """Record that a person is active, at most once a minute. Return whether it was written; a failure does not stop the request."""
    if (clock.now() - who.seen_at).total_seconds() < TOUCH_SECONDS:
        return False
    try:
        await asyncio.wait_for(database.write(sessions.touch, who.session, clock.now()), TOUCH_PATIENCE)
    except (SQLAlchemyError, TimeoutError) as why:
        _log.warning("the activity of a person could not be recorded: %s", type(why).__name__)
        return False
    return True


registry.install()
_SERVED = [room.web() for room in registry.ROOMS]
PAGES: Sequence[Page] = tuple(page for served in _SERVED for page in served.pages)
http = Starlette(
    routes=[
        Route("/auth/region", region_route.region, methods=["POST"]),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        *(route for served in _SERVED for route in served.routes),
    ]
)


def _documents(app: ASGIApp) -> ASGIApp:
    return DocumentServer(app, builder.web_dir(builder.root()) / "build" / "client", PAGES, resolve, touch, rights.may)


async def _fill(root: BaseState) -> bool:
    """Load the page of a browser's address into its state. Return False if it has nothing to load, or the person may not see it."""
    path = str(root.router.url.path).partition("/")[2].partition("/")[2].rstrip("/")
    page = next((page for page in PAGES if page.path == f"/{path}"), None)
    if page and page.load and rights.may(require_identity().account.role, page.right):
        state = await root.get_state(page.load.state)
        with time_handler(f"{state.get_full_name()}.load"):
            await state.load()
        return True
    return False


def _room_styles(page: Page) -> Sequence[rx.Component]:
    """Return the style sheet of the room that draws a page.

    React puts a style with `href` and `precedence` into the head once, before the page is shown: a page that is reached by a link or Back
    has its styles at its first paint. The text is in the script that draws the page, so that nothing else has to be fetched.
    """
    room = page.content.__module__.split(".")[-2]
    if room not in styles.room_sheets():
        return []
    sheet = ImportVar(tag=f"{room}Styles", is_default=True)
    text: Any = rx.Var(f"{room}Styles", _var_type=str, _var_data=VarData(imports={f"$/styles/rooms/{room}.css?inline": [sheet]}))
    return [rx.el.style(text, custom_attrs={"href": room, "precedence": "rooms"})]


def _drawn(page: Page, language: str) -> Callable[[], rx.Component]:
    def draw() -> rx.Component:
        with i18n.use(language), drawing_page(page.path):
            return rx.fragment(*_room_styles(page), page.content())

    # Reflex writes each page into a script named after the module of its function: one script for each room.
    draw.__module__ = page.content.__module__
    draw.__name__ = f"{language}{page.path.replace('/', '_').replace('-', '_')}"
    return draw


def _connection() -> rx.Component:
    texts: dict[str, dict[str, str]] = {}
    for language in i18n.LANGUAGES:
        with i18n.use(language):
            texts[language] = {
                "lost": i18n.t("Connection lost."),
                "had": i18n.t("This data is from {time}.", time="{time}"),
                "trying": i18n.t("Trying again"),
                "newer": i18n.t("A new version of the portal is available."),
                "older": i18n.t("Finish what you are writing, then reload the page."),
                "reload": i18n.t("Reload the page"),
            }
    picture = View(lambda _: icon("wifi-off")).component(None)
    shell: Any = SessionState.shell
    return Connection.create(**texts, icon=picture, region_en=shell.region_en, zone=shell.zone, built=VERSION, running=SessionState.release)


_failures: deque[str] = deque(maxlen=1000)
"""Reflex's ids of the last events that failed."""


def _failed(exception: Exception) -> EventSpec | None:
    """Log a handler's failure and show it on the screen. Reflex's own toast would need `eval`, which the policy forbids."""
    context = EventContext.get()
    request_id.continue_id(context.txid, context.parent_txid)
    _log.error("an event failed", exc_info=exception)
    if context.parent_txid in _failures:
        # The event that shows the failure failed too: without an end here, one forged event would keep the process busy forever.
        return None
    _failures.append(context.txid)
    return SessionState.trouble()  # pyright: ignore[reportReturnType]


def _browser_failed(exception: Exception) -> None:
    """Log a script's failure in a browser, shortened."""
    _log.warning("a script failed in a browser: %s", str(exception)[:500])


def _allowed(who: Identity, handler: str) -> bool:
    return handler in NEEDED and rights.may(who.account.role, NEEDED[handler])


class _BrowserFault(NoPayload):
    info: str = Field(max_length=20_000)
    component_stack: str = Field(max_length=20_000)


def _make() -> rx.App:
    language: Any = rx.Var(
        '(useLocation().pathname.startsWith("/en")?"en":"fr")',
        _var_type=str,
        _var_data=VarData(imports={"react-router": [ImportVar(tag="useLocation")]}),
    )
    made = rx.App(
        html_custom_attrs={"lang": language},
        head_components=[
            rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
            rx.el.meta(name="viewport", content="width=device-width, initial-scale=1"),
            # Safari would turn numbers of orders and invoices into links to call.
            rx.el.meta(name="format-detection", content="telephone=no, date=no, address=no, email=no"),
        ],
        api_transformer=[http, _documents],
        backend_exception_handler=_failed,
        frontend_exception_handler=_browser_failed,
        toaster=None,
        app_wraps={(5, "Overlay"): lambda _stateful: rx.fragment(_connection())},
    )
    fault = f"{FrontendEventExceptionState.get_full_name()}.handle_frontend_exception"
    made.add_middleware(EventInstrumentation())
    made.add_middleware(EventGate(SessionState, resolve, touch, _allowed, {fault: _BrowserFault}, _fill))
    made.register_lifespan_task(Runner(background_jobs.JOBS).run)
    for page in PAGES:
        for spoken in i18n.LANGUAGES:
            with i18n.use(spoken):
                title = f"{i18n.t(page.title)} · ODOportal"
            made.add_page(_drawn(page, spoken), route=f"/{spoken}{page.path}".rstrip("/"), title=title, on_load=page.load)
    return made


app = _make()
NEEDED = rights.rights_of(RegistrationContext.get().event_handlers, SessionState)
