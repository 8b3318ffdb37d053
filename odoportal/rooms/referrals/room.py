"""The referral room, still to come."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.pages.kinds import plain_page
    from odoportal.rooms.referrals import page

    return Web(pages=[plain_page("/referrals", "Referral", page.page)])


ROOM = Room("referrals", _web)
