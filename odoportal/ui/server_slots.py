"""A part of a page that the server writes into the document first, and that the live state takes over."""

from typing import Any

import reflex as rx

from odoportal.ui.client import FirstRows
from odoportal.ui.template import View


def slot(name: str, still: str = "") -> rx.Component:
    """A place that only the server fills, by name; `still` is what stands there until it does."""
    return FirstRows.create(name=name, html=f"<!--slot:{name}-->{still}<!--/slot:{name}-->")


def live(name: str, view: View, var: Any, ready: Any, still: str = "") -> rx.Component:
    """A view over a state variable; until the state is ready, what the server wrote.

    Args:
        name: of the slot.
        view: what is drawn, by both.
        var: the state's variable that holds the view's values.
        ready: the state's own variable that says it is filled.
        still: HTML where the server wrote nothing, such as a skeleton after a navigation in the browser.
    """
    return rx.cond(ready, view.component(var), slot(name, still))
