"""How much of an agreement's term has run. `term` is a view with percent, whole, start, end, ticks, width and ended."""

from odoportal.core.i18n import t
from odoportal.ui.template import Bound, Node, each, el, when


def road(term: Bound, cls: str = "term") -> Node:
    """Draw how much of an agreement's term has run, with a tick for each year."""
    ticks = each(term.ticks, lambda tick: el("u", style={"left": tick.at}))
    ran = el("i", style={"width": term.width})
    point = el("em", style={"left": term.width})
    return when(term.ended, el("span", ran, ticks, cls=f"{cls} term-done"), el("span", ran, ticks, point, cls=cls))


def term_section(term: Bound) -> Node:
    """Draw the section of a record's details that shows the term of its agreement."""
    return el(
        "section",
        el(
            "div",
            el("h3", t("Term of the agreement")),
            el("span", cls="push"),
            el("span", term.elapsed),
            cls="layout-row",
        ),
        road(term, "term term-big"),
        el(
            "div",
            el("span", t("Start"), " ", el("b", term.start)),
            el("span", cls="push"),
            el("span", t("End"), " ", el("b", term.end)),
            cls="layout-row small",
        ),
        cls="section",
    )
