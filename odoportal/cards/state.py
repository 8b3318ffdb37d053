"""The cards on the screen."""

from typing import Any

from odoportal.accounts.showing import PageState, unfilled
from odoportal.accounts.state import SessionState
from odoportal.cards.view import CardsView, shown
from odoportal.foundation.i18n import current
from odoportal.foundation.identity import Identity


class Cards(PageState, SessionState):
    """The cards of the account."""

    view: CardsView = unfilled(CardsView())

    async def _look(self, who: Identity) -> Any:
        return await shown(who, self.router.url.query_parameters, current())
