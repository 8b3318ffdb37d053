"""Reflex state of the page of cards."""

from typing import Any

from odoportal.core.i18n import current_language
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.cards.view import CardsView, load_view


class Cards(PageState, SessionState):
    """The state of the page of cards."""

    view: CardsView = unfilled(CardsView())

    async def _fetch(self, who: Identity) -> Any:
        return await load_view(who, self.router.url.query_parameters, current_language())
