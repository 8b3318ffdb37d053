"""The error message in place of content that could not be loaded."""

from typing import Any

import reflex as rx

from odoportal.core.i18n import t
from odoportal.ui.common import empty
from odoportal.ui.template import View


def content_or_error(failed: Any, title: str, retry: Any, content: rx.Component) -> rx.Component:
    """Return the content; after a failure, return an error message with a button that tries again.

    Args:
        failed: the state variable that is true after a failure.
        title: a sentence that says what could not be loaded.
        retry: the event that tries again.
        content: the component to show otherwise.
    """
    said = View(lambda _: empty("triangle-alert", title, t("Nothing was lost. Try again in a moment.")))
    again = rx.el.button(
        t("Try again"), type="button", class_name="button button-primary", on_click=retry, custom_attrs={"data-server": ""}
    )
    return rx.cond(failed, rx.el.div(said.component(None), again, class_name="load-failed", role="alert"), content)
