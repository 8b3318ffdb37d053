"""Notices on the screen."""

import reflex as rx

from odoportal.accounts.state import Signed
from odoportal.foundation import database, i18n
from odoportal.notices.view import NoticesView, notices_view


class Notices(Signed):
    """Which mails a person gets."""

    view: NoticesView = NoticesView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Show what is chosen."""
        await self._try(self._show())

    @rx.event
    async def retry(self) -> None:
        """A form was done, or somebody looks again."""
        await self._try(self._show())

    async def _show(self) -> None:
        who, language = await self._arrive()
        with i18n.use(language):
            self.view = await database.read(notices_view, who)
        self.filled = True
