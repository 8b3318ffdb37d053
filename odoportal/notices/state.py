"""Notices on the screen."""

from typing import Any

from odoportal.accounts.showing import Shown, unfilled
from odoportal.accounts.state import Signed
from odoportal.foundation import clock, database
from odoportal.foundation.identity import Who
from odoportal.notices.view import NoticesView, notices_view


class Notices(Shown, Signed):
    """Which mails a person gets."""

    view: NoticesView = unfilled(NoticesView())

    async def _look(self, who: Who) -> Any:
        return await database.read(notices_view, who, clock.now())
