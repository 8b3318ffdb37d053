"""The profile page, which the guide's tiles call User Account."""

from typing import Any

import reflex as rx

from odoportal.core import database
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.profile.forms import DetailsForm
from odoportal.rooms.profile.view import ProfileView, profile_view
from odoportal.ui.form import Field, Form, section
from odoportal.ui.page import current_path, page_url
from odoportal.ui.server_slots import live
from odoportal.ui.shell import LANGUAGE_NAMES
from odoportal.ui.template import Bound, Node, View, el, icon, link, when
from odoportal.web.page import PageRequest


class Profile(PageState, SessionState):
    """The state of the profile page."""

    view: ProfileView = unfilled(ProfileView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(profile_view, who)


def _details() -> Form:
    languages, regions = list(LANGUAGE_NAMES.items()), [("fr-CA", "FR (CA): 12 345,60 $"), ("en-CA", "EN (CA): $12,345.60")]
    return Form(
        "details",
        (
            Field("name", t("Name"), autocomplete="name"),
            Field("phone", t("Phone"), "tel", hint=t("With its area code. Only Odotrack sees it."), autocomplete="tel"),
            (
                Field("language", t("Language"), hint=t("For the portal, on every device, and for our emails."), options=languages),
                Field("region", t("Numbers and dates"), hint=t("Amounts, dates and times."), options=regions),
            ),
        ),
        t("Save"),
        model=DetailsForm,
    )


def _draw(view: Bound) -> Node:
    return (section(t("Who you are"), _details().draw(view, on_done=Profile.retry)), *_link_sections(view))


def _link_section(title: str, path: str, text: str) -> Node:
    go = link(title, icon("chevron-right", small=True), to=page_url(path), cls="button button-second")
    return section(title, el("div", go, cls="layout-row"), text=text)


def _link_sections(view: Bound) -> tuple[Node, ...]:
    changes = _link_section(t("Activity"), "/profile/changes", t("Who changed what in this account, and when."))
    return (
        _link_section(t("Sign-in and security"), "/profile/security", t("Your email address, your password, and where you are signed in.")),
        _link_section(t("Notices"), "/profile/notices", t("Which emails you receive, and who gets a copy of the invoices.")),
        _link_section(t("People"), "/profile/people", t("Who signs in to this account, and what each person can do.")),
        when(view.changes, changes),
        _link_section(
            t("My data"), "/profile/data", t("Download what is kept about you, ask to close the account, read the Privacy page.")
        ),
    )


def page() -> rx.Component:
    """Build the page in the current language."""
    head = View(lambda _: el("div", el("h1", t("Profile")), cls="layout-head"))
    forms = live("profile", View(_draw), Profile.view, Profile.filled)
    return shown_page(Profile, head.component(None), forms, trail=[(current_path(), t("Profile"))])


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Render the page's slots for the document."""
    view = await database.read(profile_view, require_identity())
    return {"profile": View(_draw).html(with_form_feedback(view, page_request))}
