"""The tickets page, which announces what is coming: questions to Odotrack and their answers."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """Return the page in the current language."""
    return soon_page(t("Here you will ask, attach files and follow the answers, linked to an order, an invoice or a device."))
