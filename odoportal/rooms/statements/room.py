"""The statement of account: a period's invoices, credit notes and payments."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import view_page
    from odoportal.rooms.statements import page, routes

    return Web(
        pages=[view_page("/statement", "Statement", page.page, page.Statements, page.slots)],
        routes=guarded(Right.SEE, routes.ROUTES),
    )


ROOM = Room("statements", _web)
