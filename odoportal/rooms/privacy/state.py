"""One's own data on the screen."""

from typing import Any

from odoportal.core import clock, database
from odoportal.core.i18n import current
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.privacy.view import DataView, data_view


class MyData(PageState, SessionState):
    """The file of one's own data, and the wish to close the account."""

    view: DataView = unfilled(DataView())

    async def _look(self, who: Identity) -> Any:
        return await database.read(data_view, who, current(), clock.now())
