"""The people of an account on the screen."""

import reflex as rx

from odoportal.accounts.state import Signed
from odoportal.foundation import clock, database, i18n
from odoportal.people.view import PeopleView, people_view


class People(Signed):
    """Everybody of the account, what can be changed, and the open one."""

    view: PeopleView = PeopleView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Show what is stored."""
        await self._try(self._show())

    @rx.event
    async def retry(self) -> None:
        """A form was done, or it failed before: show what is stored now."""
        await self._try(self._show(anew=True))

    async def _show(self, anew: bool = False) -> None:
        who, language = await self._arrive(anew)
        with i18n.use(language):
            self.view = await database.read(people_view, who, dict(self.router.url.query_parameters), clock.now())
        self.filled = True
