"""The forms of notices."""

from collections.abc import Callable
from typing import Any, Literal

from email_validator import EmailNotValidError, validate_email
from limits import RateLimitItemPerHour
from pydantic import Field, field_validator

from odoportal.accounts.audit import By
from odoportal.accounts.rights import Right
from odoportal.accounts.service import email_key
from odoportal.foundation import clock, throttle
from odoportal.foundation.database import read
from odoportal.foundation.forms import Done, FormModel, Line, Rule, Sent, done_before, once
from odoportal.foundation.i18n import t
from odoportal.foundation.identity import digest
from odoportal.notices import copies, service

ASKED_PER_ACCOUNT = RateLimitItemPerHour(10, 24, "copies")
ASKED_PER_ADDRESS = RateLimitItemPerHour(3, 24, "copy-address")
"""Letters to mailboxes that have not said that they want any: in a day, of one account, and to one mailbox whoever asks."""


class Choices(FormModel):
    """Which notices a person wants: a box for each kind."""

    invoice: Literal["", "1"] = ""
    payment: Literal["", "1"] = ""
    overdue: Literal["", "1"] = ""
    ending: Literal["", "1"] = ""
    card: Literal["", "1"] = ""


async def _choices(sent: Sent[Choices]) -> Done:
    return await once(sent, service.choose, sent, sent.values.model_dump(), clock.now())


class NewCopy(FormModel):
    """A mailbox that is to get copies of invoices, and the language of these."""

    email: Line = Field(min_length=1, max_length=254)
    language: Literal["fr", "en"]

    @field_validator("email")
    @classmethod
    def _email(cls, typed: str) -> str:
        try:
            return validate_email(typed, check_deliverability=False).normalized
        except EmailNotValidError:
            raise ValueError(t("Enter an email such as name@example.com.")) from None


class Nothing(FormModel):
    """A button: which address it is about is the form's key."""


async def _asking(sent: Sent[Any], email: str, work: Callable[..., Done], *args: object) -> Done:
    """Run what writes to a mailbox, within the limits; a form that was done already counts no more."""
    if (before := await read(done_before, sent)) is not None:
        return before
    account, mailbox = str(sent.who.account.account_id), digest(email_key(email))
    if not (await throttle.hit(ASKED_PER_ACCOUNT, account) and await throttle.hit(ASKED_PER_ADDRESS, mailbox)):
        return Done(error=t("We wrote to such addresses several times today. Try again tomorrow."))
    return await once(sent, work, sent.who, *args)


async def _copy(sent: Sent[NewCopy]) -> Done:
    wanted = sent.values
    return await _asking(sent, wanted.email, copies.add, By.of(sent), wanted.email, wanted.language, clock.now())


async def _copy_again(sent: Sent[Nothing]) -> Done:
    return await _asking(sent, sent.key, copies.again, sent.key, clock.now())


async def _copy_keep(sent: Sent[Nothing]) -> Done:
    return await once(sent, copies.keep, sent.who, By.of(sent), sent.key, clock.now())


async def _copy_remove(sent: Sent[Nothing]) -> Done:
    return await once(sent, copies.remove, sent.who, By.of(sent), sent.key, clock.now())


RULES = {
    "choices": Rule(Choices, Right.OWN, _choices),
    "copy": Rule(NewCopy, Right.BILLING, _copy),
    "copy_again": Rule(Nothing, Right.BILLING, _copy_again),
    "copy_keep": Rule(Nothing, Right.BILLING, _copy_keep),
    "copy_remove": Rule(Nothing, Right.BILLING, _copy_remove),
}
