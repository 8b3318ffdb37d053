"""One's own data on the screen."""

from typing import Any

from odoportal.accounts.showing import PageState, unfilled
from odoportal.accounts.state import SessionState
from odoportal.foundation import clock, database
from odoportal.foundation.i18n import current
from odoportal.foundation.identity import Identity
from odoportal.privacy.view import DataView, data_view


class MyData(PageState, SessionState):
    """The file of one's own data, and the wish to close the account."""

    view: DataView = unfilled(DataView())

    async def _look(self, who: Identity) -> Any:
        return await database.read(data_view, who, current(), clock.now())
