"""The devices room, still to come. The menu counts the devices."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.devices import service


def _web() -> Web:
    from odoportal.pages.kinds import plain_page
    from odoportal.rooms.devices import page

    return Web(pages=[plain_page("/devices", "Devices", page.page)])


def _kept() -> list[KeptData]:
    return [KeptData(t("Devices and vehicles"), t("To show what you bought"), t("As long as the account is open"))]


ROOM = Room("devices", _web, counters={"/devices": lambda session, account_id, _today: service.count(session, account_id)}, kept=_kept)
