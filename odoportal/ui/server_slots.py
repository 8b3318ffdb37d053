"""Slots: parts of a page that the server writes into the document first, and that the live state takes over."""

from typing import Any

import reflex as rx

from odoportal.ui.client import ServerHtml
from odoportal.ui.template import View


def slot(name: str, placeholder: str = "") -> rx.Component:
    """Return a slot that the server fills by name; `placeholder` is its HTML until then."""
    return ServerHtml.create(name=name, html=f"<!--slot:{name}-->{placeholder}<!--/slot:{name}-->")


def live(name: str, view: View, var: Any, ready: Any, placeholder: str = "") -> rx.Component:
    """Return a template over a state variable; until the state is ready, show what the server wrote.

    Args:
        name: the name of the slot.
        view: the template that both the server and the live page draw.
        var: the state variable that holds the view.
        ready: the state variable that is true once the state is filled.
        placeholder: HTML to show when the server wrote nothing, such as a skeleton after a navigation in the browser.
    """
    return rx.cond(ready, view.component(var), slot(name, placeholder))
