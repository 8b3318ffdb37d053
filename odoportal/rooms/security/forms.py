"""Forms for email, password, two-step sign-in and sessions.

Every change that could lock the person out or let another person in needs a confirmation with the password.
"""

from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field
from sqlmodel import Session
from starlette.responses import Response

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.accounts.unsolicited import TooManyMails, limit_message
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.core.identity import current_identity, token_hash
from odoportal.forms.fields import Email, EmptyForm, FormModel, Line, Secret, required_message
from odoportal.forms.handling import ErrorMessages, FormHandler, FormResult, SentForm, do_once, in_transaction
from odoportal.limits import rate_limits
from odoportal.rooms.signin import attempts, confirmation, email_change, known_browsers, passwords, service, sessions, two_factor
from odoportal.rooms.signin.confirmation import Confirmation, WrongPassword, confirm, confirmed
from odoportal.rooms.signin.cookies import set_session


class NewPassword(Confirmation):
    """The new password, and a confirmation with the current one."""

    password: Secret


class NewEmail(Confirmation):
    """The new email, and a confirmation with the password."""

    address: Email


class FirstCode(FormModel):
    """The first code of the app being set up."""

    code: Line = Field(min_length=1, max_length=20)


class RequiredByAccount(Exception):
    """The last second factor may not be removed while an account requires one."""


ERRORS: ErrorMessages = {
    **confirmation.MESSAGES,
    WrongPassword: lambda _: t("Incorrect password, or too many tries. After several tries, wait a few minutes."),
    RequiredByAccount: lambda error: t("{account} requires two-step sign-in for everyone, so it stays on.", account=error),
    TooManyMails: limit_message,
}


def _password_changed_meanwhile() -> FormResult:
    return FormResult(error=t("Your password was changed in the meantime. Try again with the new one."))


@dataclass(frozen=True)
class RenewedSession:
    """A renewed session token for the browser that stays signed in; calling it sets the cookie on a response."""

    token: str
    keep: bool

    def __call__(self, response: Response) -> None:
        """Set the session cookie."""
        set_session(response, self.token, self.keep)


def renew_session(session: Session, sent: SentForm[Any]) -> dict[str, Any]:
    """Renew the token of the browser's own session after a change of credentials (ASVS 7.2.4).

    If the response is lost, the browser has no session any more, and the person signs in with the new credentials.

    Returns:
        The arguments for the `FormResult` that hands the token out; empty if the session has ended.
    """
    renewed = sessions.renew(session, sent.who.session)
    return {"dress": RenewedSession(*renewed), "renewed": True} if renewed else {}


def with_current_session(sent: SentForm[Any], done: FormResult) -> FormResult:
    """Return the result unchanged, and set the renewed session as the current one.

    Without script the answer is the page, which must mark the browser's own session.
    """
    if isinstance(done.dress, RenewedSession):
        current_identity.set(replace(sent.who, session=token_hash(done.dress.token)))
    return done


async def _password(sent: SentForm[NewPassword]) -> FormResult:
    verified, new = await confirm(sent), sent.values.password.get_secret_value()
    asker = attempts.person_asker(sent.who.person_id)
    weak = await passwords.weakness_in_queue(new, passwords.Owner(sent.who.email, sent.who.name), asker) if new else None
    if weak or not new:
        return FormResult(errors={"password": passwords.explain(weak) if weak else required_message()})
    if await passwords.matches_in_queue(verified, new, asker):
        return FormResult(errors={"password": t("This is your current password. Choose another one.")})
    return await do_once(sent, _change_password, sent, verified, await passwords.hash_in_queue(new, asker))


def _change_password(session: Session, sent: SentForm[NewPassword], verified: str, stored: str) -> FormResult:
    if not service.change_password(session, sent.who, Actor.of(sent), verified, stored, clock.now()):
        return _password_changed_meanwhile()
    return FormResult(t("Your password has been changed. Every other browser has been signed out."), **renew_session(session, sent))


async def _email(sent: SentForm[NewEmail]) -> FormResult:
    verified = await confirm(sent)
    if sent.values.address.lower() == sent.who.email.lower():
        return FormResult(errors={"address": t("This is your current email address.")})
    return await do_once(sent, _request_email, sent, verified)


def _request_email(session: Session, sent: SentForm[NewEmail], verified: str) -> FormResult:
    wanted = sent.values.address
    if not email_change.request(session, sent.who.person_id, verified, wanted, clock.now()):
        return _password_changed_meanwhile()
    return FormResult(t("We sent a link to {email}. Your email address will change once you open it and confirm.", email=wanted))


def _totp_begin(session: Session, sent: SentForm[Confirmation]) -> FormResult:
    two_factor.begin_setup(session, sent.who.person_id, clock.now())
    return FormResult(t("Now set up your app."))


async def _totp_confirm(sent: SentForm[FirstCode]) -> FormResult:
    key = f"first-code:{sent.who.person_id}"
    if not await rate_limits.begin_attempt(key, clock.now()):
        return FormResult(errors={"code": t("Too many tries. Wait a few minutes, then try again.")})
    done = await do_once(sent, _switch_totp_on, sent)
    if done.ok:
        await rate_limits.reset(key)
    return with_current_session(sent, done)


def _switch_totp_on(session: Session, sent: SentForm[FirstCode]) -> FormResult:
    codes = service.two_step_on(session, sent.who, Actor.of(sent), two_factor.clean_code(sent.values.code), clock.now())
    if codes is None:
        return FormResult(errors={"code": t("Incorrect code. Enter the one that your app shows now.")})
    return FormResult(recovery_codes_notice(), shown=tuple(codes), **renew_session(session, sent))


def recovery_codes_notice() -> str:
    """Return the notice shown with the first recovery codes."""
    return t("Two-step sign-in is on. Keep these recovery codes where you can find them without your phone; they will not be shown again.")


def require_removable(session: Session, sent: SentForm[Any]) -> None:
    """Check that the person may remove a second factor.

    Raises:
        RequiredByAccount: With the name of the account that requires one.
    """
    if name := two_factor.required_by(session, sent.who.person_id):
        raise RequiredByAccount(name)


def _totp_off(session: Session, sent: SentForm[Confirmation]) -> FormResult:
    require_removable(session, sent)
    service.two_step_off(session, sent.who.person_id, Actor.of(sent), clock.now())
    return FormResult(t("Two-step sign-in is off."))


def _recovery(session: Session, sent: SentForm[Confirmation]) -> FormResult:
    codes = service.renew_codes(session, sent.who.person_id, Actor.of(sent), clock.now())
    if codes is None:
        return FormResult(error=t("Two-step sign-in is off."))
    return FormResult(t("These codes replace all earlier ones. Keep them; they will not be shown again."), shown=tuple(codes))


def _end_session(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    if not known_browsers.end(session, sent.who.person_id, sent.key, Actor.of(sent), clock.now()):
        return FormResult(error=t("This session has already ended."))
    return FormResult(t("The session has been ended."))


def _end_others(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    known_browsers.end_others(session, sent.who.person_id, sent.who.session, Actor.of(sent), clock.now())
    return FormResult(t("Every other browser has been signed out."))


HANDLERS = {
    "new_password": FormHandler(NewPassword, Right.ENTER, _password, ERRORS),
    "email": FormHandler(NewEmail, Right.ENTER, _email, ERRORS),
    "totp_begin": FormHandler(Confirmation, Right.ENTER, confirmed(_totp_begin), ERRORS),
    "totp_confirm": FormHandler(FirstCode, Right.ENTER, _totp_confirm),
    "totp_off": FormHandler(Confirmation, Right.ENTER, confirmed(_totp_off), ERRORS),
    "recovery": FormHandler(Confirmation, Right.ENTER, confirmed(_recovery), ERRORS),
    "end_session": FormHandler(EmptyForm, Right.ENTER, in_transaction(_end_session)),
    "end_others": FormHandler(EmptyForm, Right.ENTER, in_transaction(_end_others)),
}
