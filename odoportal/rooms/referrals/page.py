"""The referral page, which announces what is coming: a personal link and the credit earned by it."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """Return the page in the current language."""
    return soon_page(t("Here you will find your personal link, see who joined through it and what credit you earned."))
