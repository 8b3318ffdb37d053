"""The devices room: the list of devices, a device's details, and assigning vehicles from a list."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.devices import assign, service
from odoportal.rooms.devices.activity import ACTIVITY


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import forms_page, list_page
    from odoportal.rooms.devices import assign_page, forms, page, routes, selected

    served = list_page(page.PAGE, handlers={**forms.LIST, **selected.HANDLERS})
    vehicles = forms_page(
        "/devices/assign",
        "Assign vehicles",
        assign_page.page,
        assign_page.AssignVehicles,
        assign_page.slots,
        forms.ASSIGN,
        Right.VEHICLES,
    )
    files = [*guarded(Right.VEHICLES, routes.ROUTES), *guarded(Right.SEE, selected.ROUTES)]
    return Web([*served.pages, vehicles], [*served.routes, *files])


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
    purges=[assign.purge],
)
