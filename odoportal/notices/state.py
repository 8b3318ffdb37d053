"""Notices on the screen."""

from typing import Any

from odoportal.accounts.showing import PageState, unfilled
from odoportal.accounts.state import SessionState
from odoportal.foundation import clock, database
from odoportal.foundation.identity import Identity
from odoportal.notices.view import NoticesView, notices_view


class Notices(PageState, SessionState):
    """Which mails a person gets."""

    view: NoticesView = unfilled(NoticesView())

    async def _look(self, who: Identity) -> Any:
        return await database.read(notices_view, who, clock.now())
