"""Referral: a personal link, and the credit earned by it."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """The page, in the language in use."""
    return soon_page(t("Here you will find your personal link, see who joined through it and what credit you earned."))
