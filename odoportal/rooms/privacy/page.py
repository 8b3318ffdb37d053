"""The page "My data" of a signed-in person, and the public privacy page: what is kept and why (Québec's P-39.1, sections 3.1 to 8.2)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import reflex as rx

from odoportal.core import clock, database
from odoportal.core.i18n import current_language, t, tn, written_day
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.room import installed
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.privacy.forms import Close
from odoportal.rooms.privacy.view import DataView, data_view
from odoportal.rooms.signin.models import LinkKind
from odoportal.settings import get_settings
from odoportal.ui.form import Confirm, Field, Form, section
from odoportal.ui.page import page_url
from odoportal.ui.polling import Poll
from odoportal.ui.server_slots import live, slot
from odoportal.ui.shell import public_page
from odoportal.ui.template import Bound, El, LiveOnly, Node, View, el, icon, when
from odoportal.web.page import PageContent, PageRequest

CHANGED_ON = date(2026, 11, 30)
"""The day of the text of the privacy page. Change it with the text."""


class MyData(PageState, SessionState):
    """The state of the page: the data export and the request to close the account."""

    view: DataView = unfilled(DataView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(data_view, who, current_language(), clock.now())


def _poll() -> rx.Component:
    """Reload the view every 5 seconds until the file is ready, for at most 5 minutes. Draws nothing visible."""
    return Poll.create(seconds=5, times=60, on_again=MyData.retry)


def _file(view: Bound) -> Node:
    prepare = Form("prepare", (), t("Prepare my file"))
    fetch = el("a", icon("download"), " ", t("Download my data"), href=view.href, cls="button button-primary", data_out=True)
    status = (
        when(view.waiting, el("p", icon("circle-dashed"), el("span", view.waiting), LiveOnly(_poll), cls="notice notice-quiet")),
        when(view.failed, el("p", icon("circle-alert"), el("span", view.failed), cls="field-error")),
        when(
            view.until,
            el(
                "div",
                el("p", icon("circle-check"), el("span", view.until), cls="notice"),
                el("div", fetch, cls="layout-row"),
                cls="form-status",
            ),
        ),
    )
    return section(
        t("Download my data"),
        el("p", t("One ZIP file with everything that is kept about you here, to read and to use elsewhere (JSON and CSV)."), cls="soft"),
        when(
            view.whole, el("p", t("As an owner you also get the account’s orders, invoices, payments, addresses and devices."), cls="soft")
        ),
        el("div", *status, role="status"),
        prepare.draw(view, on_done=MyData.retry),
        el("p", t("It takes a few minutes at most and stays here for 24 hours."), cls="field-hint"),
    )


def _close(view: Bound) -> Node:
    close = Form(
        "close",
        (Field("reason", t("Reason (optional)")),),
        t("Ask to close the account"),
        model=Close,
        reset=True,
        variant="button-danger",
        confirm=Confirm(
            t("Ask to close the account?"),
            t("Odotrack will be notified and will write to you. You can withdraw the request until the account is closed."),
            t("Ask to close the account"),
        ),
    )
    keep = Form("keep", (), t("Keep the account open"), variant="button-second")
    asked = el(
        "div", el("p", el("span", view.closing), cls="notice notice-quiet"), keep.draw(view, on_done=MyData.retry), cls="form-status"
    )
    return section(
        t("Close the account"),
        el(
            "ul",
            el("li", t("Odotrack answers within one business day, and closes nothing until you agree.")),
            el("li", t("Amounts owed remain owed, and agreements run to their end or are settled with you.")),
            el("li", t("After that, no one can sign in to this account, and its plans end.")),
            el(
                "li",
                t(
                    "Orders, invoices and payments are kept for as long as tax law requires: six years after the end of the tax year they "
                    "relate to."
                ),
            ),
            cls="privacy-bullets",
        ),
        when(view.closing, asked, close.draw(view, on_done=MyData.retry)),
    )


def _body(view: Bound) -> Node:
    privacy_link = el(
        "p", t("What is kept, why, and for how long:"), " ", el("a", t("Privacy"), href=page_url("/privacy"), data_out=True), cls="soft"
    )
    return el("div", _file(view), when(view.whole, _close(view)), privacy_link, cls="layout-stack")


def page() -> rx.Component:
    """Return the page "My data" in the current language."""
    head = View(lambda _: el("div", el("h1", t("My data")), cls="layout-head"))
    content = live("data", View(_body), MyData.view, MyData.filled)
    trail = [("/profile", t("Profile")), ("/profile/data", t("My data"))]
    return shown_page(MyData, head.component(None), content, trail=trail)


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Fill the slots of the document of "My data"."""
    view = await database.read(data_view, require_identity(), page_request.language, clock.now())
    return {"data": View(_body).html(with_form_feedback(view, page_request))}


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> El:
    return el(
        "div",
        el(
            "table",
            el("caption", caption, cls="sr"),
            el("thead", el("tr", *(el("th", head, scope="col") for head in heads))),
            el("tbody", *(el("tr", el("th", first, scope="row"), *(el("td", cell) for cell in rest)) for first, *rest in rows)),
            cls="privacy-kept",
        ),
        cls="table-scroll",
        role="region",
        tabIndex=0,
        aria_label=caption,
    )


def _kept() -> El:
    days = tn("{n} day", "{n} days", get_settings().log_days)
    rows = [(row.what, row.why, row.how_long) for room in installed() for row in room.kept()]
    logs = (t("Server logs: pages requested, your number, your network address"), t("To find faults and attacks"), days)
    return _table(t("What is kept, why, and for how long"), (t("What"), t("Why"), t("How long")), [*rows, logs])


def cookies_in_use() -> list[tuple[tuple[str, ...], str, str]]:
    """Return the cookies: their names, what each is for, and how long it is kept. Where the portal is secure, names have a prefix."""
    return [
        (("odo_session",), t("Keeps you signed in"), t("Until you close the browser, or 30 days if you stay signed in")),
        (
            ("odo_device",),
            t("Recognizes a browser you have signed in with, so that we can notify you of new ones and remember a trusted device"),
            t("12 months; a device is trusted for 30 days"),
        ),
        (("odo_passkey",), t("Ties the use of a passkey to your browser"), t("5 minutes")),
        (
            tuple(f"odo_{kind.value}" for kind in LinkKind),
            t("Holds the second step of a sign-in, or an emailed link you have opened"),
            t("30 minutes at most"),
        ),
        (("odo_language",), t("Remembers your language"), t("12 months")),
    ]


def _cookies() -> Node:
    rows = [(", ".join(names), why, how_long) for names, why, how_long in cookies_in_use()]
    return (
        el("h2", t("Cookies")),
        _table(t("Cookies"), (t("Name"), t("Why"), t("How long")), rows),
        el(
            "p",
            t(
                "Your browser also keeps, on your device only: whether the menu is folded, whether keyboard shortcuts are on, and, until "
                "you close the tab, what you have typed into a form."
            ),
        ),
    )


def _privacy_text() -> Node:
    return (
        el("h1", t("Privacy")),
        el(
            "p",
            t(
                "What ODOportal keeps about you, why, and for how long, as Québec’s Act respecting the protection of personal information "
                "in the private sector requires."
            ),
        ),
        _kept(),
        el("h2", t("How it is collected")),
        el(
            "p",
            t(
                "From you, when you enter it; from Odotrack’s files about your account; from the owners of your account, when they invite "
                "you; and from your browser, when it calls the portal."
            ),
        ),
        _cookies(),
        el("h2", t("What we do not do")),
        el(
            "ul",
            el("li", t("No advertising, no tracking by others, and no cookies other than those above.")),
            el("li", t("No card number is kept here: cards are entered on the payment provider’s page.")),
            el("li", t("This portal does not show where your vehicles are. Such functions stay off until you turn them on.")),
            el("li", t("Nothing is sold or lent.")),
            cls="privacy-bullets",
        ),
        el("h2", t("Who has access")),
        el(
            "p",
            t(
                "Odotrack’s customer service, billing and technical staff, each as far as their work requires; and the companies that "
                "Odotrack pays to host the portal, send emails and take payments. Some of these may keep or process data outside Québec."
            ),
        ),
        el("h2", t("Your rights")),
        el(
            "p",
            t(
                "In Profile, you can see, correct and download what is kept about you. You can withdraw your consent, object, or ask for "
                "it to be erased: write to the person responsible, named below. You will have an answer within 30 days."
            ),
        ),
        el(
            "p",
            t(
                "To make a complaint, write to the same person; you will have an answer in writing within 30 days. You can also file a "
                "complaint with the Commission d’accès à l’information du Québec (www.cai.gouv.qc.ca)."
            ),
        ),
        el("h2", t("Changes")),
        el("p", t("This text was last changed on {day}. Changes are announced on this page.", day=written_day(CHANGED_ON))),
        el("h2", t("Who is responsible")),
        _responsible(),
    )


def _responsible() -> El:
    settings = get_settings()
    who = settings.privacy_officer or t("The person in charge of the protection of personal information")
    email, phone = settings.support_email, settings.support_phone
    mail = [el("a", email, href=f"mailto:{email}", data_out=True)] if email else []
    lines = [
        *(el("span", line) for line in (who, *settings.company_lines(current_language()))),
        *mail,
        *([el("span", phone)] if phone else []),
    ]
    return el("p", *[piece for line in lines for piece in (line, el("br"))][:-1])


def privacy() -> rx.Component:
    """Return the public privacy page in the current language."""
    return public_page(rx.el.article(slot("privacy"), class_name="card card-pad card-prose"), reload_document=True)


async def fill_privacy(_page_request: PageRequest) -> PageContent:
    """Fill in the text, of which the settings know a part: who is in charge, and how long logs are kept."""
    return PageContent({"privacy": View(lambda _: _privacy_text()).html(None)})
