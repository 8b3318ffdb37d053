"""The cards on the screen."""

import reflex as rx

from odoportal.accounts.state import Signed
from odoportal.cards.view import CardsView, shown


class Cards(Signed):
    """The cards of the account."""

    view: CardsView = CardsView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Show what is on file."""
        await self._try(self._draw())

    @rx.event
    async def retry(self) -> None:
        """Ask again: after a failure, or for what the provider has said meanwhile."""
        await self._try(self._draw(anew=True))

    async def _draw(self, anew: bool = False) -> None:
        who, language = await self._arrive(anew)
        self.view = await shown(who, self.router.url.query_parameters, language)
        self.filled = True
