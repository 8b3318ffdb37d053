"""Forms of the page of people: their fields and their handlers."""

import re
from typing import Any, Literal

from pydantic import model_validator
from sqlmodel import Session

from odoportal.accounts.models import Role
from odoportal.accounts.rights import Right
from odoportal.accounts.unsolicited import TooManyMails, limit_message
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.fields import Email, EmptyForm, FormModel
from odoportal.forms.handling import ErrorMessages, FormHandler, FormResult, SentForm, conflict, do_once, in_transaction
from odoportal.pages.shell_view import role_labels
from odoportal.rooms.people import service
from odoportal.rooms.signin import confirmation
from odoportal.rooms.signin.confirmation import ConfirmationUnlessFresh

_BOX_NAME = re.compile(r"keep-([0-9a-f]{16})")


class Invite(FormModel):
    """An invitation: the email, the role, and the language of the mail."""

    email: Email
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


_ERRORS: ErrorMessages = {
    service.AlreadyMember: lambda _: t("This person already belongs to the account."),
    service.AlreadyInvited: lambda _: t("This person has already been invited. Send the invitation again, below."),
    service.TooManyInvitations: lambda _: t("There are {n} pending invitations. Withdraw some first.", n=service.MOST_OPEN_INVITATIONS),
    service.NoSuchPerson: lambda _: t("This no longer exists: someone changed it in the meantime. Reload the page."),
    service.LastOwner: lambda _: t(
        "An account needs an owner who can sign in, and this is the only one. Make someone else an owner first."
    ),
    service.NoSecondFactor: lambda _: t("Set up two-step sign-in for yourself first, under Sign-in and security."),
    TooManyMails: limit_message,
    **confirmation.MESSAGES,
}


def _back(sent: SentForm[Any], done: str) -> FormResult:
    """Lead to the page without an open dialog, where it says what was done."""
    return FormResult(go=sent.link_to("/profile/people", done=done))


def _invite(session: Session, sent: SentForm[Invite]) -> FormResult:
    values = sent.values
    invitation = service.invite(session, sent.who, values.email, values.role, values.language, clock.now(), sent.client)
    return FormResult(t("The invitation to {email} is on its way.", email=invitation.email))


def _resend(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.resend(session, sent.who, sent.key, clock.now(), sent.client)
    return FormResult(t("Sent again."))


def _withdraw(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.withdraw(session, sent.who, sent.key, clock.now(), sent.client)
    return _back(sent, "withdrawn")


def _role(session: Session, sent: SentForm[ChangeRole]) -> FormResult:
    stored = service.role_of(session, sent.who, sent.key)
    if clash := conflict(sent, {"role": stored}):
        wrong = {"role": t("Saved value: “{value}”.", value=role_labels()[stored])} if clash.errors else {}
        return FormResult(errors=wrong, error=clash.error, version=clash.version)
    service.change_role(session, sent.who, sent.key, sent.values.role, clock.now(), sent.client, sent.values.keep)
    return FormResult(t("Saved. The change takes effect immediately."))


def _remove(session: Session, sent: SentForm[RemovePerson]) -> FormResult:
    service.remove(session, sent.who, sent.key, clock.now(), sent.client, sent.values.keep)
    return _back(sent, "removed")


def _set_two_step(session: Session, sent: SentForm[ConfirmationUnlessFresh]) -> FormResult:
    service.require_two_step(session, sent.who, sent.form == "require", clock.now(), sent.client)
    return _back(sent, sent.form)


async def _two_step(sent: SentForm[ConfirmationUnlessFresh]) -> FormResult:
    await confirmation.confirm_unless_fresh(sent)
    return await do_once(sent, _set_two_step, sent)


HANDLERS = {
    "invite": FormHandler(Invite, Right.PEOPLE, in_transaction(_invite), _ERRORS),
    "resend": FormHandler(EmptyForm, Right.PEOPLE, in_transaction(_resend), _ERRORS),
    "withdraw": FormHandler(EmptyForm, Right.PEOPLE, in_transaction(_withdraw), _ERRORS),
    "role": FormHandler(ChangeRole, Right.PEOPLE, in_transaction(_role), _ERRORS),
    "remove": FormHandler(RemovePerson, Right.PEOPLE, in_transaction(_remove), _ERRORS),
    "require": FormHandler(ConfirmationUnlessFresh, Right.PEOPLE, _two_step, _ERRORS),
    "release": FormHandler(ConfirmationUnlessFresh, Right.PEOPLE, _two_step, _ERRORS),
}
