"""The invoices room: the list of invoices, credit notes, their PDFs, archives and exports."""

from odoportal.pages.room import Room, Web
from odoportal.rooms.invoices import service


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import list_page
    from odoportal.rooms.invoices import page, routes

    served = list_page(page.PAGE)
    return Web(served.pages, [*guarded(Right.SEE, routes.ROUTES), *served.routes])


ROOM = Room("invoices", _web, counters={"/invoices": lambda session, account_id, _today: service.count(session, account_id)})
