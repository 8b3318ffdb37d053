"""The page "My data" of a signed-in person, and the public privacy page: what is kept and why (Québec's Law 25)."""

from typing import Any

import reflex as rx

from odoportal.core import clock, database
from odoportal.core.i18n import current_language, t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.room import KeptData, installed
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.privacy.forms import Close
from odoportal.rooms.privacy.view import DataView, data_view
from odoportal.settings import get_settings
from odoportal.ui.form import Confirm, Field, Form, section
from odoportal.ui.page import page_url
from odoportal.ui.polling import Poll
from odoportal.ui.server_slots import live, slot
from odoportal.ui.shell import public_page
from odoportal.ui.template import Bound, El, LiveOnly, Node, View, el, icon, when
from odoportal.web.page import PageContent, PageRequest


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
    fetch = el("a", icon("download"), " ", t("Fetch my data"), href=view.href, cls="button button-primary", data_out=True)
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
        el("p", t("One ZIP file with all that is kept on you here, to read and to use elsewhere (JSON and CSV)."), cls="soft"),
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
        (Field("reason", t("Why (if you want to say)")),),
        t("Ask to close the account"),
        model=Close,
        reset=True,
        variant="button-danger",
        confirm=Confirm(
            t("Ask to close the account?"),
            t("Odotrack will be told and will write to you. You can take it back until it is done."),
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
            el("li", t("Odotrack answers within one working day, and closes nothing before you have agreed.")),
            el("li", t("What is owed stays owed, and agreements run to their end or are settled with you.")),
            el("li", t("Then nobody signs in for this account any more, and its plans end.")),
            el("li", t("Orders, invoices and payments are kept as long as tax law asks: six years after the year they are of.")),
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


def _retention_row(row: KeptData) -> El:
    return el("tr", el("th", row.what, scope="row"), el("td", row.why), el("td", row.how_long))


def _privacy_text() -> Node:
    rows = [_retention_row(row) for room in installed() for row in room.kept()]
    table = el(
        "div",
        el(
            "table",
            el("caption", t("What is kept, why, and for how long"), cls="sr"),
            el("thead", el("tr", el("th", t("What"), scope="col"), el("th", t("Why"), scope="col"), el("th", t("How long"), scope="col"))),
            el("tbody", *rows),
            cls="privacy-kept",
        ),
        cls="table-scroll",
        role="region",
        tabIndex=0,
        aria_label=t("What is kept, why, and for how long"),
    )
    return (
        el("h1", t("Privacy")),
        el("p", t("What ODOportal keeps on you, why, and for how long, as Québec’s Law 25 asks us to say.")),
        table,
        el("h2", t("What we do not do")),
        el(
            "ul",
            el("li", t("No advertising, no tracking by others, no cookie but those that keep you signed in and remember your language.")),
            el("li", t("No card number is kept here: cards are typed in at the payment provider’s.")),
            el("li", t("Where your vehicles are is not shown in this portal. Such functions stay off until you switch them on.")),
            el("li", t("Nothing is sold or lent. Only who serves you sees it: Odotrack and those it pays to send mail and take payments.")),
            cls="privacy-bullets",
        ),
        el("h2", t("Your rights")),
        el("p", t("See, correct and take home what is kept on you in Profile. Ask us to erase it, or object, by writing to us.")),
        el("h2", t("Who is responsible")),
    )


def privacy() -> rx.Component:
    """Return the public privacy page in the current language."""
    text = rx.el.article(View(lambda _: _privacy_text()).component(None), slot("responsible"), class_name="card card-pad card-prose")
    return public_page(text, reload_document=True)


async def fill_privacy(_page_request: PageRequest) -> PageContent:
    """Fill in the person in charge of privacy and the company's address from the settings."""
    settings = get_settings()
    mail = el("a", settings.support_email, href=f"mailto:{settings.support_email}", data_out=True) if settings.support_email else None
    who = settings.privacy_officer or t("The person in charge of the protection of personal information")
    lines = [el("span", line) for line in (who, *settings.company_lines)]
    broken = [piece for line in [*lines, *([mail] if mail else [])] for piece in (line, el("br"))][:-1]
    return PageContent({"responsible": View(lambda _: el("p", *broken)).html(None)})
