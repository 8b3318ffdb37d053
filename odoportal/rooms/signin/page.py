"""The page around all forms before sign-in: the guide's two halves, with the welcome and the form."""

import math

import reflex as rx

from odoportal.core.i18n import current_language, other_language, t
from odoportal.ui.client import ServerForms
from odoportal.ui.common import wordmark
from odoportal.ui.page import page_url
from odoportal.ui.passkey import Passkeys
from odoportal.ui.server_slots import slot
from odoportal.ui.shell import language_link
from odoportal.ui.strength import Strength
from odoportal.ui.template import El, View, el, icon

_SIZE, _RING = 768, 298


def _on_ring(degrees: float) -> str:
    half = _SIZE / 2
    return f"{half + _RING * math.cos(math.radians(degrees)):.1f} {half + _RING * math.sin(math.radians(degrees)):.1f}"


def _dial() -> El:
    """Draw the decorative dial of the sign-in page: rings, and a dot on one of them."""
    half = str(_SIZE // 2)

    def circle(radius: int, **more: str) -> El:
        return el("circle", cx=half, cy=half, r=str(radius), fill="none", stroke="currentColor", **more)

    def arc(start: float, end: float, **more: str) -> El:
        return el(
            "path",
            d=f"M{_on_ring(start)}A{_RING} {_RING} 0 0 1 {_on_ring(end)}",
            fill="none",
            stroke="currentColor",
            strokeWidth="23",
            **more,
        )

    return el(
        "svg",
        circle(370, strokeWidth="9", pathLength="120", strokeDasharray=".06 .94"),
        circle(366, strokeWidth="17", pathLength="12", strokeDasharray=".0075 .9925"),
        circle(232, strokeWidth="1.2"),
        circle(184, strokeWidth="9", pathLength="90", strokeDasharray=".06 .94"),
        circle(188, strokeWidth="17", pathLength="12", strokeDasharray=".012 .988"),
        arc(131.5, 300, opacity=".38"),
        arc(-40, 124.5),
        el("circle", cx=_on_ring(128).split()[0], cy=_on_ring(128).split()[1], r="18", cls="logo-dot"),
        viewBox=f"0 0 {_SIZE} {_SIZE}",
        cls="signin-art",
        aria_hidden="true",
        focusable="false",
    )


def _top() -> El:
    logo = el("a", *wordmark(), href=page_url("/login"), cls="logo signin-logo", aria_label="ODOportal")
    turn = other_language(current_language())
    return el(
        "header",
        logo,
        el("span", icon("globe"), language_link(turn, cls="button button-plain button-caps", reload_document=True), cls="layout-row"),
        cls="layout-row signin-top",
    )


def _welcome() -> El:
    paragraph = t(
        "For a simple, easy and efficient navigation. This new portal offers a whole new user experience adapted to all platforms "
        "(PCs, tablet, smart phone), enabling you to access your account at any time. Discover it now!"
    )
    return el("div", el("h1", t("Welcome to our web portal!")), el("p", paragraph), cls="signin-copy")


def page() -> rx.Component:
    """Build the page for all forms of this room; the server fills in the form, the link for visitors, and the footer."""
    welcome = View(lambda _: (_dial(), el("p", *wordmark(), cls="logo tab"), _welcome()))
    return rx.fragment(
        rx.el.div(
            rx.el.section(welcome.component(None), slot("more"), class_name="signin-hero", custom_attrs={"aria-label": t("Welcome")}),
            rx.el.main(View(lambda _: _top()).component(None), slot("form"), slot("foot"), class_name="signin", id="main"),
            class_name="signin-page",
        ),
        ServerForms.create(),
        Passkeys.create(),
        Strength.create(),
    )
