"""The state of the notifications page."""

from typing import Any

from odoportal.core import clock, database
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.notifications.view import NoticesView, notices_view


class Notices(PageState, SessionState):
    """The notifications page: which mails a person gets."""

    view: NoticesView = unfilled(NoticesView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(notices_view, who, clock.now())
