"""One's own data on the screen."""

import reflex as rx

from odoportal.accounts.state import Signed
from odoportal.foundation import clock, database, i18n
from odoportal.privacy.view import DataView, data_view


class MyData(Signed):
    """The file of one's own data, and the wish to close the account."""

    view: DataView = DataView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Show how far the file is."""
        await self._try(self._show())

    @rx.event
    async def retry(self) -> None:
        """A form was done, or somebody looks again."""
        await self._try(self._show())

    async def _show(self) -> None:
        who, language = await self._arrive()
        with i18n.use(language):
            self.view = await database.read(data_view, who, language, clock.now())
        self.filled = True
