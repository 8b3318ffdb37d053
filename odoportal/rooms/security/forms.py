"""Forms for email, password, two-step sign-in and sessions.

Every change that could lock the person out or let another person in needs a confirmation with the password.
"""

from dataclasses import dataclass, replace
from typing import Any

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, field_validator
from sqlmodel import Session
from starlette.responses import Response

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.accounts.unsolicited import TooManyMails, limit_message
from odoportal.core import clock
from odoportal.core.database import read
from odoportal.core.i18n import t
from odoportal.core.identity import current_identity, token_hash
from odoportal.forms.handling import (
    EmptyForm,
    FormHandler,
    FormModel,
    FormResult,
    Line,
    Secret,
    SentForm,
    do_once,
    required_message,
    stored_result,
)
from odoportal.limits import rate_limits
from odoportal.rooms.signin import attempts, email_change, known_browsers, passwords, service, sessions, two_factor
from odoportal.rooms.signin.cookies import set_session


class NewPassword(FormModel):
    """The current and the new password."""

    current: Secret
    password: Secret


class NewEmail(FormModel):
    """The new email and the current password."""

    address: Line = Field(min_length=1, max_length=254)
    current: Secret

    @field_validator("address")
    @classmethod
    def _email(cls, typed: str) -> str:
        try:
            return validate_email(typed, check_deliverability=False).normalized
        except EmailNotValidError:
            raise ValueError(t("Enter an email such as name@example.com.")) from None


async def check_confirmation(sent: SentForm[Any]) -> str | FormResult:
    """Check the confirmation of a form.

    Returns:
        The stored password if the typed one matches it; otherwise the answer to the form: an error, or the earlier result if the form was
        done before.
    """
    if (before := await read(stored_result, sent)) is not None:
        return before
    typed = sent.values.current.get_secret_value()
    if not typed:
        return FormResult(errors={"current": required_message()})
    # Read it before the comparison: if it is changed in between, the service finds another value and refuses.
    stored = await read(service.password_of, sent.who.person_id)
    if not stored or not await attempts.confirm(sent.who, typed, sent.client, clock.now()):
        return FormResult(
            errors={"current": t("This is not your password, or you tried too often. Wait a few minutes after several tries.")}
        )
    return stored


def password_changed_meanwhile() -> FormResult:
    """Return the result for a password that was changed after the confirmation."""
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
    if isinstance(verified := await check_confirmation(sent), FormResult):
        return verified
    new = sent.values.password.get_secret_value()
    asker = attempts.person_asker(sent.who.person_id)
    weak = await passwords.weakness_in_queue(new, passwords.Owner(sent.who.email, sent.who.name), asker) if new else None
    if weak or not new:
        return FormResult(errors={"password": passwords.explain(weak) if weak else required_message()})
    if await passwords.matches_in_queue(verified, new, asker):
        return FormResult(errors={"password": t("This is the password you have. Choose another one.")})
    stored = await passwords.hash_in_queue(new, asker)

    def change(session: Session) -> FormResult:
        by = Actor.of(sent)
        if not service.change_password(session, sent.who, by, verified, stored, clock.now()):
            return password_changed_meanwhile()
        return FormResult(t("Your password is changed. Every other browser is signed out."), **renew_session(session, sent))

    return await do_once(sent, change)


async def _email(sent: SentForm[NewEmail]) -> FormResult:
    wanted = sent.values.address
    if isinstance(verified := await check_confirmation(sent), FormResult):
        return verified
    if wanted.lower() == sent.who.email.lower():
        return FormResult(errors={"address": t("This is the email you have.")})

    def ask(session: Session) -> FormResult:
        try:
            requested = email_change.request(session, sent.who.person_id, verified, wanted, clock.now())
        except TooManyMails as why:
            return FormResult(error=limit_message(why, sent.who.region))
        if not requested:
            return password_changed_meanwhile()
        return FormResult(t("We mailed a link to {email}. Your email changes when you open it and confirm.", email=wanted))

    return await do_once(sent, ask)


class Confirmation(FormModel):
    """A confirmation with the password."""

    current: Secret


class FirstCode(FormModel):
    """The first code of the app being set up."""

    code: Line = Field(min_length=1, max_length=20)


async def _totp_begin(sent: SentForm[Confirmation]) -> FormResult:
    if isinstance(verified := await check_confirmation(sent), FormResult):
        return verified

    def begin(session: Session) -> FormResult:
        two_factor.begin_setup(session, sent.who.person_id, clock.now())
        return FormResult(t("Now set up your app."))

    return await do_once(sent, begin)


async def _totp_confirm(sent: SentForm[FirstCode]) -> FormResult:
    key = f"first-code:{sent.who.person_id}"
    if not await rate_limits.begin_attempt(key, clock.now()):
        return FormResult(errors={"code": t("That was too many tries. Wait a few minutes, then try again.")})

    def confirm(session: Session) -> FormResult:
        codes = service.two_step_on(session, sent.who, Actor.of(sent), "".join(sent.values.code.split()), clock.now())
        if codes is None:
            return FormResult(errors={"code": t("This code is not right. Enter the one that your app shows now.")})
        return FormResult(recovery_codes_notice(), shown=tuple(codes), **renew_session(session, sent))

    done = await do_once(sent, confirm)
    if done.ok:
        await rate_limits.reset(key)
    return with_current_session(sent, done)


def recovery_codes_notice() -> str:
    """Return the notice shown with the first recovery codes."""
    return t("Two-step sign-in is on. Keep these recovery codes where you find them without your phone; they are not shown again.")


def two_step_required(account: str) -> str:
    """Return the error for removing the last second factor while an account requires one."""
    return t("{account} requires two-step sign-in of everybody, so it stays on.", account=account)


async def _totp_off(sent: SentForm[Confirmation]) -> FormResult:
    if isinstance(verified := await check_confirmation(sent), FormResult):
        return verified

    def off(session: Session) -> FormResult:
        if name := two_factor.required_by(session, sent.who.person_id):
            return FormResult(error=two_step_required(name))
        service.two_step_off(session, sent.who.person_id, Actor.of(sent), clock.now())
        return FormResult(t("Two-step sign-in is off."))

    return await do_once(sent, off)


async def _recovery(sent: SentForm[Confirmation]) -> FormResult:
    if isinstance(verified := await check_confirmation(sent), FormResult):
        return verified

    def renew(session: Session) -> FormResult:
        codes = service.renew_codes(session, sent.who.person_id, Actor.of(sent), clock.now())
        if codes is None:
            return FormResult(error=t("Two-step sign-in is off."))
        return FormResult(t("These codes replace all from before. Keep them; they are not shown again."), shown=tuple(codes))

    return await do_once(sent, renew)


async def _end_session(sent: SentForm[EmptyForm]) -> FormResult:
    def end(session: Session) -> FormResult:
        if not known_browsers.end(session, sent.who.person_id, sent.key, Actor.of(sent), clock.now()):
            return FormResult(error=t("This session has ended already."))
        return FormResult(t("The session is ended."))

    return await do_once(sent, end)


async def _end_others(sent: SentForm[EmptyForm]) -> FormResult:
    def end(session: Session) -> FormResult:
        known_browsers.end_others(session, sent.who.person_id, sent.who.session, Actor.of(sent), clock.now())
        return FormResult(t("Every other browser is signed out."))

    return await do_once(sent, end)


RULES = {
    "new_password": FormHandler(NewPassword, Right.ENTER, _password),
    "email": FormHandler(NewEmail, Right.ENTER, _email),
    "totp_begin": FormHandler(Confirmation, Right.ENTER, _totp_begin),
    "totp_confirm": FormHandler(FirstCode, Right.ENTER, _totp_confirm),
    "totp_off": FormHandler(Confirmation, Right.ENTER, _totp_off),
    "recovery": FormHandler(Confirmation, Right.ENTER, _recovery),
    "end_session": FormHandler(EmptyForm, Right.ENTER, _end_session),
    "end_others": FormHandler(EmptyForm, Right.ENTER, _end_others),
}
