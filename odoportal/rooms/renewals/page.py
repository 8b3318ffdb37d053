"""The renewal page, which announces what is coming: expiring agreements and the cost of renewing them."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """Return the page in the current language."""
    return soon_page(
        t("Here you will see what expires, choose a term, compare today’s price with the new one, and renew one agreement or many.")
    )
