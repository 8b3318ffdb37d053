"""The profile room: a person's own details."""

from odoportal.pages.room import Room, Web
from odoportal.rooms.profile.activity import ACTIVITY


def _web() -> Web:
    from odoportal.pages.kinds import forms_page
    from odoportal.rooms.profile import forms, page

    return Web(pages=[forms_page("/profile", "Profile", page.page, page.Profile, page.slots, forms.RULES)])


ROOM = Room("profile", _web, activity=ACTIVITY)
