"""The notifications page, under Profile."""

from typing import Any

import reflex as rx

from odoportal.core import clock, database
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.notifications.forms import Choices, NewCopy
from odoportal.rooms.notifications.labels import always_sent_labels, kind_hints, kind_labels
from odoportal.rooms.notifications.models import NotificationKind
from odoportal.rooms.notifications.view import NoticesView, notices_view
from odoportal.ui.form import Confirm, Field, Form, section
from odoportal.ui.page import current_path
from odoportal.ui.server_slots import live
from odoportal.ui.shell import LANGUAGE_NAMES
from odoportal.ui.template import Bound, Node, View, each, el, icon, when
from odoportal.web.page import PageRequest


class Notices(PageState, SessionState):
    """The notifications page: which mails a person gets."""

    view: NoticesView = unfilled(NoticesView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(notices_view, who, clock.now())


def _choices() -> Form:
    words, hints = kind_labels(), kind_hints()
    return Form(
        "choices",
        tuple(Field(kind.value, words[kind], hint=hints[kind], cls="field-helped") for kind in NotificationKind),
        t("Save"),
        model=Choices,
    )


def _always() -> Node:
    lines = (el("li", icon("circle-check", small=True, cls="ok"), el("span", text)) for text in always_sent_labels())
    return section(
        t("Always sent"),
        el("ul", *lines, cls="record-can"),
        text=t("These emails protect your access or answer something you asked for. They cannot be turned off."),
    )


def _copies(view: Bound) -> Node:
    ask = Form(
        "copy",
        (
            (
                Field("email", t("Email")),
                Field("language", t("Language"), options=list(LANGUAGE_NAMES.items())),
            ),
        ),
        t("Add the address"),
        model=NewCopy,
        reset=True,
        variant="button-second",
    )
    sure = Confirm(
        t("Remove this address?"), t("It will no longer receive copies, and must be confirmed again if you add it back."), t("Remove")
    )

    def one(row: Bound) -> Node:
        again = Form("copy_again", (), t("Send again"), variant="button-second button-small", cls="layout-inline").button(
            row.key, view.copy_again, on_done=Notices.retry
        )
        keep = Form("copy_keep", (), t("Resume sending"), variant="button-second button-small", cls="layout-inline").button(
            row.key, view.copy_keep, on_done=Notices.retry
        )
        gone = Form("copy_remove", (), t("Remove"), variant="button-plain button-small", cls="layout-inline", confirm=sure)
        state = (
            when(row.on, el("span", icon("circle-check", small=True), row.on, cls="badge ok")),
            when(row.waits, el("span", row.waits, cls="soft")),
            when(row.off, el("span", icon("clock", small=True), row.off, cls="badge warn")),
        )
        why = when(row.held, el("p", row.held, cls="soft"))
        said = el("div", el("b", row.key, cls="breaks"), el("p", row.language, " · ", state), why)
        buttons = (when(row.asks, again), when(row.held, keep), gone.button(row.key, view.copy_remove, on_done=Notices.retry))
        return el("li", said, el("div", *buttons, cls="layout-actions", role="group", aria_label=row.key))

    return section(
        t("Copies of invoices"),
        when(view.copies, el("ul", each(view.copies, one), cls="record-asked"), el("p", t("No address receives copies yet."), cls="soft")),
        ask.draw(view, on_done=Notices.retry),
        text=t(
            "Each new invoice is also sent to these addresses as a PDF: to your accountant, for instance. Each "
            "address must be confirmed first."
        ),
    )


def _draw(view: Bound) -> Node:
    chosen = section(t("Emails you receive"), el("p", view.about, cls="soft"), _choices().draw(view, on_done=Notices.retry))
    return el("div", chosen, when(view.may, _copies(view)), _always(), cls="layout-stack")


def page() -> rx.Component:
    """Return the page in the current language."""
    head = View(lambda _: el("div", el("h1", t("Notices")), cls="layout-head"))
    content = live("notices", View(_draw), Notices.view, Notices.filled)
    return shown_page(Notices, head.component(None), content, trail=[("/profile", t("Profile")), (current_path(), t("Notices"))])


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Return the HTML that the server writes into each slot of the document, in the current language."""
    view = await database.read(notices_view, require_identity(), clock.now())
    return {"notices": View(_draw).html(with_form_feedback(view, page_request))}
