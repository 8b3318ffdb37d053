"""Forms of the page of people: their fields and their handlers."""

import re
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field, model_validator
from sqlmodel import Session

from odoportal.accounts.models import Role
from odoportal.accounts.rights import Right
from odoportal.accounts.unsolicited import TooManyMails, limit_message
from odoportal.core import clock
from odoportal.core.database import read
from odoportal.core.i18n import t
from odoportal.forms.handling import (
    EmptyForm,
    FormHandler,
    FormModel,
    FormResult,
    Line,
    Secret,
    SentForm,
    conflict,
    do_once,
    required_message,
)
from odoportal.pages.shell_view import role_labels
from odoportal.rooms.people import service
from odoportal.rooms.signin import attempts, sessions

_BOX_NAME = re.compile(r"keep-([0-9a-f]{16})")


class Invite(FormModel):
    """An invitation: the email, the role, and the language of the mail."""

    email: Line = Field(min_length=1, max_length=254)
    role: Role
    language: Literal["fr", "en"]


class CopiesForm(FormModel):
    """A form about a person with a box `keep-…` for each invoice-copy address that the person added. `keep` holds the ticked keys."""

    keep: frozenset[str] = frozenset()

    @classmethod
    def named(cls, name: str) -> bool:
        """Return whether a field name belongs to the form, including the boxes, whose names depend on the addresses."""
        return super().named(name) or _BOX_NAME.fullmatch(name) is not None

    @model_validator(mode="before")
    @classmethod
    def _collect_boxes(cls, fields: dict[str, Any]) -> dict[str, Any]:
        ticked = {found[1] for name, value in fields.items() if (found := _BOX_NAME.fullmatch(name)) and value == "1"}
        return {name: value for name, value in fields.items() if not _BOX_NAME.fullmatch(name) and name != "keep"} | {"keep": ticked}


class ChangeRole(CopiesForm):
    """A change of a member's role."""

    role: Role


class RemovePerson(CopiesForm):
    """The removal of a member from the account."""


class PasswordForm(FormModel):
    """A form that requires the password unless it was confirmed recently."""

    password: Secret | None = None


def _refusals() -> dict[type[Exception], FormResult]:
    return {
        service.InvalidEmail: FormResult(errors={"email": t("Enter an email such as name@example.com.")}),
        service.AlreadyMember: FormResult(errors={"email": t("This person belongs to the account already.")}),
        service.AlreadyInvited: FormResult(errors={"email": t("This person is invited already. Send the invitation again, below.")}),
        service.TooManyInvitations: FormResult(
            error=t("There are {n} open invitations. Withdraw some first.", n=service.MOST_OPEN_INVITATIONS)
        ),
        service.NoSuchPerson: FormResult(error=t("This is no longer here: somebody changed it in the meantime. Load the page again.")),
        service.LastOwner: FormResult(
            error=t("An account needs an owner who can sign in, and this is the only one. Make somebody else an owner first.")
        ),
    }


def _with_refusals(work: Callable[[Session, SentForm[Any]], FormResult]) -> Callable[[Session, SentForm[Any]], FormResult]:
    """Wrap a handler so that the exceptions of its rules become form errors. Each rule raises before anything is written."""

    def guarded(session: Session, sent: SentForm[Any]) -> FormResult:
        refusals = _refusals()
        try:
            return work(session, sent)
        except TooManyMails as why:
            return FormResult(error=limit_message(why, sent.who.region))
        except tuple(refusals) as why:
            return refusals[type(why)]

    return guarded


def _back(sent: SentForm[Any], done: str) -> str:
    """Return the address of the page of people with a message about the change made, without an open dialog."""
    account = {"account": sent.who.account.number} if len(sent.who.memberships) > 1 else {}
    return f"/{sent.language}/profile/people?{urlencode({**account, 'done': done})}"


def _invite(session: Session, sent: SentForm[Invite]) -> FormResult:
    values = sent.values
    invitation = service.invite(session, sent.who, values.email, values.role, values.language, clock.now(), sent.client)
    return FormResult(t("The invitation to {email} is on its way.", email=invitation.email))


def _resend(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.resend(session, sent.who, sent.key, clock.now(), sent.client)
    return FormResult(t("Sent again."))


def _withdraw(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.withdraw(session, sent.who, sent.key, clock.now(), sent.client)
    return FormResult(go=_back(sent, "withdrawn"))


def _role(session: Session, sent: SentForm[ChangeRole]) -> FormResult:
    stored = service.role_of(session, sent.who, sent.key)
    if clash := conflict(sent, {"role": stored}):
        wrong = {"role": t("Stored meanwhile: “{value}”.", value=role_labels()[stored])} if clash.errors else {}
        return FormResult(errors=wrong, error=clash.error, version=clash.version)
    service.change_role(session, sent.who, sent.key, sent.values.role, clock.now(), sent.client, sent.values.keep)
    return FormResult(t("Saved. It is in force from the next click on."))


def _remove(session: Session, sent: SentForm[RemovePerson]) -> FormResult:
    service.remove(session, sent.who, sent.key, clock.now(), sent.client, sent.values.keep)
    return FormResult(go=_back(sent, "removed"))


def _set_two_step(session: Session, sent: SentForm[PasswordForm]) -> FormResult:
    on = sent.form == "require"
    try:
        service.require_two_step(session, sent.who, on, clock.now(), sent.client)
    except service.NoSecondFactor:
        return FormResult(error=t("Set up two-step sign-in for yourself first, under Sign-in and security."))
    return FormResult(go=_back(sent, sent.form))


async def _confirm_two_step(sent: SentForm[PasswordForm]) -> FormResult:
    if not await read(sessions.is_fresh, sent.who.session, clock.now()):
        if sent.values.password is None or not (typed := sent.values.password.get_secret_value()):
            return FormResult(errors={"password": required_message()})
        if not await attempts.confirm(sent.who, typed, sent.client, clock.now()):
            return FormResult(errors={"password": t("This is not your password.")})
    return await do_once(sent, _set_two_step, sent)


def _handler(model: type[FormModel], work: Callable[[Session, SentForm[Any]], FormResult]) -> FormHandler:
    async def answer(sent: SentForm[Any]) -> FormResult:
        return await do_once(sent, _with_refusals(work), sent)

    return FormHandler(model, Right.PEOPLE, answer)


RULES = {
    "invite": _handler(Invite, _invite),
    "resend": _handler(EmptyForm, _resend),
    "withdraw": _handler(EmptyForm, _withdraw),
    "role": _handler(ChangeRole, _role),
    "remove": _handler(RemovePerson, _remove),
    "require": FormHandler(PasswordForm, Right.PEOPLE, _confirm_two_step),
    "release": FormHandler(PasswordForm, Right.PEOPLE, _confirm_two_step),
}
