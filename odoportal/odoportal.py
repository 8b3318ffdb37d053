"""The portal, put together: its pages in both languages, its routes, its gate. Read this first."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
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

from odoportal import health
from odoportal.accounts import rights
from odoportal.accounts.rights import Right, guarded
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.handling import FormHandler, form_post
from odoportal.frontend import builder
from odoportal.mail import outbox
from odoportal.observability import request_id
from odoportal.observability.instrumentation import EventInstrumentation, within
from odoportal.pages import region_route as accounts_routes
from odoportal.pages.layout import page_fill
from odoportal.pages.list_state import fetch_list
from odoportal.pages.state import SessionState
from odoportal.rooms.activity import exports as changes_exports
from odoportal.rooms.activity import page as changes
from odoportal.rooms.activity.state import Changes
from odoportal.rooms.addresses import forms as addresses_forms
from odoportal.rooms.addresses import page as addresses
from odoportal.rooms.addresses.state import Addresses, EditAddress
from odoportal.rooms.cards import flow as cards_flow
from odoportal.rooms.cards import forms as cards_forms
from odoportal.rooms.cards import page as cards
from odoportal.rooms.cards import routes as cards_routes
from odoportal.rooms.cards import sandbox_page
from odoportal.rooms.cards import service as cards_service
from odoportal.rooms.cards.state import Cards
from odoportal.rooms.dashboard import page as dashboard
from odoportal.rooms.dashboard.service import counts
from odoportal.rooms.dashboard.state import Home
from odoportal.rooms.dashboard.view import home_view
from odoportal.rooms.devices import page as devices
from odoportal.rooms.help import page as help_
from odoportal.rooms.invoices import exports as invoices_exports
from odoportal.rooms.invoices import page as invoices
from odoportal.rooms.invoices import routes as invoices_routes
from odoportal.rooms.invoices.state import Invoices
from odoportal.rooms.notifications import copies as notices_copies
from odoportal.rooms.notifications import forms as notices_forms
from odoportal.rooms.notifications import page as notices
from odoportal.rooms.notifications import routes as notices_routes
from odoportal.rooms.notifications.state import Notices
from odoportal.rooms.orders import exports as orders_exports
from odoportal.rooms.orders import page as orders
from odoportal.rooms.orders import routes as orders_routes
from odoportal.rooms.orders.state import Orders
from odoportal.rooms.people import forms as people_forms
from odoportal.rooms.people import page as people
from odoportal.rooms.people import routes as people_routes
from odoportal.rooms.people import service as people_service
from odoportal.rooms.people.state import People
from odoportal.rooms.privacy import forms as privacy_forms
from odoportal.rooms.privacy import page as privacy
from odoportal.rooms.privacy import routes as privacy_routes
from odoportal.rooms.privacy import service as privacy_service
from odoportal.rooms.privacy.state import MyData
from odoportal.rooms.profile import forms as profile_forms
from odoportal.rooms.profile import page as profile
from odoportal.rooms.profile.state import Profile
from odoportal.rooms.referrals import page as referrals
from odoportal.rooms.renewals import page as renewals
from odoportal.rooms.sales import page as sales
from odoportal.rooms.security import forms as security_forms
from odoportal.rooms.security import page as security
from odoportal.rooms.security import passkey_forms
from odoportal.rooms.security.state import Security
from odoportal.rooms.signin import link_pages, routes, sessions
from odoportal.rooms.signin import page as signin
from odoportal.rooms.signin import service as signin_service
from odoportal.rooms.statements import page as statements
from odoportal.rooms.statements import routes as statements_routes
from odoportal.rooms.statements.state import Statements
from odoportal.rooms.tickets import page as tickets
from odoportal.ui.client import Connection
from odoportal.ui.page import drawing
from odoportal.ui.template import View, icon
from odoportal.web.document_server import DocumentServer
from odoportal.web.event_gate import Gate, NoPayload
from odoportal.web.page import SEE, Page, PageRequest

_log = logging.getLogger("odoportal")
TOUCH_SECONDS = 60
TOUCH_PATIENCE = 1
TIDY_SECONDS = 3600
Content = Callable[[], rx.Component]
Slots = Callable[[PageRequest], Awaitable[dict[str, str]]]
VERSION = builder.version_of(builder.root())
SessionState.counts = counts
SessionState.running = VERSION


def _resolve_now(engine: Engine, session_hash: str | None, account_number: str | None) -> Identity | None:
    with engine.connect() as connection:
        return sessions.resolve(connection, session_hash, account_number, clock.now())


async def resolve(session_hash: str | None, account_number: str | None) -> Identity | None:
    """Who asks. SQLite answers within the loop, quicker than a thread would; whoever might have to wait is asked from a thread."""
    if session_hash is None:
        return None
    if at_once := database.at_once():
        with suppress(OperationalError):
            return _resolve_now(at_once, session_hash, account_number)
    return await asyncio.to_thread(_resolve_now, database.engine(), session_hash, account_number)


async def touch(who: Identity) -> bool:
    """Note that a person did something; once a minute is enough. True where it was written; one that cannot be stops nobody."""
    if (clock.now() - who.seen_at).total_seconds() < TOUCH_SECONDS:
        return False
    try:
        await asyncio.wait_for(database.write(sessions.touch, who.session, clock.now()), TOUCH_PATIENCE)
    except (SQLAlchemyError, TimeoutError) as why:
        _log.warning("that a person is there could not be noted: %s", type(why).__name__)
        return False
    return True


def _list_slots(state: Any, slots: Callable[[Any], dict[str, str]]) -> Callable[[PageRequest], Awaitable[dict[str, str]]]:
    async def fill(asked: PageRequest) -> dict[str, str]:
        return slots(await fetch_list(state.rules, state.draw, _signed(asked), asked.query, asked.language))

    return fill


async def _home_slots(asked: PageRequest) -> dict[str, str]:
    return dashboard.slots(await database.read(home_view, _signed(asked), asked.language, clock.today()))


def _signed(asked: PageRequest) -> Identity:
    if asked.who is None:
        raise PermissionError("a private page needs a signed-in person")
    return asked.who


def _list(path: str, title: str, content: Content, state: Any, slots: Callable[[Any], dict[str, str]], right: str = SEE) -> Page:
    """A list: its state has the rules and the view, `slots` what of that the document holds."""
    return Page(path, title, content, load=state.load, fill=page_fill(_list_slots(state, slots)), right=right)


def _forms(
    path: str,
    title: str,
    content: Content,
    state: Any,
    slots: Slots,
    rules: Mapping[str, FormHandler],
    right: str = SEE,
    leads_to: tuple[str, ...] = (),
) -> Page:
    """A page with forms: `slots` draws it for the document, `rules` answer what is sent to it; the rest is as `Page` has it."""
    fill = page_fill(slots)
    return Page(path, title, content, load=state.load, fill=fill, post=form_post(rules, fill, rights.may), right=right, leads_to=leads_to)


def _soon(path: str, title: str, content: Content) -> Page:
    return Page(path, title, content, load=SessionState.load, fill=page_fill())


async def _tidy() -> None:
    """Every hour, take away sessions, links, invitations, files of people's data, begun cards and unconfirmed copies that are over."""
    while True:
        try:
            await database.write(signin_service.purge_expired, clock.now())
            await database.write(people_service.purge_expired, clock.now())
            await database.write(privacy_service.purge_expired, clock.now())
            await database.write(cards_service.purge_expired, clock.now())
            await database.write(notices_copies.purge_expired, clock.now())
        except (OSError, SQLAlchemyError):
            _log.exception("what is over could not be taken away")
        await asyncio.sleep(TIDY_SECONDS)


PAGES = (
    Page("/login", "Sign In", signin.page, fill=routes.fill_login, post=routes.post_login, private=False),
    Page("/code", "Two-step sign-in", signin.page, fill=routes.fill_code, post=routes.post_code, private=False),
    Page("/forgot", "Forgot your password?", signin.page, fill=routes.fill_forgot, post=routes.post_forgot, private=False),
    Page("/reset", "Choose a new password", signin.page, fill=routes.fill_reset, post=routes.post_reset, private=False),
    Page("/invite", "Choose your password", signin.page, fill=routes.fill_invite, post=routes.post_invite, private=False),
    Page("/join", "You are invited", signin.page, fill=people_routes.fill_join, post=people_routes.post_join, private=False),
    Page("/email", "Confirm your new email", signin.page, fill=link_pages.fill_email, post=link_pages.post_email, private=False),
    Page("/undo", "Undo the change of your email", signin.page, fill=link_pages.fill_undo, post=link_pages.post_undo, private=False),
    Page("/alert", "It was somebody else", signin.page, fill=link_pages.fill_alert, post=link_pages.post_alert, private=False),
    Page("/copy", "Copies of invoices", signin.page, fill=notices_routes.fill_copy, post=notices_routes.post_copy, private=False),
    Page(
        outbox.UNSUBSCRIBE,
        "Stop these mails",
        signin.page,
        fill=notices_routes.fill_unsubscribe,
        post=notices_routes.post_unsubscribe,
        private=False,
        from_anywhere=True,
    ),
    Page("/guide", "User guide", help_.guide, private=False),
    Page("/privacy", "Privacy", privacy.privacy, fill=privacy.fill_privacy, private=False),
    Page("/not-found", "This page does not exist", help_.not_found, private=False),
    Page("/unavailable", "The portal cannot answer right now", help_.unavailable, private=False),
    Page("/too-many", "Too many requests at once", help_.too_many, private=False),
    Page("/", "Dashboard", dashboard.page, load=Home.load, fill=page_fill(_home_slots)),
    _list("/orders", "Orders", orders.page, Orders, orders.slots),
    _list("/invoices", "Invoices", invoices.page, Invoices, invoices.slots),
    _list("/statement", "Statement", statements.page, Statements, statements.slots),
    _soon("/pos-assistant", "POS Assistant", sales.assistant),
    _soon("/renewals", "Renewal", renewals.page),
    _forms("/profile", "Profile", profile.page, Profile, profile.slots, profile_forms.RULES),
    _forms("/profile/data", "My data", privacy.page, MyData, privacy.slots, privacy_forms.RULES),
    _forms("/profile/notices", "Notices", notices.page, Notices, notices.slots, notices_forms.RULES),
    _list("/profile/changes", "Activity", changes.page, Changes, changes.slots, Right.CHANGES),
    _forms("/profile/people", "People", people.page, People, people.slots, people_forms.RULES),
    _forms(
        "/profile/security",
        "Sign-in and security",
        security.page,
        Security,
        security.slots,
        {**security_forms.RULES, **passkey_forms.RULES},
        Right.ENTER,
    ),
    _forms("/addresses", "Address book", addresses.page, Addresses, addresses.slots, addresses_forms.BOOK),
    _forms("/addresses/edit", "Address", addresses.edit_page, EditAddress, addresses.edit_slots, addresses_forms.EDIT, Right.ADDRESSES),
    _forms("/cards", "Credit cards", cards.page, Cards, cards.slots, cards_forms.RULES, leads_to=cards_flow.pages()),
    _soon("/sales", "Point of Sale", sales.page),
    _soon("/referrals", "Referral", referrals.page),
    _soon("/devices", "Devices", devices.page),
    _soon("/tickets", "Tickets", tickets.page),
    _soon("/help", "Help", help_.page),
)


http = Starlette(
    routes=[
        Route("/auth/sign-out", routes.sign_out, methods=["POST"]),
        Route("/auth/region", accounts_routes.region, methods=["POST"]),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        *cards_routes.ROUTES,
        *sandbox_page.ROUTES,
        *guarded(Right.CHANGES, changes_exports.ROUTES),
        *guarded(
            Right.SEE,
            [
                *invoices_routes.ROUTES,
                *orders_routes.ROUTES,
                *invoices_exports.ROUTES,
                *orders_exports.ROUTES,
                *statements_routes.ROUTES,
                *privacy_routes.ROUTES,
            ],
        ),
    ]
)


def _documents(app: ASGIApp) -> ASGIApp:
    return DocumentServer(app, builder.web_dir(builder.root()) / "build" / "client", PAGES, resolve, touch, rights.may)


async def _fill(root: BaseState) -> bool:
    """Load the page a browser stands on into its state; False where there is nothing to load, or nothing that the person may see."""
    path = str(root.router.url.path).partition("/")[2].partition("/")[2].rstrip("/")
    page = next((page for page in PAGES if page.path == f"/{path}"), None)
    if page and page.load and rights.may(require_identity().account.role, page.right):
        state = await root.get_state(page.load.state)
        with within(f"{state.get_full_name()}.load"):
            await state.load()
        return True
    return False


def _drawn(page: Page, language: str) -> Callable[[], rx.Component]:
    def draw() -> rx.Component:
        with i18n.use(language), drawing(page.path):
            return page.content()

    # Reflex puts what it makes of a page into a script named after the page's module: one per room, not one for all.
    draw.__module__ = page.content.__module__
    draw.__name__ = f"{language}{page.path.replace('/', '_').replace('-', '_')}"
    return draw


def _connection() -> rx.Component:
    texts: dict[str, dict[str, str]] = {}
    for language in i18n.LANGUAGES:
        with i18n.use(language):
            texts[language] = {
                "lost": i18n.t("Connection lost."),
                "had": i18n.t("You see what we had at {time}.", time="{time}"),
                "trying": i18n.t("Trying again"),
                "newer": i18n.t("There is a newer version of the portal."),
                "older": i18n.t("Finish what you are writing, then load the page anew."),
                "reload": i18n.t("Load the page anew"),
            }
    picture = View(lambda _: icon("wifi-off")).component(None)
    shell: Any = SessionState.shell
    return Connection.create(**texts, icon=picture, region_en=shell.region_en, zone=shell.zone, built=VERSION, running=SessionState.release)


_failures: deque[str] = deque(maxlen=1000)
"""Reflex's numbers of the last events that failed."""


def _failed(exception: Exception) -> EventSpec | None:
    """A handler failed: log it, and say so on the screen. Reflex's own toast would need `eval`, which the policy forbids."""
    context = EventContext.get()
    request_id.follow(context.txid, context.parent_txid)
    _log.error("an event failed", exc_info=exception)
    if context.parent_txid in _failures:
        # Saying so failed like what it followed from: without an end here, one forged event would keep the process busy for ever.
        return None
    _failures.append(context.txid)
    return SessionState.trouble()  # pyright: ignore[reportReturnType]


def _browser_failed(exception: Exception) -> None:
    """A script failed in somebody's browser: log it, shortened."""
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
        stylesheets=["/tokens.css", "/components.css"],
        head_components=[
            rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
            rx.el.meta(name="viewport", content="width=device-width, initial-scale=1"),
        ],
        api_transformer=[http, _documents],
        backend_exception_handler=_failed,
        frontend_exception_handler=_browser_failed,
        toaster=None,
        app_wraps={(5, "Overlay"): lambda _stateful: rx.fragment(_connection())},
    )
    fault = f"{FrontendEventExceptionState.get_full_name()}.handle_frontend_exception"
    made.add_middleware(EventInstrumentation())
    made.add_middleware(Gate(SessionState, resolve, touch, _allowed, {fault: _BrowserFault}, _fill))
    made.register_lifespan_task(outbox.run_outbox)
    made.register_lifespan_task(privacy_service.make_files)
    made.register_lifespan_task(_tidy)
    made.register_lifespan_task(cards_flow.reconcile_forever)
    for page in PAGES:
        for spoken in i18n.LANGUAGES:
            with i18n.use(spoken):
                title = f"{i18n.t(page.title)} · ODOportal"
            made.add_page(_drawn(page, spoken), route=f"/{spoken}{page.path}".rstrip("/"), title=title, on_load=page.load)
    return made


app = _make()
NEEDED = rights.rights_of(RegistrationContext.get().event_handlers, SessionState)
