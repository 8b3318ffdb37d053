"""Which mails one gets, under Profile."""

import reflex as rx

from odoportal.accounts.page import shown_page
from odoportal.foundation import database
from odoportal.foundation.forms import answered
from odoportal.foundation.i18n import t
from odoportal.foundation.identity import require
from odoportal.foundation.web import Asked
from odoportal.notices.models import Kind
from odoportal.notices.state import Notices
from odoportal.notices.view import notices_view
from odoportal.notices.words import always_words, kind_hints, kind_words
from odoportal.ui.form import Field, Form, section
from odoportal.ui.markup import Node, Ref, View, el, icon
from odoportal.ui.page import here
from odoportal.ui.slots import live


def _choices() -> Form:
    words, hints = kind_words(), kind_hints()
    return Form("choices", tuple(Field(kind.value, words[kind], "checkbox", hint=hints[kind], cls="helped") for kind in Kind), t("Save"))


def _always() -> Node:
    lines = (el("li", icon("circle-check", small=True, cls="ok"), el("span", text)) for text in always_words())
    return section(
        t("Always sent"),
        el("ul", *lines, cls="can"),
        text=t("These protect your access or answer what you asked for. They cannot be switched off."),
    )


def _draw(view: Ref) -> Node:
    chosen = section(t("Which mails you get"), el("p", view.about, cls="soft"), _choices().draw(view, on_done=Notices.retry))
    return el("div", chosen, _always(), cls="stack")


def page() -> rx.Component:
    """The page, in the language in use."""
    head = View(lambda _: el("div", el("h1", t("Notices")), cls="head"))
    content = live("notices", View(_draw), Notices.view, Notices.filled)
    return shown_page(Notices, head.component(None), content, trail=[("/profile", t("Profile")), (here(), t("Notices"))])


async def slots(asked: Asked) -> dict[str, str]:
    """What the server writes into the document."""
    view = await database.read(notices_view, require())
    return {"notices": View(_draw).html(answered(view, asked))}
