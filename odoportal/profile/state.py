"""The profile on the screen."""

import reflex as rx

from odoportal.accounts.state import Signed
from odoportal.foundation import database, i18n
from odoportal.profile.view import ProfileView, profile_view


class Profile(Signed):
    """The forms of the profile."""

    view: ProfileView = ProfileView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Show what is stored."""
        await self._show()

    @rx.event
    async def retry(self) -> None:
        """A form was done: show what is stored now, in the header too."""
        await self._show(anew=True)

    async def _show(self, anew: bool = False) -> None:
        who, language = await self._arrive(anew)
        with i18n.use(language):
            self.view = await database.read(profile_view, who)
        self.filled = True
