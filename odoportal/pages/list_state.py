"""The state of list pages: reads the query from the address and shows one page of the list."""

from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar

from sqlmodel import Session

from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity
from odoportal.lists.query import ListQuery, ListRules
from odoportal.pages.view_state import PageState

MakeView = Callable[[Session, Identity, ListQuery, str, date], Any]


async def fetch_list(rules: ListRules, draw: MakeView, who: Identity, given: Any, language: str) -> Any:
    """Return the view of a list query, made in a worker thread and in the page's language.

    Args:
        rules: What the list's address may contain.
        draw: Makes the view.
        who: The signed-in person.
        given: The query values of the address.
        language: The page's language.
    """
    query = ListQuery.parse(rules, given)
    with i18n.use(language):
        return await database.read(draw, who, query, language, clock.today())


class ListState(PageState, mixin=True):
    """The state of a list page. Subclasses also declare `rules` and `draw`.

    `version` counts the answers, so that the page can tell when its own request has been answered.
    """

    version: int = 0
    rules: ClassVar[ListRules]
    draw: ClassVar[MakeView]

    async def _load_view(self, again: bool = False) -> None:
        await super()._load_view(again)
        self.version += 1

    async def _fetch(self, who: Identity) -> Any:
        return await fetch_list(self.rules, type(self).draw, who, self.router.url.query_parameters, i18n.current_language())
