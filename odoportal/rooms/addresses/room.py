"""The address book."""

from odoportal.pages.room import Room, Web
from odoportal.rooms.addresses.activity import ACTIVITY


def _web() -> Web:
    from odoportal.accounts.rights import Right
    from odoportal.pages.kinds import forms_page, list_page
    from odoportal.rooms.addresses import forms, page

    edit = forms_page("/addresses/edit", "Address", page.edit_page, page.EditAddress, page.edit_slots, forms.EDIT, Right.ADDRESSES)
    return Web([*list_page(page.PAGE, handlers=forms.BOOK).pages, edit])


ROOM = Room("addresses", _web, activity=ACTIVITY)
