"""The layout around every page of a signed-in person: header, sidebar, drawer, breadcrumb."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from odoportal.core.i18n import current_language, other_language, t
from odoportal.ui import menu as places
from odoportal.ui.client import ColourScheme, FloatingNotice, KeyboardShortcuts, LanguageLink, SessionWarning, SideToggle
from odoportal.ui.common import wordmark
from odoportal.ui.page import current_path, page_url
from odoportal.ui.server_slots import live
from odoportal.ui.template import Bound, El, LiveOnly, Node, View, each, el, icon, link, when

LANGUAGE_NAMES = {"fr": "Français", "en": "English"}


def _popover_button(*children: Node, target: str, label: str, cls: str = "header-button") -> El:
    return el("button", *children, type="button", cls=cls, popoverTarget=target, aria_label=label)


def _launch_button(view: Bound, cls: str) -> Node:
    return when(
        view.launch_url,
        el(
            "a",
            t("Launch ODOTRACK"),
            icon("arrow-up-right", small=True),
            href=view.launch_url,
            cls=f"button button-launch {cls}",
            data_out=True,
        ),
    )


def language_link(language: str, *, cls: str = "", reload_document: bool = False) -> LiveOnly:
    """Return a link to this page in a language. With script it keeps the search; without script it drops the search.

    Args:
        language: the language it leads to.
        cls: CSS classes.
        reload_document: always load a new document, because the page has parts that only the server fills.
    """
    name, to = LANGUAGE_NAMES[language], page_url(current_path(), language)
    current_page = {"aria_current": "true"} if language == current_language() else {}

    def live_link() -> rx.Component:
        return LanguageLink.create(
            name,
            to=to,
            language=language,
            reload_document=reload_document,
            class_name=cls,
            custom_attrs={"aria-current": "true"} if current_page else {},
        )

    return LiveOnly(live_link, el("a", name, href=to, hrefLang=language, lang=language, cls=cls, **current_page))


def _language_menu() -> tuple[El, El]:
    button = _popover_button(
        current_language().upper(),
        icon("chevron-down", small=True),
        target="language-menu",
        label=t("{code}, language: {name}", code=current_language().upper(), name=LANGUAGE_NAMES[current_language()]),
    )
    return button, el("div", language_link("fr"), language_link("en"), id="language-menu", popover="auto", cls="menu header-language")


def _region_form(view: Bound) -> El:
    def choice(region: str, text: str, on: Node, off: Node) -> El:
        return el("button", when(view.region_en, on, off), text, type="submit", name="region", value=region)

    yes, no = icon("check", small=True), el("span", cls="icon icon-small")
    return el("form", choice("en-CA", "EN (CA)", yes, no), choice("fr-CA", "FR (CA)", no, yes), method="post", action="/auth/region")


def _region_menu(view: Bound) -> tuple[El, El]:
    shown = when(view.region_en, "EN (CA)", "FR (CA)")
    button = _popover_button(
        shown, icon("chevron-down", small=True), target="region-menu", label=t("Format of numbers and dates"), cls="header-button wide"
    )
    return button, el(
        "div", el("p", t("Format of numbers and dates")), _region_form(view), id="region-menu", popover="auto", cls="menu header-region"
    )


def _accounts(view: Bound) -> Node:
    def account_link(row: Bound) -> El:
        return el(
            "a", when(row.current, icon("check", small=True), el("span", cls="icon icon-small")), row.name, href=row.url, data_out=True
        )

    return when(view.several, el("div", el("p", t("Accounts")), each(view.accounts, lambda row: el("div", account_link(row))), el("hr")))


def _user_menu(view: Bound) -> tuple[El, El]:
    who = el("span", view.name, el("small", view.account), cls="header-who wide")
    button = el(
        "button",
        el("span", view.initials, cls="header-initials", aria_hidden="true"),
        who,
        el("span", view.name, cls="sr narrow"),
        icon("chevron-down", small=True, cls="wide"),
        type="button",
        cls="header-button",
        popoverTarget="user-menu",
        aria_haspopup="true",
    )
    sign_out = el(
        "form",
        el("input", type="hidden", name="language", value=current_language()),
        el("button", icon("log-out"), t("Sign out"), type="submit"),
        method="post",
        action="/auth/sign-out",
    )
    menu = el(
        "div",
        el("p", el("b", view.name), el("br"), view.email, el("br"), view.account),
        el("hr"),
        _accounts(view),
        link(icon("circle-user-round"), t("Profile"), to=page_url("/profile")),
        link(icon("users"), t("People"), to=page_url("/profile/people")),
        el("div", el("p", t("Format of numbers and dates")), _region_form(view), cls="narrow"),
        LiveOnly(lambda: ColourScheme.create(label=t("Colours"), system=t("System"), light=t("Light"), dark=t("Dark"))),
        el("button", icon("list-checks"), t("Keyboard shortcuts"), type="button", popoverTarget="keys", cls="wide"),
        el("hr"),
        sign_out,
        id="user-menu",
        popover="auto",
        cls="menu header-user",
    )
    return button, menu


def _header(view: Bound) -> Node:
    return (
        when(view.beta, el("span", "BETA", cls="header-beta")),
        el("span", cls="push"),
        _launch_button(view, "tab"),
        *_language_menu(),
        *_region_menu(view),
        *_user_menu(view),
    )


def _demo_day(view: Bound) -> Node:
    text = t("Demonstration: the business day is {day}.", day="{day}").split("{day}")
    return when(view.demo_day, el("aside", text[0], el("b", view.demo_day), text[1], cls="shell-demo", aria_label=t("Demonstration")))


HEADER = View(_header)
DEMO_DAY = View(_demo_day)


def _entry(place: places.Place, shell: Any) -> Node:
    def count() -> rx.Component:
        return rx.el.span(shell.counts[place.path], class_name="shell-count")

    inside = place.path != "/" and current_path().startswith(f"{place.path}/")
    current_page = {"aria_current": "page"} if place.path == current_path() else {"aria_current": "true"} if inside else {}
    return link(icon(place.icon), place.name, LiveOnly(count) if place.counted else None, to=page_url(place.path), **current_page)


def _sidebar(shell: Any) -> Node:
    def group(title: str, entries: Sequence[places.Place], name: str) -> El:
        return el("div", el("h2", title, id=name), el("ul", *(el("li", _entry(p, shell)) for p in entries), aria_labelledby=name))

    grouped = [group(title, entries, f"group-{i}") for i, (title, entries) in enumerate(places.groups())]
    return el("nav", el("ul", el("li", _entry(places.dashboard(), shell))), *grouped, cls="shell-side", aria_label=t("Menu"))


def _drawer(shell: Any) -> El:
    def group(title: str, entries: Sequence[places.Place]) -> El:
        return el("div", el("p", title, cls="shell-group"), el("ul", *(el("li", _entry(p, shell)) for p in entries)))

    grouped = [group(title, entries) for title, entries in places.groups()]
    menu = el("nav", el("ul", el("li", _entry(places.dashboard(), shell))), *grouped, cls="shell-side", aria_label=t("Menu"))

    def launch() -> rx.Component:
        return View(lambda view: _launch_button(view, "button-block")).component(shell)

    return el(
        "aside",
        menu,
        el(
            "div",
            LiveOnly(launch),
            el("div", language_link(other_language(current_language()), cls="button button-second button-block")),
            cls="shell-foot",
        ),
        id="drawer",
        popover="auto",
        cls="shell-drawer",
        aria_label=t("Menu"),
    )


def breadcrumb(*trail: tuple[str, str]) -> El:
    """Return the breadcrumb from the Dashboard to this page; each step is a path and a name, this page last."""
    steps = [("/", t("Dashboard")), *trail]
    items: list[Node] = []
    for path, name in steps:
        last = (path, name) == steps[-1]
        items.append(
            el(
                "li",
                icon("chevron-right", small=True) if path != "/" else None,
                el("span", name, aria_current="page") if last else link(name, to=page_url(path)),
            )
        )
    return el("nav", el("ol", *items, cls="shell-crumb"), aria_label=t("Breadcrumb"))


def public_page(content: rx.Component, *, reload_document: bool = False) -> rx.Component:
    """Return a page that anyone may read, with the logo and a link to the other language; `reload_document` as in `language_link`."""
    home = link(*wordmark(), to=page_url("/"), cls="logo", aria_label="ODOportal")
    top = View(
        lambda _: el(
            "header",
            home,
            el("span", cls="push"),
            language_link(other_language(current_language()), cls="header-button", reload_document=reload_document),
            cls="header",
        )
    )
    return rx.fragment(top.component(None), rx.el.main(content, id="main", class_name="shell-main shell-narrow"))


def shell(*content: rx.Component, state: Any, trail: Sequence[tuple[str, str]] = ()) -> rx.Component:
    """Return the page layout: header, sidebar, breadcrumb, dialogs.

    Args:
        content: what the page shows.
        state: the state class of the signed-in person (see `pages.state`).
        trail: path and name of each step after the Dashboard, this page last.
    """
    brand = link(*wordmark(), to=page_url("/"), cls="logo", aria_label="ODOportal")
    frame = View(lambda _: brand)
    keys = KeyboardShortcuts.create(
        title=t("Keyboard shortcuts"),
        off=t("Turn off single-key shortcuts"),
        on=t("Turn on single-key shortcuts"),
        close=t("Close"),
        keys=[
            ["/", t("Search")],
            ["j", t("Next row")],
            ["k", t("Previous row")],
            ["Enter", t("Open the row")],
            ["Esc", t("Close")],
            ["?", t("Keyboard shortcuts")],
        ],
    )
    session = SessionWarning.create(
        gone=state.gone,
        ends=state.ends,
        title=t("Your session is about to end."),
        text=t("If you stay signed in, you keep what is on the screen."),
        stay=t("Stay signed in"),
        on_stay=state.stay,
    )
    return rx.fragment(
        View(lambda _: el("a", t("Skip to the content"), href="#main", cls="shell-skip")).component(None),
        rx.el.header(
            SideToggle.create(View(lambda _: icon("menu")).component(None), label=t("Menu")),
            frame.component(None),
            live("header", HEADER, state.shell, state.ready),
            class_name="header",
        ),
        live("demo-day", DEMO_DAY, state.shell, state.ready),
        rx.el.div(
            View(lambda _: _sidebar(state.shell)).component(None),
            rx.el.main(View(lambda _: breadcrumb(*trail)).component(None), *content, id="main", tab_index=-1, class_name="shell-main"),
            class_name="shell",
        ),
        View(lambda _: _drawer(state.shell)).component(None),
        keys,
        session,
        FloatingNotice.create(count=state.denied, text=t("Your role in this account does not allow this."), close=t("Close")),
        FloatingNotice.create(
            count=state.troubles,
            text=t(
                "Something went wrong on our side. Nothing was lost. Try again in a moment. If you write to us, give "
                "this reference: {number}.",
                number="{number}",
            ),
            number=state.reference,
            close=t("Close"),
        ),
    )
