"""The dialog: a record on top of its list, open while the address has `open=…`."""

from typing import Any

import reflex as rx

from odoportal.core.i18n import t
from odoportal.ui.client import CopyLink, DialogClose, DialogTitle, UrlDialog
from odoportal.ui.common import empty
from odoportal.ui.server_slots import slot
from odoportal.ui.template import Bound, El, LiveOnly, Node, View, Wrapped, el, icon, link, when, wrapped


def _close(to: Bound | str) -> Wrapped:
    """Return the close control: a button in the live dialog, a link in the document."""
    served = el("a", href=to, cls="button button-icon", aria_label=t("Close"))
    return wrapped(
        DialogClose, served, icon("x"), class_name="button button-icon", custom_attrs={"aria-label": t("Close"), "title": t("Close")}
    )


def _title(name: Node) -> Wrapped:
    return wrapped(DialogTitle, el("h2", id="dialog-title"), name)


def _copy_link() -> LiveOnly:
    return LiveOnly(lambda: CopyLink.create(View(lambda _: icon("link")).component(None), label=t("Copy the link"), done=t("Copied")))


def _step(to: Bound, shape: str, name: str) -> Node:
    target = link(icon(shape), to=to, how="swap", cls="button button-icon", aria_label=name, title=name)
    return when(to, target, el("span", icon(shape), cls="button button-icon dialog-off", aria_hidden="true"))


def frame(details: Bound, title: Node, badge: Node, body: Node, footer: Node, missing: str) -> Node:
    """Return the whole content of a dialog.

    Args:
        details: the record; see `lists.view.DetailsView`.
        title: its title.
        badge: its state.
        body: its details.
        footer: its actions.
        missing: the title when there is no such record.
    """
    tools = (
        _step(details.previous, "chevron-up", t("Previous")),
        _step(details.next, "chevron-down", t("Next")),
        _copy_link(),
    )
    found = (
        el("header", _title(title), badge, el("span", cls="push"), *tools, _close(details.close)),
        body,
        footer,
    )
    not_found = (
        el("header", _title(missing), el("span", cls="push"), _close(details.close)),
        el("div", empty("package-open", missing, t("It may belong to another account, or the number is mistyped.")), cls="dialog-lost"),
    )
    return when(details.number, found, not_found)


def dialog(details: View, state: Any) -> rx.Component:
    """Return the live dialog over a list's state, with the slot the server writes it into until then."""
    loading = View(
        lambda _: (
            el("header", _title(t("Loading")), el("span", cls="push"), _close("")),
            el("div", el("div", *(el("span", cls="skeleton-bar") for _ in range(9))), cls="dialog-body dialog-loading", aria_busy="true"),
        )
    )
    live = UrlDialog.create(
        details.component(state.view.details), ready=state.filled, shown=state.view.details.asked, loading=loading.component(None)
    )
    return rx.fragment(rx.cond(state.filled, rx.fragment(), slot("dialog")), live)


def dialog_html(details: View, view: Any) -> str:
    """Return the HTML of the open dialog in a document; empty when none is open."""
    if not view.asked:
        return ""
    inner = el(
        "div", el("div", el("template"), role="dialog", aria_modal="true", aria_labelledby="dialog-title", cls="dialog"), cls="dialog-scrim"
    )
    before, after = _html(inner).split("<template></template>")
    return f"{before}{details.html(view)}{after}"


def _html(node: El) -> str:
    return View(lambda _: node).html(None)
