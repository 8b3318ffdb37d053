"""What the state and the document of every list do: read the address, call the view, show one page."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import reflex as rx
from sqlmodel import Session

from odoportal.foundation import clock, database, i18n
from odoportal.foundation.identity import Who
from odoportal.foundation.listing import ListQuery, ListRules

Drawn = Callable[[Session, Who, ListQuery, str, date], Any]


async def list_of(rules: ListRules, draw: Drawn, who: Who, given: Any, language: str) -> Any:
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


class Listed(rx.State, mixin=True):
    """A list's state, mixed into one that descends from `Signed` and declares `view`, `rules` and `draw`.

    `version` counts the answers, so that the page knows when the one it waits for is there.
    """

    filled: bool = False
    version: int = 0
    rules: ClassVar[ListRules]
    draw: ClassVar[Drawn]

    if TYPE_CHECKING:
        # `Signed` has them; an annotation alone would become a variable of the state.
        async def _try(self, showing: Awaitable[object]) -> None: ...

        async def _arrive(self, anew: bool = False) -> tuple[Who, str]: ...

    @rx.event
    async def load(self) -> None:
        """Show what the address asks for."""
        await self._show()

    @rx.event
    async def retry(self) -> None:
        """Ask again: after a failure, or for what is new."""
        await self._show(anew=True)

    async def _show(self, anew: bool = False) -> None:
        await self._try(self._draw(anew))
        self.version += 1

    async def _draw(self, anew: bool) -> None:
        who, language = await self._arrive(anew)
        self.view = await list_of(self.rules, type(self).draw, who, self.router.url.query_parameters, language)
        self.filled = True
