"""The forms before sign-in: their fields, as the pages show them and the routes check them."""

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from odoportal.accounts.service import MAX_EMAIL_LENGTH
from odoportal.core.i18n import t
from odoportal.forms.fields import Checkbox, FormModel, Secret, required_message

_EMAIL = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+")


def _not_empty(typed: Secret) -> Secret:
    if not typed.get_secret_value():
        raise ValueError(required_message())
    return typed


def _plausible_email(typed: str) -> str:
    if len(typed) > MAX_EMAIL_LENGTH or not _EMAIL.fullmatch(typed):
        raise ValueError(t("Enter an email address, such as name@example.com."))
    return typed


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    Field(json_schema_extra={"format": "email", "maxLength": MAX_EMAIL_LENGTH}),
]
"""An email as typed. Its maximum length is for the browser only: a longer one is nobody's, and refused as every other of that kind."""
Password = Annotated[Secret, AfterValidator(_not_empty)]
"""A password that is not empty. Its other rules are in `passwords`."""


class PublicFormModel(FormModel):
    """A form of a page that needs no sign-in. Fields that it does not have are ignored."""

    model_config = ConfigDict(extra="ignore")


class SignIn(PublicFormModel):
    """The first step of a sign-in with a password. Any text is tried as an email, so that the answer is the same for all of them."""

    email: Email
    password: Password
    keep: Checkbox = ""


class Code(PublicFormModel):
    """A code of the authenticator app, or a recovery code."""

    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    remember: Checkbox = ""


class Forgot(PublicFormModel):
    """A request for a link to a new password."""

    email: Annotated[Email, AfterValidator(_plausible_email)]


class NewPassword(PublicFormModel):
    """The password that a person chooses by a link."""

    password: Password
