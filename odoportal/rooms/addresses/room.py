"""The address book."""

from odoportal.pages.room import Room, Web
from odoportal.rooms.addresses.activity import ACTIVITY


def _web() -> Web:
    from odoportal.accounts.rights import Right
    from odoportal.pages.kinds import forms_page
    from odoportal.rooms.addresses import forms, page
    from odoportal.rooms.addresses.state import Addresses, EditAddress

    return Web(
        pages=[
            forms_page("/addresses", "Address book", page.page, Addresses, page.slots, forms.BOOK),
            forms_page("/addresses/edit", "Address", page.edit_page, EditAddress, page.edit_slots, forms.EDIT, Right.ADDRESSES),
        ]
    )


ROOM = Room("addresses", _web, activity=ACTIVITY)
