"""The forms of the notifications page."""

from dataclasses import replace
from typing import Literal

from sqlmodel import Session

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.accounts.unsolicited import TooManyMails, limit_message
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.fields import Checkbox, Email, EmptyForm, FormModel
from odoportal.forms.handling import ErrorMessages, FormHandler, FormResult, SentForm, conflict, in_transaction
from odoportal.rooms.notifications import copies, service


class Choices(FormModel):
    """The notifications that a person wants: a checkbox for each kind."""

    invoice: Checkbox = ""
    payment: Checkbox = ""
    overdue: Checkbox = ""
    ending: Checkbox = ""
    card: Checkbox = ""


class NewCopy(FormModel):
    """A new address for copies of invoices, and the language of the copies."""

    email: Email
    language: Literal["fr", "en"]


_ERRORS: ErrorMessages = {
    copies.CopyAlreadyListed: lambda _: t("This address is already listed."),
    copies.TooManyCopies: lambda _: t("There are already ten addresses. Remove one first."),
    copies.CopyNotWaiting: lambda _: t("This address is no longer waiting for confirmation."),
    copies.NoSuchCopy: lambda _: t("This address is no longer listed."),
    TooManyMails: limit_message,
}


def _choices(session: Session, sent: SentForm[Choices]) -> FormResult:
    account = sent.who.account
    stored = service.choices(session, account.account_id, sent.who.person_id, account.role)
    if clash := conflict(sent, stored):
        messages = {kind: t("Turned on in the meantime.") if stored[kind] else t("Turned off in the meantime.") for kind in clash.errors}
        return replace(clash, errors=messages)
    service.choose(session, sent.who, sent.values.model_dump(), Actor.of(sent), clock.now())
    return FormResult(t("Saved."))


def _copy(session: Session, sent: SentForm[NewCopy]) -> FormResult:
    email = sent.values.email
    copies.add(session, sent.who, Actor.of(sent), email, sent.values.language, clock.now())
    return _link_mailed(email)


def _copy_again(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    return _link_mailed(copies.mail_link_again(session, sent.who, sent.key, clock.now()).email)


def _link_mailed(email: str) -> FormResult:
    return FormResult(t("We sent a link to {email}. Copies will begin once the address is confirmed.", email=email))


def _copy_keep(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    copy = copies.resume(session, sent.who, Actor.of(sent), sent.key, clock.now())
    return FormResult(t("Copies will keep going to {email}.", email=copy.email))


def _copy_remove(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    copies.remove(session, sent.who, Actor.of(sent), sent.key, clock.now())
    return FormResult(t("The address has been removed."))


HANDLERS = {
    "choices": FormHandler(Choices, Right.OWN, in_transaction(_choices)),
    "copy": FormHandler(NewCopy, Right.BILLING, in_transaction(_copy), _ERRORS),
    "copy_again": FormHandler(EmptyForm, Right.BILLING, in_transaction(_copy_again), _ERRORS),
    "copy_keep": FormHandler(EmptyForm, Right.BILLING, in_transaction(_copy_keep), _ERRORS),
    "copy_remove": FormHandler(EmptyForm, Right.BILLING, in_transaction(_copy_remove)),
}
