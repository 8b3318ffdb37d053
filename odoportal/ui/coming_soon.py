"""A page for a room that is not built yet: what will be there, and how to reach Odotrack until then."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.ui import menu
from odoportal.ui.page import current_path
from odoportal.ui.template import Bound, Node, View, el, icon, when


def _reach(view: Bound) -> Node:
    mail = when(
        view.support_email,
        el("a", icon("mail"), " ", view.support_email, href=view.support_mailto, cls="button button-second", data_out=True),
    )
    call = when(
        view.support_phone,
        el("a", icon("phone"), " ", view.support_phone, href=view.support_tel, cls="button button-second", data_out=True),
    )
    return el("div", mail, call, cls="layout-row")


REACH = View(_reach)
"""Ways to reach Odotrack, over the header's view."""


def coming_soon_page(text: str, reach: rx.Component) -> rx.Component:
    """Return the page of the menu entry being drawn.

    Args:
        text: what a customer will do there.
        reach: the live component with the ways to reach Odotrack.

    Raises:
        KeyError: when the menu has no entry for the page.
    """
    place = menu.place(current_path())
    head = View(lambda _: el("div", el("h1", place.name), cls="layout-head"))
    body = View(
        lambda _: (
            icon(place.icon),
            el("h2", t("This section is under construction")),
            el("p", text),
            el("p", t("Until then, Odotrack does it for you:"), cls="soft"),
        )
    )
    return rx.fragment(head.component(None), rx.el.section(rx.el.div(body.component(None), reach, class_name="empty"), class_name="card"))
