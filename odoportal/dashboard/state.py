"""The home page on the screen."""

from typing import Any

from odoportal.accounts.showing import PageState, unfilled
from odoportal.accounts.state import SessionState
from odoportal.dashboard.view import HomeView, home_view
from odoportal.foundation import clock, database
from odoportal.foundation.i18n import current
from odoportal.foundation.identity import Identity


class Home(PageState, SessionState):
    """What the home page shows."""

    view: HomeView = unfilled(HomeView())

    async def _show(self, anew: bool = False) -> None:
        del anew  # Whoever comes home is told the menu's counts as they are now.
        await super()._show(anew=True)

    async def _look(self, who: Identity) -> Any:
        return await database.read(home_view, who, current(), clock.today())
