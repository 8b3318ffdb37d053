"""The devices page, which announces what is coming: every tracker with its vehicle and agreement."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """Return the page in the current language."""
    return soon_page(t("Here you will see every tracker with its vehicle and agreement, rename it, and report one that is lost or broken."))
