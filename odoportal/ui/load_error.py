"""What stands in the place of something that could not be loaded."""

from typing import Any

import reflex as rx

from odoportal.core.i18n import t
from odoportal.ui.common import empty
from odoportal.ui.template import View


def unless_failed(failed: Any, title: str, retry: Any, content: rx.Component) -> rx.Component:
    """The content; where it failed, what failed, that nothing is lost, and a button that tries again.

    Args:
        failed: the state's variable that says so.
        title: what could not be loaded, as a sentence.
        retry: the event that tries again.
        content: what stands there otherwise.
    """
    said = View(lambda _: empty("triangle-alert", title, t("Nothing is lost. Try again in a moment.")))
    again = rx.el.button(t("Try again"), type="button", class_name="btn primary", on_click=retry, custom_attrs={"data-server": ""})
    return rx.cond(failed, rx.el.div(said.component(None), again, class_name="failed", role="alert"), content)
