"""The security room: how a person signs in."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.accounts.rights import Right
    from odoportal.pages.kinds import forms_page
    from odoportal.rooms.security import forms, page, passkey_forms

    handlers = {**forms.RULES, **passkey_forms.RULES}
    return Web(pages=[forms_page("/profile/security", "Sign-in and security", page.page, page.Security, page.slots, handlers, Right.ENTER)])


ROOM = Room("security", _web)
