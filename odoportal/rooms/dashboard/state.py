"""The state of the home page."""

from typing import Any

from odoportal.core import clock, database
from odoportal.core.i18n import current_language
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.dashboard.view import HomeView, home_view


class Home(PageState, SessionState):
    """The home page."""

    view: HomeView = unfilled(HomeView())

    async def _load_view(self, again: bool = False) -> None:
        del again  # The home page always reads the menu's counts again.
        await super()._load_view(again=True)

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(home_view, who, current_language(), clock.today())
