"""The activity room: who changed what in an account."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import list_page
    from odoportal.rooms.activity import exports, page
    from odoportal.rooms.activity.state import Changes

    return Web(
        pages=[list_page("/profile/changes", "Activity", page.page, Changes, page.slots, Right.CHANGES)],
        routes=guarded(Right.CHANGES, exports.ROUTES),
    )


def _kept() -> list[KeptData]:
    return [KeptData(t("Who changed what, when, from where"), t("So that owners can see it"), t("As long as the account is open"))]


ROOM = Room("activity", _web, kept=_kept)
