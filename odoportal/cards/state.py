"""The cards on the screen."""

from typing import Any

from odoportal.accounts.showing import Shown, unfilled
from odoportal.accounts.state import Signed
from odoportal.cards.view import CardsView, shown
from odoportal.foundation.i18n import current
from odoportal.foundation.identity import Who


class Cards(Shown, Signed):
    """The cards of the account."""

    view: CardsView = unfilled(CardsView())

    async def _look(self, who: Who) -> Any:
        return await shown(who, self.router.url.query_parameters, current())
