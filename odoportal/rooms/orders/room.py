"""The orders room: the list of orders, an order's details, its PDF and exports."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.orders import service


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import list_page
    from odoportal.rooms.orders import page, routes

    served = list_page(page.PAGE)
    return Web(served.pages, [*guarded(Right.SEE, routes.ROUTES), *served.routes])


def _kept() -> list[KeptData]:
    years = t("Six years after the end of the tax year they relate to, as tax law requires")
    return [KeptData(t("Orders, invoices, payments, addresses"), t("To fulfil the contract and the law"), years)]


ROOM = Room("orders", _web, counters={"/orders": lambda session, account_id, _today: service.count(session, account_id)}, kept=_kept)
