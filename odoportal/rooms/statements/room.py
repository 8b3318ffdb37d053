"""The statement of account: a period's invoices, credit notes and payments."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import list_page
    from odoportal.rooms.statements import page, routes
    from odoportal.rooms.statements.state import Statements

    return Web(
        pages=[list_page("/statement", "Statement", page.page, Statements, page.slots)],
        routes=guarded(Right.SEE, routes.ROUTES),
    )


ROOM = Room("statements", _web)
