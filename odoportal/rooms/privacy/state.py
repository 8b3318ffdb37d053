"""Reflex state of the page "My data"."""

from typing import Any

from odoportal.core import clock, database
from odoportal.core.i18n import current_language
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.privacy.view import DataView, data_view


class MyData(PageState, SessionState):
    """The state of the page: the data export and the request to close the account."""

    view: DataView = unfilled(DataView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(data_view, who, current_language(), clock.now())
