"""The activity room: who changed what in an account."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web


def _web() -> Web:
    from odoportal.accounts.rights import Right
    from odoportal.pages.kinds import list_page
    from odoportal.rooms.activity import page

    return list_page(page.PAGE, Right.CHANGES)


def _kept() -> list[KeptData]:
    return [KeptData(t("Who changed what, when, from where"), t("So that owners can see it"), t("As long as the account is open"))]


ROOM = Room("activity", _web, kept=_kept)
