"""What the state and the document of every list do: read the address, call the view, show one page."""

import logging
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import reflex as rx
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from odoportal.foundation import clock, database, i18n
from odoportal.foundation.identity import Who
from odoportal.foundation.listing import ListQuery, ListRules

_log = logging.getLogger("odoportal.lists")
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
    failed: bool = False
    version: int = 0
    rules: ClassVar[ListRules]
    draw: ClassVar[Drawn]

    if TYPE_CHECKING:
        # `Signed` has it; an annotation alone would become a variable of the state.
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
        who, language = await self._arrive(anew)
        try:
            self.view = await list_of(self.rules, type(self).draw, who, self.router.url.query_parameters, language)
        except SQLAlchemyError:
            _log.exception("a list could not be loaded")
            self.failed = True
        else:
            self.filled, self.failed = True, False
        self.version += 1
