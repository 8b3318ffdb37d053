"""The card room: an account's credit cards on file."""

from odoportal.core.i18n import t
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.cards import flow, service
from odoportal.rooms.cards.activity import ACTIVITY


def _web() -> Web:
    from odoportal.pages.kinds import forms_page
    from odoportal.rooms.cards import forms, page, routes, sandbox_page

    return Web(
        pages=[forms_page("/cards", "Credit cards", page.page, page.Cards, page.slots, forms.HANDLERS, leads_to=flow.form_origins())],
        routes=[*routes.ROUTES, *sandbox_page.ROUTES],
    )


def _kept() -> list[KeptData]:
    return [KeptData(t("Cards: brand, last four digits, expiry date"), t("To pay as you asked"), t("Until they are removed"))]


ROOM = Room("cards", _web, activity=ACTIVITY, kept=_kept, purges=[service.purge_expired], jobs=[flow.JOB])
