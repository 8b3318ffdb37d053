"""How a person gets in, on the screen."""

from typing import Any, ClassVar

from odoportal.accounts.rights import Right
from odoportal.accounts.showing import Shown, unfilled
from odoportal.accounts.state import Signed
from odoportal.foundation import clock, database
from odoportal.foundation.identity import Who
from odoportal.security.view import SecurityView, security_view


class Security(Shown, Signed):
    """The forms of how a person gets in."""

    view: SecurityView = unfilled(SecurityView())
    needs: ClassVar[Right] = Right.ENTER

    async def _look(self, who: Who) -> Any:
        return await database.read(security_view, who, clock.now())
