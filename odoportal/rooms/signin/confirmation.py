"""Confirmation of a form with the password: the model's field, the check before the work, and its messages.

The field is drawn by `ui.form.current_password`.
"""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.database import read
from odoportal.core.i18n import t
from odoportal.forms.fields import FormModel, Secret, required_message
from odoportal.forms.handling import ErrorMessages, FormResult, SentForm, Work, do_once
from odoportal.rooms.signin import attempts, service, sessions


class Confirmation(FormModel):
    """A confirmation with the password."""

    current: Secret


class ConfirmationUnlessFresh(FormModel):
    """A confirmation with the password, which is required unless the person signed in or confirmed it recently."""

    current: Secret | None = None


class PasswordMissing(ValueError):
    """No password was given."""

    field = "current"


class WrongPassword(ValueError):
    """The password is not the person's, or too many were tried."""

    field = "current"


MESSAGES: ErrorMessages = {
    PasswordMissing: lambda _: required_message(),
    WrongPassword: lambda _: t("Incorrect password."),
}


async def confirm(sent: SentForm[Any]) -> str:
    """Check the confirmation of a form, and return the stored password that it was compared with.

    Raises:
        PasswordMissing: If none was given.
        WrongPassword: If it is another one, or too many were tried.
        odoportal.limits.work_queue.Busy: If too many passwords are being compared.
    """
    current: Secret | None = sent.values.current
    if current is None or not (typed := current.get_secret_value()):
        raise PasswordMissing
    # Read it before the comparison: if it is changed in between, the service finds another value and refuses.
    stored = await read(service.password_of, sent.who.person_id)
    if not stored or not await attempts.confirm(sent.who, typed, sent.client, clock.now()):
        raise WrongPassword
    return stored


async def confirm_unless_fresh(sent: SentForm[Any]) -> None:
    """Check the confirmation of a form unless the session is fresh; errors as in `confirm`."""
    if not await read(sessions.is_fresh, sent.who.session, clock.now()):
        await confirm(sent)


def confirmed(save: Callable[[Session, SentForm[Any]], FormResult]) -> Work:
    """Return the work of a form that is one transaction after the confirmation."""

    async def work(sent: SentForm[Any]) -> FormResult:
        await confirm(sent)
        return await do_once(sent, save, sent)

    return work
