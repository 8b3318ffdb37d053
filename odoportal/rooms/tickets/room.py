"""The tickets room, still to come."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.pages.kinds import plain_page
    from odoportal.rooms.tickets import page

    return Web(pages=[plain_page("/tickets", "Tickets", page.page)])


ROOM = Room("tickets", _web)
