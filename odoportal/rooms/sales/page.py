"""Sales: the catalogue (Point of Sale), and the POS Assistant that leads to the right order."""

import reflex as rx

from odoportal.core.i18n import t
from odoportal.pages.layout import soon_page


def page() -> rx.Component:
    """The catalogue's page, in the language in use."""
    return soon_page(t("Here you will pick plans, trackers and cables from the catalogue, use a promotional code, and order."))


def assistant() -> rx.Component:
    """The assistant's page, in the language in use."""
    return soon_page(
        t(
            "Here you will be led to the right order: how many vehicles, which term, which hardware and cable for each, "
            "where to ship, and how to pay."
        )
    )
