"""The home page on the screen."""

import reflex as rx

from odoportal.accounts.state import Signed
from odoportal.dashboard.view import HomeView, home_view
from odoportal.foundation import clock, database, i18n


class Home(Signed):
    """What the home page shows."""

    view: HomeView = HomeView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Fill the page, counts of the menu included."""
        await self._try(self._draw())

    @rx.event
    async def retry(self) -> None:
        """Ask again, after a failure."""
        await self._try(self._draw())

    async def _draw(self) -> None:
        who, language = await self._arrive(anew=True)
        with i18n.use(language):
            self.view = await database.read(home_view, who, language, clock.today())
        self.filled = True
