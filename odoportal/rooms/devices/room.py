"""The devices room, still to come. The menu counts the devices."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.devices import assign, service
from odoportal.rooms.devices.activity import ACTIVITY


def _web() -> Web:
    from odoportal.pages.kinds import plain_page
    from odoportal.rooms.devices import page

    return Web(pages=[plain_page("/devices", "Devices", page.page)])


def _kept() -> list[KeptData]:
    return [
        KeptData(t("Devices and vehicles"), t("To show what you bought"), t("As long as the account is open")),
        KeptData(t("Lists of vehicles that you paste"), t("To check them, and to undo them"), t("One day")),
    ]


ROOM = Room(
    "devices",
    _web,
    counters={"/devices": lambda session, account_id, _today: service.count(session, account_id)},
    activity=ACTIVITY,
    kept=_kept,
    purge=assign.purge,
)
