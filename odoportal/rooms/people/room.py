"""The people room: an account's people, roles and invitations."""

from odoportal.pages.room import Room, Web
from odoportal.rooms.people import service
from odoportal.rooms.people.activity import ACTIVITY
from odoportal.rooms.people.revoke import revoke


def _web() -> Web:
    from odoportal.pages.kinds import forms_page
    from odoportal.rooms.people import forms, page, routes
    from odoportal.rooms.signin.page import page as signin_page
    from odoportal.web.page import Page

    return Web(
        pages=[
            forms_page("/profile/people", "People", page.page, page.People, page.slots, forms.HANDLERS),
            Page("/join", "You are invited", signin_page, fill=routes.fill_join, post=routes.post_join, private=False),
        ]
    )


ROOM = Room("people", _web, activity=ACTIVITY, purges=[service.purge_expired], revoke=revoke)
