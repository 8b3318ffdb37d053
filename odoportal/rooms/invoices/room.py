"""The invoices room: the list of invoices, credit notes, their PDFs, archives and exports."""

from odoportal.pages.room import Room, Web
from odoportal.rooms.invoices import service


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import list_page
    from odoportal.rooms.invoices import exports, page, routes
    from odoportal.rooms.invoices.state import Invoices

    return Web(
        pages=[list_page("/invoices", "Invoices", page.page, Invoices, page.slots)],
        routes=guarded(Right.SEE, [*routes.ROUTES, *exports.ROUTES]),
    )


ROOM = Room("invoices", _web, counters={"/invoices": lambda session, account_id, _today: service.count(session, account_id)})
