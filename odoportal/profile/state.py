"""The profile on the screen."""

from typing import Any

from odoportal.accounts.showing import Shown, unfilled
from odoportal.accounts.state import Signed
from odoportal.foundation import database
from odoportal.foundation.identity import Who
from odoportal.profile.view import ProfileView, profile_view


class Profile(Shown, Signed):
    """The forms of the profile."""

    view: ProfileView = unfilled(ProfileView())

    async def _look(self, who: Who) -> Any:
        return await database.read(profile_view, who)
