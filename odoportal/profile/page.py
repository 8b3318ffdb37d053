"""Profile, which the guide's tiles call User Account."""

import reflex as rx

from odoportal.accounts.page import soon_page
from odoportal.foundation.i18n import t


def page() -> rx.Component:
    """The page, in the language in use."""
    return soon_page(
        t(
            "Here you will change your name, phone, email and password, switch on two-factor sign-in, "
            "and look after the people of your account."
        )
    )
