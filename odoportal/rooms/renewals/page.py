"""Renewal: what expires, and what renewing it costs."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """The page, in the language in use."""
    return soon_page(
        t("Here you will see what expires, choose a term, compare today's price with the new one, and renew one agreement or many.")
    )
