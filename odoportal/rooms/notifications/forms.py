"""The forms of the notifications page."""

from typing import Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, field_validator

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.handling import EmptyForm, FormHandler, FormModel, FormResult, Line, SentForm, do_once
from odoportal.rooms.notifications import copies, service


class Choices(FormModel):
    """The notifications that a person wants: a checkbox for each kind."""

    invoice: Literal["", "1"] = ""
    payment: Literal["", "1"] = ""
    overdue: Literal["", "1"] = ""
    ending: Literal["", "1"] = ""
    card: Literal["", "1"] = ""


async def _choices(sent: SentForm[Choices]) -> FormResult:
    return await do_once(sent, service.choose, sent, sent.values.model_dump(), clock.now())


class NewCopy(FormModel):
    """A new address for copies of invoices, and the language of the copies."""

    email: Line = Field(min_length=1, max_length=254)
    language: Literal["fr", "en"]

    @field_validator("email")
    @classmethod
    def _email(cls, typed: str) -> str:
        try:
            return validate_email(typed, check_deliverability=False).normalized
        except EmailNotValidError:
            raise ValueError(t("Enter an email such as name@example.com.")) from None


async def _copy(sent: SentForm[NewCopy]) -> FormResult:
    wanted = sent.values
    return await do_once(sent, copies.add, sent.who, Actor.of(sent), wanted.email, wanted.language, clock.now())


async def _copy_again(sent: SentForm[EmptyForm]) -> FormResult:
    return await do_once(sent, copies.mail_link_again, sent.who, sent.key, clock.now())


async def _copy_keep(sent: SentForm[EmptyForm]) -> FormResult:
    return await do_once(sent, copies.resume, sent.who, Actor.of(sent), sent.key, clock.now())


async def _copy_remove(sent: SentForm[EmptyForm]) -> FormResult:
    return await do_once(sent, copies.remove, sent.who, Actor.of(sent), sent.key, clock.now())


RULES = {
    "choices": FormHandler(Choices, Right.OWN, _choices),
    "copy": FormHandler(NewCopy, Right.BILLING, _copy),
    "copy_again": FormHandler(EmptyForm, Right.BILLING, _copy_again),
    "copy_keep": FormHandler(EmptyForm, Right.BILLING, _copy_keep),
    "copy_remove": FormHandler(EmptyForm, Right.BILLING, _copy_remove),
}
