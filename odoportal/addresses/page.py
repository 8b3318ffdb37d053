"""Address book."""

import reflex as rx

from odoportal.accounts.page import soon_page
from odoportal.foundation.i18n import t


def page() -> rx.Component:
    """The page, in the language in use."""
    return soon_page(t("Here you will add, change and remove the addresses for delivery and for billing."))
