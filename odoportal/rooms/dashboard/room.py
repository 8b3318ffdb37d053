"""The home page: tiles for every place, what is owed, what ends soon."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.pages.kinds import view_page
    from odoportal.rooms.dashboard import page

    return Web(pages=[view_page("/", "Dashboard", page.page, page.Home, page.slots)])


ROOM = Room("dashboard", _web)
