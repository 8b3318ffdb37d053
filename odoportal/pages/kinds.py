"""The kinds of private pages: lists, pages with forms, pages that show one view, and pages with the header only."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import reflex as rx

from odoportal.accounts import rights
from odoportal.accounts.rights import Right, guarded
from odoportal.core import i18n
from odoportal.core.identity import require_identity
from odoportal.forms.handling import FormHandler, form_post
from odoportal.lists.download import table_routes
from odoportal.pages.layout import page_fill
from odoportal.pages.list_page import ListPage, fetch_list
from odoportal.pages.room import Web
from odoportal.pages.state import SessionState
from odoportal.web.page import VIEW_RIGHT, Page, PageRequest

Content = Callable[[], rx.Component]
Slots = Callable[[PageRequest], Awaitable[dict[str, str]]]


def list_page(page: ListPage, right: Right = Right.SEE, handlers: Mapping[str, FormHandler] | None = None) -> Web:
    """Return what serves a list: its page and, if the list has files, the routes of CSV and Excel.

    Args:
        page: The page of the list.
        right: What a person needs to see it.
        handlers: Answer what is posted to the page, by the form's name.
    """
    table = page.table

    async def slots(page_request: PageRequest) -> dict[str, str]:
        view = await fetch_list(table, require_identity(), page_request.query, page_request.language)
        return page.html(page.feedback(view, page_request.feedback) if page_request.feedback else view)

    def content() -> rx.Component:
        return page.component()

    # The build gives each room a script and a style sheet, by the module that draws the page.
    content.__module__ = page.state.__module__
    with i18n.use("en"):
        title = table.title()
    fill = page_fill(slots)
    post = form_post(handlers, fill, rights.may) if handlers else None
    shown = Page(table.path, title, content, load=page.state.load, fill=fill, post=post, right=right)
    return Web([shown], guarded(right, table_routes(table)) if table.records else ())


def forms_page(
    path: str,
    title: str,
    content: Content,
    state: Any,
    slots: Slots,
    handlers: Mapping[str, FormHandler],
    right: str = VIEW_RIGHT,
    leads_to: tuple[str, ...] = (),
) -> Page:
    """Return a page with forms.

    Args:
        path: Its path without the language.
        title: An English message of the catalogue.
        content: Draws the page at build time.
        state: Its `PageState`.
        slots: Returns the HTML of the document's slots.
        handlers: Answer what is posted to the page, by the form's name.
        right: What a person needs to see it.
        leads_to: Origins of other sites that a form may lead to.
    """
    fill = page_fill(slots)
    return Page(
        path, title, content, load=state.load, fill=fill, post=form_post(handlers, fill, rights.may), right=right, leads_to=leads_to
    )


def view_page(path: str, title: str, content: Content, state: Any, slots: Slots) -> Page:
    """Return a page that shows one view and has no forms of its own; arguments as in `forms_page`."""
    return Page(path, title, content, load=state.load, fill=page_fill(slots))


def plain_page(path: str, title: str, content: Content) -> Page:
    """Return a page that shows nothing of the customer but the header, such as Help or a place that is still to come."""
    return Page(path, title, content, load=SessionState.load, fill=page_fill())
