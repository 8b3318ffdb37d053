"""The layout of private pages: header, menu and breadcrumb around the content of a room, live and in the document."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import reflex as rx

from odoportal.core import clock, database
from odoportal.core.i18n import t
from odoportal.pages.shell_view import shell_view
from odoportal.pages.state import SessionState
from odoportal.settings import get_settings
from odoportal.ui import menu
from odoportal.ui.coming_soon import REACH, coming_soon_page
from odoportal.ui.form import leave_guard
from odoportal.ui.load_error import content_or_error
from odoportal.ui.page import current_path
from odoportal.ui.server_slots import live
from odoportal.ui.shell import DEMO_DAY, HEADER, shell
from odoportal.web.page import Fill, PageContent, PageRequest


def private_page(*content: rx.Component, trail: Sequence[tuple[str, str]] = ()) -> rx.Component:
    """Return a page with header, menu and breadcrumb. `trail` has the path and name of each step after the Dashboard."""
    return shell(*content, state=SessionState, trail=trail)


def form_page(*content: rx.Component, trail: Sequence[tuple[str, str]] = ()) -> rx.Component:
    """Return a private page with forms: the browser asks before unsaved input is lost."""
    return private_page(*content, leave_guard(), trail=trail)


def shown_page(state: Any, head: rx.Component, body: rx.Component, *beside: rx.Component, trail: Sequence[tuple[str, str]]) -> rx.Component:
    """Return a page with forms that shows one view.

    Args:
        state: The page's `PageState`.
        head: The heading.
        body: What the view shows. If it could not be loaded, the page says so in its place and offers a retry.
        beside: Components that do not depend on the view, such as a dialog.
        trail: As in `private_page`.
    """
    tried = content_or_error(state.failed, t("The page could not be loaded."), state.retry, body)
    return form_page(head, tried, *beside, trail=trail)


def soon_page(text: str) -> rx.Component:
    """Return the page of a place that is still to come; `text` says what a customer will do there."""
    from_menu = menu.place(current_path())
    content = coming_soon_page(text, live("reach", REACH, SessionState.shell, SessionState.ready))
    shown = content_or_error(SessionState.failed, t("The page could not be loaded."), SessionState.load, content)
    return private_page(shown, trail=[(current_path(), from_menu.name)])


def page_fill(slots: Callable[[PageRequest], Awaitable[dict[str, str]]] | None = None) -> Fill:
    """Return the `fill` of a private page: header and demonstration day, and the slots of the room."""

    async def fill(asked: PageRequest) -> PageContent:
        if asked.who is None:
            raise PermissionError("a private page needs a signed-in person")
        url = asked.request.url
        asked_for = url.path + (f"?{url.query}" if url.query else "")
        view = await database.read(shell_view, asked.who, asked_for, clock.today(), get_settings())
        own = await slots(asked) if slots else {}
        return PageContent({"header": HEADER.html(view), "demo-day": DEMO_DAY.html(view), "reach": REACH.html(view), **own})

    return fill
