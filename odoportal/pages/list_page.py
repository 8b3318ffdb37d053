"""The page of a list, live and in the document: drawn from the list's declaration, and filled from the address."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import reflex as rx

from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity
from odoportal.lists.list_table import ListTable
from odoportal.lists.query import ListQuery
from odoportal.lists.view import page_view
from odoportal.pages.layout import private_page
from odoportal.pages.view_state import PageState
from odoportal.ui.dialog import dialog, dialog_html
from odoportal.ui.server_slots import live
from odoportal.ui.table import ListCard, export_menu
from odoportal.ui.template import Bound, Node, View, el


async def fetch_list(table: ListTable, who: Identity, given: Mapping[str, str], language: str) -> Any:
    """Return the view of a list, made in a worker thread and in the page's language.

    Args:
        table: The list.
        who: The signed-in person.
        given: The query values of the address.
        language: The page's language.
    """
    query = ListQuery.parse(table.rules, given)
    with i18n.use(language):
        return await database.read(partial(page_view, table), who, query, language, clock.today())


class ListState(PageState, mixin=True):
    """The state of a page that is read from a list query. Subclasses declare `view`, and `table` or their own `_fetch`.

    `version` counts the answers, so that the page can tell when its own request has been answered.
    """

    version: int = 0
    table: ClassVar[ListTable]

    async def _load_view(self, again: bool = False) -> None:
        await super()._load_view(again)
        self.version += 1

    async def _fetch(self, who: Identity) -> Any:
        return await fetch_list(self.table, who, self.router.url.query_parameters, i18n.current_language())


def _export(view: Bound) -> Node:
    return el("div", export_menu(view), cls="layout-row table-tasks")


@dataclass(frozen=True)
class ListPage:
    """The page of a list.

    Attributes:
        table: The list.
        state: The page's `ListState`.
        tasks: Draws the actions at the end of the heading.
        details: Draws the record that is open in a dialog, if the list opens records.
        parents: Returns the path and name of each step between the Dashboard and the list.
        lead: Returns components above the list.
        beside: Returns components after the title.
        before: Returns components before the actions.
        slots: Templates that these components show, by the name of their slot.
        feedback: Returns the view with the feedback of a form of the page (`forms.view.FormFeedback`).
    """

    table: ListTable
    state: Any
    tasks: Callable[[Bound], Node] = _export
    details: Callable[[Bound], Node] | None = None
    parents: Callable[[], Sequence[tuple[str, str]]] = tuple
    lead: Callable[[], Sequence[rx.Component]] = tuple
    beside: Callable[[], Sequence[rx.Component]] = tuple
    before: Callable[[], Sequence[rx.Component]] = tuple
    slots: Mapping[str, View] = field(default_factory=dict)
    feedback: Callable[[Any, Any], Any] = lambda view, _feedback: view

    def _heading(self) -> View:
        return View(lambda view: el("h1", self.table.title(), " ", el("span", "(", view.frame.total, ")")))

    def component(self) -> rx.Component:
        """Return the live page in the current language."""
        view, filled, title = self.state.view, self.state.filled, self.table.title()
        heading = rx.el.div(
            live("heading", self._heading(), view, filled, f"<h1>{title}</h1>"),
            *self.beside(),
            rx.el.span(class_name="push"),
            *self.before(),
            live("tasks", View(self.tasks), view, filled),
            class_name="layout-head",
        )
        opened = [dialog(View(self.details), self.state)] if self.details else []
        trail = [*self.parents(), (self.table.path, title)]
        return private_page(heading, *self.lead(), ListCard.of(self.table).component(self.state), *opened, trail=trail)

    def html(self, view: Any) -> dict[str, str]:
        """Return the HTML of the document's slots, in the current language."""
        drawn = {"heading": self._heading(), "tasks": View(self.tasks), **self.slots}
        opened = {"dialog": dialog_html(View(self.details), view.details)} if self.details else {}
        return {**ListCard.of(self.table).html(view), **{name: part.html(view) for name, part in drawn.items()}, **opened}
