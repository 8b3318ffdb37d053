"""The help page, the user guide and the error pages."""

import reflex as rx

from odoportal.core.i18n import current_language, other_language, t
from odoportal.pages.layout import private_page
from odoportal.pages.state import SessionState
from odoportal.ui.coming_soon import REACH
from odoportal.ui.common import wordmark
from odoportal.ui.page import page_url
from odoportal.ui.server_slots import live
from odoportal.ui.shell import language_link, public_page
from odoportal.ui.template import El, Node, View, el, icon, link


def page() -> rx.Component:
    """Return the help page in the current language."""
    guide = View(
        lambda _: (
            el("div", el("h1", t("Help")), cls="layout-head"),
            el(
                "section",
                el("h2", t("User guide")),
                el("p", t("How to sign in, and how to find your orders and invoices."), cls="soft"),
                el(
                    "div",
                    link(icon("book-open"), t("Read user guide"), to=page_url("/guide"), cls="button button-second"),
                    cls="layout-row",
                ),
                cls="card card-pad layout-stack",
            ),
            el(
                "section",
                el("h2", t("Privacy")),
                el("p", t("What is kept about you, why, and for how long."), cls="soft"),
                el(
                    "div",
                    link(icon("book-open"), t("Read the Privacy page"), to=page_url("/privacy"), cls="button button-second"),
                    cls="layout-row",
                ),
                cls="card card-pad layout-stack",
            ),
        )
    )
    reach = View(lambda _: (el("h2", t("Contact Odotrack")), el("p", t("We answer within one business day."), cls="soft")))
    return private_page(
        guide.component(None),
        rx.el.section(
            reach.component(None), live("reach", REACH, SessionState.shell, SessionState.ready), class_name="card card-pad layout-stack"
        ),
        trail=[("/help", t("Help"))],
    )


def _part(title: str, *steps: str) -> El:
    return el("section", el("h2", title), el("ol", *(el("li", step) for step in steps)))


def _guide() -> Node:
    return el(
        "article",
        el("h1", t("User guide")),
        el("p", t("You can access all your orders and invoices through your Odotrack Portal. Here is the procedure to follow.")),
        _part(
            t("Connection to the portal"),
            t("From the website www.odotrack.com click on ODOportal."),
            t("Enter your email address and password."),
            t("Click LOGIN to log in to your account."),
            t("Click FORGOT PASSWORD? if you have forgotten your password and follow the reset procedure."),
        ),
        _part(
            t("Home page of the ODOportal"),
            t(
                "On the home page of your portal, both in the left section and in the middle section, "
                "you will find an Orders tab as well as an Invoices tab."
            ),
            t("Click on the desired section."),
        ),
        _part(
            t("Orders"),
            t("In the Orders section, you will see the summary of the different orders created for the account."),
            t("On the right of the screen, in the Actions section, click on the Details button to view the desired order."),
            t("Or click on the Invoices button to view the invoices associated with this order."),
        ),
        _part(
            t("Invoices"),
            t("In the Invoices section, you will see the list of invoices created for the account."),
            t("On the right of the screen, in the Actions section, click on the Details button to view the desired invoice."),
        ),
        cls="card card-pad card-prose",
    )


def guide() -> rx.Component:
    """Return the bundled user guide, a public page. It is used until the address of the guide's PDF is configured."""
    return public_page(View(lambda _: _guide()).component(None))


def not_found() -> rx.Component:
    """Return the page for an address that does not exist."""
    home = el("a", t("Go to the Dashboard"), href=page_url("/"), cls="button button-primary")
    away = el("div", home, language_link(other_language(current_language()), cls="button button-plain"), cls="layout-row")
    return _plain("package-open", t("This page does not exist"), t("The address is mistyped, or the page has moved."), away)


def unavailable() -> rx.Component:
    """Return the page that is shown while the database does not respond. It works without JavaScript and at any address."""
    again = el("div", el("a", t("Try again"), href="", cls="button button-primary"), cls="layout-row")
    return _plain("triangle-alert", t("The portal is not available right now"), t("Nothing was lost. Try again in a moment."), again)


def too_many_requests() -> rx.Component:
    """Return the page for a client that sends more requests than a person would. It works without JavaScript and at any address."""
    again = el("div", el("a", t("Try again"), href="", cls="button button-primary"), cls="layout-row")
    words = t("Too many pages or documents were requested. Wait a minute, then try again.")
    return _plain("triangle-alert", t("Too many requests at once"), words, again)


def _plain(shape: str, title: str, words: str, actions: El) -> rx.Component:
    text = View(lambda _: el("div", icon(shape), el("h1", title), el("p", words), actions, cls="empty"))
    top = View(lambda _: el("header", el("a", *wordmark(), href=page_url("/"), cls="logo", aria_label="ODOportal"), cls="header"))
    return rx.fragment(top.component(None), rx.el.main(text.component(None), id="main", class_name="shell-main"))
