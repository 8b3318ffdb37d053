"""Form models and the types of their fields. Only the model says what a form accepts; `ui.form` draws the fields from it."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from odoportal.core.card_numbers import mask_card_numbers
from odoportal.core.folding import strip_invisible
from odoportal.core.i18n import t

M = TypeVar("M", bound="FormModel")


def clean_line(value: str) -> str:
    """Normalize typed text to one line, as for a field of type `Line`.

    Raises:
        ValueError: If it contains control characters; the message is in the language in use.
    """
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c != "\t" for c in value):
        raise ValueError(t("This contains characters that are not allowed."))
    return mask_card_numbers(re.sub(r"\s+", " ", strip_invisible(value)).strip())


def _clean_line(value: object) -> object:
    return clean_line(value) if isinstance(value, str) else value


def _clean_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    plain = value.replace("\r\n", "\n").replace("\r", "\n")
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in plain):
        raise ValueError(t("This contains characters that are not allowed."))
    return mask_card_numbers(strip_invisible(plain).strip())


def _normalize_email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError:
        raise ValueError(t("Enter an email address, such as name@example.com.")) from None


Line = Annotated[str, BeforeValidator(_clean_line)]
"""One line of text: single spaces, stripped, without invisible marks; control characters are refused. A payment card number typed by
mistake is masked. Limit its length with pydantic's `Field`."""
Text = Annotated[str, BeforeValidator(_clean_text), Field(json_schema_extra={"format": "textarea"})]
"""Text of several lines, cleaned in the same way."""
Email = Annotated[
    str,
    # Before the validators, so that pydantic reports a length as of a string.
    Field(min_length=1, max_length=254, json_schema_extra={"format": "email"}),
    BeforeValidator(_clean_line),
    AfterValidator(_normalize_email),
]
"""An email as `email_validator` normalizes it, without asking its domain; at most 254 characters (RFC 5321)."""
Checkbox = Literal["", "1"]
"""A checkbox: "1" if ticked. A browser does not send one that is not ticked, so the field needs the default ""."""
Secret = SecretStr
"""A password or a code: kept exactly as typed, and hidden in its string representation."""


class FormModel(BaseModel):
    """The fields of a form. Unknown fields are refused; an unticked checkbox is not sent, so it needs a default."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def named(cls, name: str) -> bool:
        """Return whether the form has a field of this name. A form with a checkbox per record overrides it to add the names of these."""
        return name in cls.model_fields


class EmptyForm(FormModel):
    """A form with only a button. Its key says what the button is about, such as the code of an address."""


def required_message() -> str:
    """Return the guide's message for an empty required field, in the language in use."""
    return t("This field is required.")


def unreadable_message() -> str:
    """Return the message for a request that no form of ours sends, in the language in use."""
    return t("We could not read this request. Go back and try again.")


def _error_message(error: Mapping[str, Any]) -> str:
    kind, limits = error["type"], error.get("ctx", {})
    if kind in {"missing", "string_too_short"} and limits.get("min_length", 1) <= 1:
        return required_message()
    if kind == "string_too_short":
        return t("Use at least {n} characters.", n=limits["min_length"])
    if kind == "string_too_long":
        return t("Use at most {n} characters.", n=limits["max_length"])
    if kind == "value_error":
        return str(limits["error"])
    return t("Choose an option from the list.") if kind in {"literal_error", "enum"} else t("This value is not allowed.")


def validate(model: type[M], fields: Mapping[str, str]) -> M | dict[str, str]:
    """Validate the fields: return the model, or error messages by field; the key "" has the error of the whole form."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as wrong:
        found = wrong.errors(include_url=False, include_input=False)
        if any(error["type"] == "extra_forbidden" for error in found):
            return {"": unreadable_message()}
        return {str(error["loc"][0]) if error["loc"] else "": _error_message(error) for error in reversed(found)}
