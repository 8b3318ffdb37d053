"""What the state and the document of every list do: read the address, call the view, show one page."""

from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar

from sqlmodel import Session

from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity
from odoportal.lists.query import ListQuery, ListRules
from odoportal.pages.view_state import PageState

Drawn = Callable[[Session, Identity, ListQuery, str, date], Any]


async def fetch_list(rules: ListRules, draw: Drawn, who: Identity, given: Any, language: str) -> Any:
    """The view of a list's address, in a worker thread and in the page's language.

    Args:
        rules: what the list knows.
        draw: makes the view.
        who: whose account and formats.
        given: the query values of the address.
        language: the page's.
    """
    query = ListQuery.parse(rules, given)
    with i18n.use(language):
        return await database.read(draw, who, query, language, clock.today())


class ListState(PageState, mixin=True):
    """A list's state, which declares `rules` and `draw` as well.

    `version` counts the answers, so that the page knows when the one it waits for is there.
    """

    version: int = 0
    rules: ClassVar[ListRules]
    draw: ClassVar[Drawn]

    async def _show(self, anew: bool = False) -> None:
        await super()._show(anew)
        self.version += 1

    async def _look(self, who: Identity) -> Any:
        return await fetch_list(self.rules, type(self).draw, who, self.router.url.query_parameters, i18n.current_language())
