"""The page of credit cards."""

from dataclasses import replace
from typing import Any

import reflex as rx

from odoportal.core.i18n import current_language, t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.cards.view import CardsView, load_view
from odoportal.rooms.signin.confirmation import ConfirmationUnlessFresh
from odoportal.ui.common import empty
from odoportal.ui.dialog import dialog, dialog_html, frame
from odoportal.ui.form import Form, password_again
from odoportal.ui.page import current_path
from odoportal.ui.polling import Poll
from odoportal.ui.server_slots import live
from odoportal.ui.template import Bound, El, LiveOnly, Node, View, each, el, icon, link, when
from odoportal.web.page import PageRequest


class Cards(PageState, SessionState):
    """The state of the page of cards."""

    view: CardsView = unfilled(CardsView())

    async def _fetch(self, who: Identity) -> Any:
        return await load_view(who, self.router.url.query_parameters, current_language())


POLL_SECONDS = 3
POLL_TIMES = 20


def _add(view: Bound) -> Node:
    return when(view.offered, Form("add", (), t("Add a card"), cls="form cards-only").draw(view))


def _badge(shape: str, text: Bound, tone: str) -> Node:
    return when(text, el("span", icon(shape, small=True), text, cls=f"badge {tone}"))


def _card(row: Bound, view: Bound) -> El:
    states = (
        _badge("circle-check", row.default, "ok"),
        _badge("clock", row.soon, "warn"),
        _badge("triangle-alert", row.over, "bad-t"),
    )
    make_default = Form("default", (), t("Make default"), variant="button-second", cls="form cards-only").button(row.key, view.default)
    remove = link(t("Remove"), el("span", " ", row.name, cls="sr"), to=row.open, how="open", data_open=row.key, cls="button button-plain")
    acts = el("div", when(row.default, None, when(row.over, None, make_default)), remove, cls="layout-row layout-actions")
    about = el(
        "div",
        el("h2", row.name, cls="b"),
        el("p", row.expiry, cls="small"),
        el("p", row.added, cls="small soft"),
    )
    return el(
        "li",
        el("div", icon("credit-card"), about, el("div", *states, cls="layout-row cards-states"), when(view.may, acts), cls="cards-card"),
    )


def _result(view: Bound) -> tuple[Node, ...]:
    """Show the result of a card setup or of a submitted form. The live regions are always rendered, so that changes are announced."""
    waiting = el(
        "p",
        icon("circle-dashed"),
        el("span", view.waiting, " ", el("a", t("Check again"), href=view.again)),
        LiveOnly(lambda: Poll.create(seconds=POLL_SECONDS, times=POLL_TIMES, on_again=Cards.retry)),
        cls="notice notice-quiet",
    )
    return (
        el(
            "div",
            when(view.good, el("p", icon("circle-check"), el("span", view.good), cls="notice")),
            when(view.waiting, waiting),
            role="status",
            cls="cards-told",
        ),
        el(
            "div",
            when(view.bad, el("p", icon("circle-alert"), el("span", view.bad), cls="notice notice-wrong")),
            when(view.default.error, el("p", icon("circle-alert"), el("span", view.default.error), cls="notice notice-wrong")),
            role="alert",
            cls="cards-told",
        ),
    )


def _list(view: Bound) -> Node:
    no_cards = empty(
        "credit-card",
        t("No cards yet"),
        when(
            view.offered,
            t("Add a card on our payment provider’s page. We never see the card number."),
            t("Cards used to pay this account’s invoices appear here."),
        ),
    )
    rows = el("ul", each(view.cards, lambda row: _card(row, view)), cls="cards-list")
    stored_note = el(
        "p",
        t("We keep the brand, last four digits and expiry date. The number stays with the payment provider."),
        cls="small soft cards-note",
    )
    test = when(
        view.test, el("p", icon("circle-help"), el("span", t("Test payments: no money moves.")), cls="notice notice-quiet cards-test")
    )
    return (*_result(view), test, el("section", when(view.cards, rows, no_cards), cls="card", aria_label=t("Cards on file")), stored_note)


def _details(details: Bound) -> Node:
    cancel = link(t("Keep it"), to=details.close, cls="button button-second")
    verb = t("Remove this card")
    plain = Form("remove", (), verb, variant="button-danger", aside=cancel)
    with_password = Form("remove", (password_again(),), verb, model=ConfirmationUnlessFresh, variant="button-danger", aside=cancel)
    body = el(
        "div",
        el("p", details.expiry),
        el("p", details.added, cls="soft"),
        when(details.heir, el("p", details.heir)),
        when(details.fresh, plain.draw(details), with_password.draw(details)),
        cls="dialog-body dialog-one",
    )
    return frame(details, details.number, None, body, None, t("This card is no longer on file."))


ADD = View(_add)
LIST = View(_list)
DETAILS = View(_details)


def page() -> rx.Component:
    """Return the page in the current language."""
    head = rx.el.div(
        View(lambda _: el("h1", t("Credit cards"))).component(None),
        rx.el.span(class_name="push"),
        live("add", ADD, Cards.view, Cards.filled),
        class_name="layout-head",
    )
    return shown_page(
        Cards, head, live("cards", LIST, Cards.view, Cards.filled), dialog(DETAILS, Cards), trail=[(current_path(), t("Credit cards"))]
    )


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Fill the slots of the document."""
    view = await load_view(require_identity(), page_request.query, page_request.language)
    if page_request.feedback is not None and page_request.feedback.form == "default":
        # All cards share one "make default" form: give it the key of the card whose button was pressed.
        view = replace(view, default=replace(view.default, key=page_request.feedback.key))
    view = with_form_feedback(view, page_request)
    return {"add": ADD.html(view), "cards": LIST.html(view), "dialog": dialog_html(DETAILS, with_form_feedback(view.details, page_request))}
