"""The activity page of an account, for its owners."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import ListPage
from odoportal.rooms.activity.state import Changes
from odoportal.rooms.activity.view import ChangesView
from odoportal.ui.table import ListParts
from odoportal.ui.template import Bound, Node, View, each, el, link, when


def _who(row: Bound) -> Node:
    only = link(row.who, el("span", " ", t("Show only what this person did"), cls="sr"), to=row.only)
    return when(row.only, only, el("span", row.who, cls="breaks"))


def _values(row: Bound) -> Node:
    return when(row.lines, el("div", each(row.lines, lambda line: el("div", line.text)), cls="breaks small"))


def _cells(row: Bound) -> tuple[Node, ...]:
    return (
        el("th", row.when, scope="row", cls="nw"),
        el("td", _who(row)),
        el("td", el("b", row.what), when(row.about, el("div", row.about, cls="breaks soft"))),
        el("td", _values(row)),
        el("td", row.place, cls="breaks soft"),
    )


def _card(row: Bound) -> Node:
    return (
        el("div", el("h2", row.what), cls="top"),
        when(row.about, el("p", row.about, cls="breaks")),
        _values(row),
        el("p", _who(row), " · ", el("span", row.when, cls="soft")),
        when(row.place, el("p", row.place, cls="breaks soft small")),
    )


def _page() -> ListPage:
    parts = ListParts(
        caption=t("Activity"),
        hint=t("Name, email or value"),
        dates=t("Date"),
        empty_icon="clock",
        nothing_text=t("Whatever somebody changes in this account appears here, with who did it, and when."),
        cls="changes",
        zip="",
        cells=_cells,
        card=_card,
    )
    return ListPage(Changes, parts, [("/profile", t("Profile")), ("/profile/changes", t("Activity"))])


def page() -> rx.Component:
    """Return the page in the current language."""
    words = t("Who changed what in this account. Of a person’s own sign-in, only that it was changed is shown.")
    return _page().component(View(lambda _: el("p", words, cls="soft lead")).component(None))


def slots(view: ChangesView) -> dict[str, str]:
    """Return the HTML that the server writes into each slot of the document, in the current language."""
    return _page().html(view)
