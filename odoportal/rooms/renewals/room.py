"""The renewals room, still to come. The menu counts the agreements that end soon."""

from odoportal.pages.room import Room, Web
from odoportal.rooms.orders import service as orders


def _web() -> Web:
    from odoportal.pages.kinds import plain_page
    from odoportal.rooms.renewals import page

    return Web(pages=[plain_page("/renewals", "Renewal", page.page)])


ROOM = Room("renewals", _web, counters={"/renewals": lambda session, account_id, today: len(orders.ending(session, account_id, today))})
