"""The Reflex state of the profile page."""

from typing import Any

from odoportal.core import database
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.profile.view import ProfileView, profile_view


class Profile(PageState, SessionState):
    """The state of the profile page."""

    view: ProfileView = unfilled(ProfileView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(profile_view, who)
