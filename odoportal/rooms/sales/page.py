"""The sales pages, which announce what is coming: the catalogue (Point of Sale) and the POS Assistant."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """Return the catalogue page in the current language."""
    return soon_page(t("Here you will pick plans, devices and cables from the catalogue, use a promotional code, and order."))


def assistant() -> rx.Component:
    """Return the assistant page in the current language. The assistant leads to the right order."""
    return soon_page(
        t(
            "Here you will be guided to the right order: how many vehicles, which term, which hardware and cable "
            "for each, where to ship, and how to pay."
        )
    )
