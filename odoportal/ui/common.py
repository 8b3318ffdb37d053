"""Small parts that every room uses: badges, empty states, labelled values, the logo."""

from collections.abc import Mapping

from odoportal.ui.template import Bound, Choose, El, Node, choose, el, icon, when

Badges = Mapping[str, tuple[str, str]]
"""The icon and the tone of each state."""


def badge(badges: Badges, state: Bound, text: Bound, bare: bool = False) -> Choose:
    """Return a badge: a state as an icon and a word, since colour alone is not enough.

    Args:
        badges: The room's states.
        state: The state to show.
        text: Its name.
        bare: Leave out the background, for tables.
    """
    shown: dict[str, Node] = {}
    for name, (shape, tone) in badges.items():
        classes = " ".join(filter(None, ("badge", tone, "badge-bare" if bare else "")))
        shown[name] = el("span", icon(shape, small=True), text, cls=classes)
    return choose(state, shown)


def logo() -> El:
    """Return the logo: an open loop with a point in its gap."""
    ring = el("path", d="M19.6 7.2A8.6 8.6 0 1 1 14.6 3.8", fill="none", stroke="currentColor", strokeWidth="3.4", strokeLinecap="round")
    return el(
        "svg", ring, el("circle", cx="18.6", cy="4.2", r="2.7", cls="logo-dot"), viewBox="0 0 24 24", aria_hidden="true", focusable="false"
    )


def wordmark() -> tuple[El, El]:
    """Return the logo and the name."""
    return logo(), el("span", el("b", "ODO"), "portal")


def empty(name: str, title: Node, text: Node = None, action: Node = None) -> El:
    """Return an empty state: what is missing, and what to do about it."""
    return el(
        "div",
        icon(name),
        el("h2", title),
        el("p", text) if text else None,
        el("div", action, cls="layout-row") if action else None,
        cls="empty",
    )


def labelled_value(label: str, value: Bound, node: Node = None) -> Node:
    """Return a labelled value, or nothing when it is empty."""
    return when(value, (el("dt", label), el("dd", node or value)))
