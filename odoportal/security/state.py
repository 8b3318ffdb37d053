"""How a person gets in, on the screen."""

import reflex as rx

from odoportal.accounts.state import Signed
from odoportal.foundation import clock, database, i18n
from odoportal.security.view import SecurityView, security_view


class Security(Signed):
    """The forms of how a person gets in."""

    view: SecurityView = SecurityView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Show what is stored."""
        await self._try(self._show())

    @rx.event
    async def retry(self) -> None:
        """A form was done: show what is stored now."""
        await self._try(self._show())

    async def _show(self) -> None:
        who, language = await self._arrive()
        with i18n.use(language):
            self.view = await database.read(security_view, who, clock.now())
        self.filled = True
