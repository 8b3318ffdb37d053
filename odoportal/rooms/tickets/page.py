"""Tickets: questions to Odotrack and their answers."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """The page, in the language in use."""
    return soon_page(t("Here you will ask, attach files and follow the answers, linked to an order, an invoice or a device."))
