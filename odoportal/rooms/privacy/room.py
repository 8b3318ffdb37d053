"""The privacy room: My data, the request to close an account, and the public page on privacy."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.privacy import service
from odoportal.rooms.privacy.activity import ACTIVITY
from odoportal.rooms.privacy.revoke import revoke


def _web() -> Web:
    from odoportal.accounts.rights import Right, guarded
    from odoportal.pages.kinds import forms_page
    from odoportal.rooms.privacy import forms, page, routes
    from odoportal.web.page import Page

    return Web(
        pages=[
            forms_page("/profile/data", "My data", page.page, page.MyData, page.slots, forms.HANDLERS),
            Page("/privacy", "Privacy", page.privacy, fill=page.fill_privacy, private=False),
        ],
        routes=guarded(Right.SEE, routes.ROUTES),
    )


def _kept() -> list[KeptData]:
    return [
        KeptData(t("Emails we sent you"), t("To show that you were notified"), t("As long as you have access")),
    ]


ROOM = Room("privacy", _web, activity=ACTIVITY, kept=_kept, purges=[service.purge_expired], revoke=revoke, jobs=[service.JOB])
