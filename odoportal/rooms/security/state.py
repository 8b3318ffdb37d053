"""The Reflex state of the page "Sign-in and security"."""

from typing import Any, ClassVar

from odoportal.accounts.rights import Right
from odoportal.core import clock, database
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.security.view import SecurityView, security_view


class Security(PageState, SessionState):
    """The state of the page "Sign-in and security"."""

    view: SecurityView = unfilled(SecurityView())
    needs: ClassVar[Right] = Right.ENTER

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(security_view, who, clock.now())
