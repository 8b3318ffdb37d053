"""The profile on the screen."""

from typing import Any

from odoportal.accounts.showing import PageState, unfilled
from odoportal.accounts.state import SessionState
from odoportal.foundation import database
from odoportal.foundation.identity import Identity
from odoportal.profile.view import ProfileView, profile_view


class Profile(PageState, SessionState):
    """The forms of the profile."""

    view: ProfileView = unfilled(ProfileView())

    async def _look(self, who: Identity) -> Any:
        return await database.read(profile_view, who)
