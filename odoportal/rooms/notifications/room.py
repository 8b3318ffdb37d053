"""The notifications room (Notices): which mails a person gets, the mails, and addresses that get copies of invoices."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.notifications import copies
from odoportal.rooms.notifications.activity import ACTIVITY
from odoportal.rooms.notifications.revoke import revoke


def _web() -> Web:
    from odoportal.mail.outbox import UNSUBSCRIBE
    from odoportal.pages.kinds import forms_page
    from odoportal.rooms.notifications import forms, page, routes
    from odoportal.rooms.signin.page import page as signin_page
    from odoportal.web.page import Page

    return Web(
        pages=[
            forms_page("/profile/notices", "Notices", page.page, page.Notices, page.slots, forms.HANDLERS),
            Page("/copy", "Copies of invoices", signin_page, fill=routes.fill_copy, post=routes.post_copy, private=False),
            Page(
                UNSUBSCRIBE,
                "Stop these emails",
                signin_page,
                fill=routes.fill_unsubscribe,
                post=routes.post_unsubscribe,
                private=False,
                from_anywhere=True,
            ),
        ]
    )


def _kept() -> list[KeptData]:
    return [
        KeptData(t("Notices you chose to receive"), t("To write to you only as you wish"), t("As long as you have access")),
        KeptData(
            t("Addresses that get copies of invoices"),
            t("To send them what you asked for, once they have agreed"),
            t("Until they are removed; unconfirmed ones for 37 days"),
        ),
    ]


ROOM = Room("notifications", _web, activity=ACTIVITY, kept=_kept, purges=[copies.purge_expired], revoke=revoke)
