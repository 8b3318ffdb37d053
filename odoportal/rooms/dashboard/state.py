"""The home page on the screen."""

from typing import Any

from odoportal.core import clock, database
from odoportal.core.i18n import current
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.dashboard.view import HomeView, home_view


class Home(PageState, SessionState):
    """What the home page shows."""

    view: HomeView = unfilled(HomeView())

    async def _show(self, anew: bool = False) -> None:
        del anew  # Whoever comes home is told the menu's counts as they are now.
        await super()._show(anew=True)

    async def _look(self, who: Identity) -> Any:
        return await database.read(home_view, who, current(), clock.today())
