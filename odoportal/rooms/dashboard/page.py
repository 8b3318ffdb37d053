"""The home page, as in the user guide: a tile for each place, and the application beside them."""

from typing import Any

import reflex as rx

from odoportal.core import clock, database
from odoportal.core.i18n import current_language, t
from odoportal.core.identity import Identity, require_identity
from odoportal.pages.layout import private_page
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.dashboard.view import CHART_HEIGHT, CHART_LEFT, CHART_WIDTH, HomeView, home_view
from odoportal.ui import menu
from odoportal.ui.load_error import content_or_error
from odoportal.ui.page import page_url
from odoportal.ui.server_slots import live
from odoportal.ui.template import Bound, El, Node, View, choose, each, el, icon, link, when
from odoportal.web.page import PageRequest


class Home(PageState, SessionState):
    """The home page."""

    view: HomeView = unfilled(HomeView())

    async def _load_view(self, again: bool = False) -> None:
        del again  # The home page always reads the menu's counts again.
        await super()._load_view(again=True)

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(home_view, who, current_language(), clock.today())


def _bridge(view: Bound) -> El:
    """Return the sum that leads from the unpaid invoices to what is owed, and to what is left after using the credit."""

    def row(text: Node, amount: Bound, cls: str = "") -> El:
        return el("div", el("dt", text), el("dd", amount), cls=cls)

    credit = (
        row((icon("wallet", small=True, cls="ok"), t("Credit on account, if you use it")), view.credit),
        row(view.left_text, view.left, "dashboard-sum"),
    )
    processed = (
        row(view.unpaid_invoices, view.unpaid),
        row((icon("circle-dashed", small=True, cls="info"), t("Payments being processed")), view.being_paid),
    )
    return el(
        "dl",
        when(view.being_paid, processed),
        when(view.being_paid, row(t("You owe"), view.owed, "dashboard-sum"), row(t("You owe"), view.owed)),
        when(view.credit, credit),
        cls="dashboard-bridge",
    )


def _band(view: Bound) -> El:
    owed_note = when(
        view.overdue,
        el("span", icon("triangle-alert", small=True), " ", view.overdue, cls="bad-t small"),
        el("span", view.owed_note, cls="muted small"),
    )
    owed = link(el("span", t("You owe")), el("span", view.owed, cls="dashboard-big"), owed_note, to=view.owed_url, cls="dashboard-cell")
    bridge = _bridge(view)
    return el(
        "div",
        el("div", owed, when(view.being_paid, bridge, when(view.credit, bridge))),
        link(
            el("span", t("Ends within 60 days")),
            el("span", view.ending, cls="dashboard-big"),
            el("span", view.ending_note, cls="muted small"),
            to=view.ending_url,
            cls="dashboard-cell",
        ),
        link(
            el("span", t("Active")),
            el("span", view.active, cls="dashboard-big"),
            el("span", view.active_note, cls="muted small"),
            to=view.active_url,
            cls="dashboard-cell",
        ),
        cls="card dashboard-band",
    )


def _todo(view: Bound) -> El:
    def one(row: Bound) -> El:
        shape = choose(row.kind, {"overdue": icon("triangle-alert", cls="bad-t"), "ending": icon("calendar-clock", cls="warn")})
        text = el("div", el("strong", row.title), el("p", row.text, cls="soft small"))
        return el(
            "li", shape, text, link(row.action, el("span", " ", row.title, cls="sr"), to=row.url, cls="button button-second button-small")
        )

    listed = when(
        view.todo,
        el("ul", each(view.todo, one), cls="dashboard-todo"),
        el("p", icon("circle-check", cls="ok"), " ", t("Nothing needs your attention today."), cls="soft dashboard-clear"),
    )
    more = when(view.more_todo, link(view.more_todo, to=view.more_todo_url, cls="table-tap small"))
    return el("section", el("h2", t("To do")), listed, more, cls="card card-pad", aria_label=t("To do"))


def _drawing(view: Bound) -> El:
    def bar(row: Bound) -> Node:
        shape = {"x": row.x, "y": row.y, "width": row.width, "height": row.height, "rx": "2"}
        label = el("text", row.label, x=row.middle, y=str(CHART_HEIGHT - 6), textAnchor="middle")
        return el("g", when(row.now, el("rect", **shape, cls="dashboard-now"), el("rect", **shape)), label)

    def line(row: Bound) -> Node:
        return el(
            "g",
            el("line", x1=str(CHART_LEFT), x2=str(CHART_WIDTH), y1=row.y, y2=row.y),
            el("text", row.text, x=str(CHART_LEFT - 8), y=row.text_y, textAnchor="end"),
        )

    return el(
        "svg",
        each(view.grid, line),
        each(view.bars, bar),
        viewBox=f"0 0 {CHART_WIDTH} {CHART_HEIGHT}",
        cls="dashboard-chart",
        aria_hidden="true",
        focusable="false",
    )


def _spending(view: Bound) -> El:
    rows = each(view.bars, lambda row: el("tr", el("th", row.month, scope="row"), el("td", row.amount, cls="r")))
    head = el("tr", el("th", t("Month"), scope="col"), el("th", t("Amount"), scope="col", cls="r"))
    table = el("table", el("caption", t("Spending by month"), cls="sr"), el("thead", head), el("tbody", rows), cls="document-table")
    shown = (
        el("p", el("span", cls="dashboard-point"), view.so_far, " ", el("b", view.so_far_amount), cls="small soft"),
        _drawing(view),
        el("details", el("summary", t("Table")), table, cls="section-unfold dashboard-table"),
    )
    return el(
        "section",
        el("h2", t("Spending by month")),
        when(view.chart, shown, el("p", t("Nothing was invoiced in the last 12 months."), cls="soft")),
        cls="card card-pad",
        aria_label=t("Spending by month"),
    )


def _tiles(view: Bound) -> Node:
    said: dict[str, Node] = {
        "/orders": el("span", view.tile_orders),
        "/invoices": el(
            "span", when(view.tile_invoices_bad, el("span", el("b", view.tile_invoices_bad), ", ", cls="dashboard-bad")), view.tile_invoices
        ),
        "/renewals": el("span", view.tile_renewals),
        "/devices": el(
            "span",
            view.tile_devices,
            when(view.tile_devices_silent, (", ", el("span", el("b", view.tile_devices_silent), cls="dashboard-warn"))),
        ),
        "/profile": el("span", view.tile_profile),
        "/help": el("span", t("Guide and contact")),
    }

    def tile(place: menu.Place) -> El:
        return link(icon(place.icon), el("strong", place.tile), said.get(place.path), to=page_url(place.path), cls="dashboard-tile")

    # In the user guide the tile Sales is beside Wizard POS, although Point of Sale is further down in the menu.
    shown: list[Node] = []
    sales = menu.place("/sales")
    for title, entries in menu.groups():
        tiles = [p for p in entries if p.path != "/sales"]
        if any(p.path == "/pos-assistant" for p in entries):
            tiles.insert(1, sales)
        shown.append(el("section", el("h2", title, cls="dashboard-zone"), el("div", *(tile(p) for p in tiles), cls="dashboard-tiles")))
    return tuple(shown)


def _application(view: Bound) -> El:
    launch = when(
        view.launch_url,
        (
            el("p", t("Click on Launch ODOTRACK."), cls="soft"),
            el(
                "a",
                t("Launch ODOTRACK"),
                icon("arrow-up-right", small=True),
                href=view.launch_url,
                cls="button button-second button-block",
                data_out=True,
            ),
        ),
    )
    guide = el(
        "p",
        icon("book-open"),
        el(
            "span",
            t("Read user guide"),
            " ",
            el(
                "span",
                "(",
                el("a", t("English"), href=view.guide_en, hrefLang="en", data_out=True),
                " ",
                t("&"),
                " ",
                el("a", t("French"), href=view.guide_fr, hrefLang="fr", data_out=True),
                ")",
                cls="nw",
            ),
        ),
        cls="dashboard-guide",
    )
    text = t(
        "The various modules offer a range of possibilities. You can define and modify various settings, view and print travel reports."
    )
    return el(
        "section",
        el("h2", t("My application")),
        el("p", text, cls="soft"),
        launch,
        guide,
        cls="card card-pad dashboard-application",
        aria_label=t("My application"),
    )


def _latest(view: Bound) -> Node:
    def one(row: Bound) -> El:
        shape = choose(row.icon, {"order": icon("package"), "invoice": icon("receipt-text")})
        return el(
            "li",
            shape,
            link(row.name, to=row.url, cls="dashboard-link"),
            el("b", row.amount),
            el("span", row.text, cls="small muted"),
            cls="record",
        )

    return when(
        view.latest, el("section", el("h2", t("Latest")), el("ul", each(view.latest, one)), cls="card card-pad", aria_label=t("Latest"))
    )


def _home(view: Bound) -> Node:
    return (
        el("div", el("h1", t("Dashboard")), el("span", cls="push"), el("span", view.as_of, cls="muted small"), cls="layout-head"),
        el(
            "div",
            el("div", _band(view), el("div", _todo(view), _spending(view), cls="layout-duo"), _tiles(view)),
            el("aside", _application(view), _latest(view), cls="aside", aria_label=t("My application")),
            cls="dashboard-grid",
        ),
    )


HOME = View(_home)


def _skeleton() -> str:
    bars = '<span class="skeleton-bar"></span>' * 3
    card = f'<div class="card card-pad">{bars}</div>'
    grid = f'<div class="layout-stack">{card * 4}</div><div class="layout-stack">{card * 2}</div>'
    return f'<div class="layout-head"><h1>{t("Dashboard")}</h1></div><div class="dashboard-grid" aria-busy="true">{grid}</div>'


def page() -> rx.Component:
    """Return the page in the current language."""
    home = live("home", HOME, Home.view, Home.filled, _skeleton())
    return private_page(content_or_error(Home.failed, t("The dashboard could not be loaded."), Home.retry, home))


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Return the HTML that the server writes into each slot of the document."""
    return {"home": HOME.html(await database.read(home_view, require_identity(), page_request.language, clock.today()))}
