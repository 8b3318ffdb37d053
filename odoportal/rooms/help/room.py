"""The help room: help, the user guide, and the pages that say what went wrong."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.pages.kinds import plain_page
    from odoportal.rooms.help import page
    from odoportal.web.page import Page

    return Web(
        pages=[
            Page("/guide", "User guide", page.guide, private=False),
            Page("/not-found", "This page does not exist", page.not_found, private=False),
            Page("/unavailable", "The portal is not available right now", page.unavailable, private=False),
            Page("/too-many", "Too many requests at once", page.too_many_requests, private=False),
            plain_page("/help", "Help", page.page),
        ]
    )


ROOM = Room("help", _web)
