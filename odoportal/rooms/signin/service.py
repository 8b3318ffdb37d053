"""Business rules of sign-in: sessions, passwords, one-use links, two-step sign-in, passkeys and invitations.

Every change made here mails its notice, writes the activity and the security log, and ends the sessions and links it makes invalid.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.activity_log import STAFF, Actor, PeopleActivity, record
from odoportal.accounts.models import Person, Role
from odoportal.accounts.service import UnusableEmail, add_member, find_account, find_person, get_or_create_person
from odoportal.core.identity import Identity
from odoportal.mail import outbox
from odoportal.rooms.signin import known_browsers, links, mails, passkeys, security_log, sessions, two_factor
from odoportal.rooms.signin.activity import SigninActivity
from odoportal.rooms.signin.models import LinkKind, SignInMethod
from odoportal.rooms.signin.sessions import Browser, end_all, end_if_expired, exists, resolve, sign_out, touch

__all__ = [
    "Browser",
    "PasskeyAdded",
    "SecondStepResult",
    "SignInResult",
    "UnusableEmail",
    "add_passkey",
    "begin_sign_in",
    "change_password",
    "end_all",
    "end_if_expired",
    "exists",
    "finish_sign_in",
    "invite",
    "password_of",
    "remove_passkey",
    "rename_passkey",
    "renew_codes",
    "request_reset",
    "reset_two_factor",
    "resolve",
    "set_password",
    "sign_in",
    "sign_in_by_passkey",
    "sign_out",
    "stored_password",
    "touch",
    "two_step_off",
    "two_step_on",
]


def stored_password(session: Session, email: str) -> tuple[int, str] | None:
    """Return the id and the stored password of the person with this email, or None if the person is unknown or disabled."""
    person = find_person(session, email)
    if person is None or person.id is None or person.disabled_at is not None:
        return None
    return person.id, person.password


def password_of(session: Session, person_id: int) -> str | None:
    """Return the stored password of a person, or None if the person is unknown or disabled."""
    person = session.get(Person, person_id)
    return None if person is None or person.disabled_at is not None else person.password


def change_password(session: Session, who: Identity, by: Actor, verified: str, stored: str, now: datetime) -> bool:
    """Change the password of a signed-in person who has just confirmed the current one.

    End every other session, stop trusting the person's browsers, invalidate open links, and mail a notice.

    Args:
        session: the writing database session.
        who: the signed-in person; this session stays open.
        by: the actor to record in the activity.
        verified: the stored password that the confirmation was compared with.
        stored: the new password, as returned by `passwords.hash_password`.
        now: the current instant.

    Returns:
        False if the person no longer exists or the password has changed since the confirmation.
    """
    person = session.get(Person, who.person_id, with_for_update=True)
    if person is None or person.password != verified:
        return False
    person.password = stored
    sessions.end_all(session, who.person_id, except_hash=who.session)
    two_factor.stop_trusting(session, who.person_id)
    links.invalidate_all(session, who.person_id, now)
    mails.changed(session, person, now, here=True)
    record(session, SigninActivity.PASSWORD_CHANGED, by, now, subject_id=who.person_id)
    security_log.log_event("authn_password_change", person=who.person_id, by="profile")
    return True


def two_step_on(session: Session, who: Identity, by: Actor, code: str, now: datetime) -> list[str] | None:
    """Activate the authenticator app being set up by its first code.

    Every other session ends, because those sessions were started without a second factor.

    Returns:
        The recovery codes to show once, or None if the code is wrong or no app is being set up.
    """
    codes = two_factor.confirm_setup(session, who.person_id, code, now)
    if codes is None:
        return None
    sessions.end_all(session, who.person_id, except_hash=who.session)
    mails.two_step(session, session.get_one(Person, who.person_id), True, now)
    record(session, SigninActivity.TWO_STEP_ON, by, now, subject_id=who.person_id)
    security_log.log_event("authn_two_step_on", person=who.person_id)
    return codes


def two_step_off(session: Session, person_id: int, by: Actor, now: datetime) -> bool:
    """Remove the authenticator app and mail a notice to the person; return whether there was an app."""
    if not two_factor.remove(session, person_id):
        return False
    left = bool(two_factor.people_with_second_factor(session, [person_id]))
    mails.two_step(session, session.get_one(Person, person_id), False, now, keys=left)
    record(session, SigninActivity.TWO_STEP_OFF, by, now, subject_id=person_id)
    security_log.log_event("authn_two_step_off", level=logging.WARNING, person=person_id, by="profile")
    return True


def reset_two_factor(session: Session, person_id: int, by: Actor, now: datetime) -> bool:
    """Remove every second factor of a person at the staff's command and mail a notice; return whether there was one."""
    if not two_factor.people_with_second_factor(session, [person_id]):
        return False
    for name in passkeys.remove_all(session, person_id):
        record(session, SigninActivity.PASSKEY_REMOVED, by, now, subject_id=person_id, about=name)
    two_factor.remove(session, person_id)
    mails.two_step(session, session.get_one(Person, person_id), False, now, staff=True)
    record(session, SigninActivity.TWO_STEP_OFF, by, now, subject_id=person_id)
    security_log.log_event("authn_two_step_off", level=logging.WARNING, person=person_id, by="staff")
    return True


@dataclass(frozen=True)
class PasskeyAdded:
    """The result of adding a passkey.

    Attributes:
        codes: recovery codes to show once; filled only if the passkey is the person's first second factor.
    """

    codes: tuple[str, ...] = ()


def add_passkey(session: Session, who: Identity, by: Actor, answer: passkeys.Answer, name: str, now: datetime) -> PasskeyAdded | None:
    """Add a passkey to the signed-in person and mail a notice; return None if the browser's answer is invalid.

    If it is the person's first second factor, every other session ends, because those sessions were started without one.
    """
    first = not two_factor.people_with_second_factor(session, [who.person_id])
    if passkeys.add(session, who.person_id, answer, name, now) is None:
        return None
    codes = tuple(two_factor.renew_codes(session, who.person_id, now)) if first else ()
    if first:
        two_factor.stop_trusting(session, who.person_id)
        sessions.end_all(session, who.person_id, except_hash=who.session)
    mails.passkey(session, session.get_one(Person, who.person_id), name, True, now)
    record(session, SigninActivity.PASSKEY_ADDED, by, now, subject_id=who.person_id, about=name)
    security_log.log_event("authn_passkey_added", person=who.person_id)
    return PasskeyAdded(codes)


def rename_passkey(session: Session, person_id: int, by: Actor, passkey_id: int, name: str, now: datetime) -> bool:
    """Rename a passkey; return False if the person has no such passkey."""
    before = passkeys.rename(session, person_id, passkey_id, name)
    if before is None:
        return False
    kind = SigninActivity.PASSKEY_RENAMED
    record(session, kind, by, now, subject_id=person_id, about=name, before={"name": before}, after={"name": name})
    return True


def remove_passkey(session: Session, person_id: int, by: Actor, passkey_id: int, now: datetime) -> bool:
    """Remove a passkey and mail a notice to the person; return False if the person has no such passkey."""
    name = passkeys.remove(session, person_id, passkey_id)
    if name is None:
        return False
    two_factor.clean_up(session, person_id)
    mails.passkey(session, session.get_one(Person, person_id), name, False, now)
    record(session, SigninActivity.PASSKEY_REMOVED, by, now, subject_id=person_id, about=name)
    security_log.log_event("authn_passkey_removed", level=logging.WARNING, person=person_id)
    return True


def renew_codes(session: Session, person_id: int, by: Actor, now: datetime) -> list[str] | None:
    """Replace the remaining recovery codes by ten new ones; return None if the person has no second factor."""
    if not two_factor.people_with_second_factor(session, [person_id]):
        return None
    record(session, SigninActivity.CODES_RENEWED, by, now, subject_id=person_id)
    return two_factor.renew_codes(session, person_id, now)


def sign_in(
    session: Session,
    person_id: int,
    verified: str,
    now: datetime,
    *,
    keep: bool = False,
    browser: Browser | None = None,
    previous: str | None = None,
    rehashed: str | None = None,
    method: SignInMethod = SignInMethod.PASSWORD,
) -> str | None:
    """Begin a session for a person who has just been authenticated.

    Args:
        session: the writing database session.
        person_id: the person.
        verified: the stored password that was compared.
        now: the current instant.
        keep: whether the person chose "keep me signed in".
        browser: the browser's data to store.
        previous: the hash of the session the request came with; that session ends, which prevents session fixation.
        rehashed: a new hash of the password if the stored one has an outdated cost.
        method: how the person was authenticated.

    Returns:
        The session's token, or None if the person is disabled or the password has changed since it was compared.
    """
    person = session.get(Person, person_id, with_for_update=True)
    if person is None or person.disabled_at is not None or person.password != verified:
        return None
    if rehashed is not None:
        person.password = rehashed
    if previous is not None:
        sessions.sign_out(session, previous)
    links.invalidate_all(session, person_id, now)
    known_browsers.record_sign_in(session, person, browser or Browser(), now, method)
    return sessions.begin(session, person_id, now, keep, browser or Browser())


@dataclass(frozen=True)
class SignInResult:
    """The result of the first step of a sign-in; without `token` and `step` it is refused.

    Attributes:
        token: the token of the new session.
        step: the token of the second step that must be passed first.
        renewed: whether the browser must store its new known-browser token.
    """

    token: str | None = None
    step: str | None = None
    renewed: bool = False


def begin_sign_in(
    session: Session,
    person_id: int,
    verified: str,
    now: datetime,
    *,
    keep: bool,
    browser: Browser,
    previous: str | None,
    rehashed: str | None,
) -> SignInResult:
    """Begin a session, or the second step if the person has a second factor and has not trusted this browser.

    The arguments are those of `sign_in`.
    """
    if not two_factor.needed(session, person_id, browser.device, now):
        browser, renewed = known_browsers.choose_token(session, person_id, browser, now)
        token = sign_in(session, person_id, verified, now, keep=keep, browser=browser, previous=previous, rehashed=rehashed)
        return SignInResult(token, renewed=renewed)
    person = session.get(Person, person_id, with_for_update=True)
    if person is None or person.disabled_at is not None or person.password != verified:
        return SignInResult()
    if rehashed is not None:
        person.password = rehashed
    return SignInResult(step=two_factor.begin_step(session, person, keep, now))


@dataclass(frozen=True)
class SecondStepResult:
    """The result of a try at a second step.

    Attributes:
        token: the token of the new session; None if the try failed.
        keep: whether the person chose "keep me signed in".
        ended: whether the second step has ended, so that the person must start again with the password.
        renewed: whether the browser must store its new known-browser token.
    """

    token: str | None = None
    keep: bool = False
    ended: bool = False
    renewed: bool = False


def finish_sign_in(
    session: Session, step: str, proof: str | passkeys.Answer, now: datetime, *, browser: Browser, previous: str | None, remember: bool
) -> SecondStepResult:
    """Check the proof of a second step and begin the session if it is correct.

    When the last try fails, a mail warns the person, because the password was entered correctly.

    Args:
        session: the writing database session.
        step: the token of the second step.
        proof: a code of the app, a recovery code, or the answer of a passkey.
        now: the current instant.
        browser: the browser's data to store.
        previous: the hash of the session the request came with; that session ends.
        remember: trust this browser for 30 days, during which it needs no second step.
    """
    pending = two_factor.find_step(session, step, now)
    if pending is None:
        return SecondStepResult(ended=True)
    person = session.get_one(Person, pending.person_id)
    keep, person_id, by = pending.keep, pending.person_id, Actor(pending.person_id, browser.address)
    result = two_factor.try_proof(session, pending, proof, now)
    if result.way is None:
        security_log.log_event("authn_login_fail", logging.WARNING, person=person.id, address=browser.address, by="code")
        if result.last:
            mails.step_failed(session, person, now)
        return SecondStepResult(ended=result.last)
    browser, renewed = known_browsers.choose_token(session, person_id, browser, now, renew=remember)
    token = sign_in(session, person_id, person.password, now, keep=keep, browser=browser, previous=previous, method=result.way)
    if remember:
        two_factor.trust(session, person_id, browser.device, now)
    if result.way is SignInMethod.RECOVERY:
        left = two_factor.codes_left(session, person_id)
        mails.recovery_used(session, person, left, now)
        record(session, SigninActivity.CODE_USED, by, now, subject_id=person_id)
    return SecondStepResult(token, keep, renewed=renewed)


def sign_in_by_passkey(
    session: Session, answer: passkeys.Answer, now: datetime, *, keep: bool, browser: Browser, previous: str | None
) -> SignInResult:
    """Begin a session for the owner of the passkey that answered, without a password or a second step.

    Returns:
        No token if the answer is invalid, the person is disabled, or the person has no password, as after an unknown sign-in was
        reported and before a new password is set.
    """
    found = passkeys.verify(session, passkeys.ChallengePurpose.SIGN_IN, answer, now)
    person = session.get(Person, found.person_id) if found is not None else None
    if person is None or person.id is None or not person.password:
        return SignInResult()
    browser, renewed = known_browsers.choose_token(session, person.id, browser, now)
    token = sign_in(session, person.id, person.password, now, keep=keep, browser=browser, previous=previous, method=SignInMethod.PASSKEY)
    return SignInResult(token, renewed=renewed)


def request_reset(session: Session, email: str, language: str, now: datetime) -> bool:
    """Mail a password-reset link to the stored address of a person; return whether the person exists and is enabled.

    For an unknown or disabled person the same statements write a link and a mail and delete them again, so that the transaction and its
    duration reveal nothing. The answer to the visitor must not depend on the result.
    """
    person = find_person(session, email)
    if person is not None and person.disabled_at is not None:
        person = None
    seed = links.create(session, person, LinkKind.RESET, now) if person else links.create_decoy(session, LinkKind.RESET, now)
    letter = mails.reset(session, person, language, seed, now)
    links.delete(session, "" if person else seed)
    outbox.delete(session, 0 if person else letter.id or 0)
    if person:
        security_log.log_event("authn_password_reset_sent", person=person.id)
    else:
        security_log.log_event("authn_password_reset_unknown")
    return person is not None


def set_password(session: Session, token: str, kind: LinkKind, stored: str, now: datetime, client: str = "") -> Person | None:
    """Use a link and set the password.

    End every session, stop trusting the person's browsers, and invalidate every other link. If the person already had a password, mail a
    notice. The person is not signed in.

    Args:
        session: the writing database session.
        token: the token of the link.
        kind: the kind the link must have.
        stored: the new password, as returned by `passwords.hash_password`.
        now: the current instant.
        client: the client's network address.

    Returns:
        The person, or None if the link is no longer valid (used in another tab, expired or replaced).
    """
    person = links.use(session, token, kind, now)
    if person is None or person.id is None:
        return None
    first = not person.password
    person.password = stored
    sessions.end_all(session, person.id)
    two_factor.stop_trusting(session, person.id)
    links.invalidate_all(session, person.id, now)
    if not first:
        mails.changed(session, person, now)
    if kind is LinkKind.RESET:
        record(session, SigninActivity.PASSWORD_CHANGED, Actor(person.id, client), now, subject_id=person.id)
    security_log.log_event("authn_password_change", person=person.id, by=kind.value)
    return person


def invite(
    session: Session,
    email: str,
    account_number: str,
    now: datetime,
    name: str | None = None,
    role: str = "owner",
    language: str = "fr",
) -> Person:
    """Give a person access to an account and mail an invitation; create the person if the email is new.

    A person who already has a password gets a mail with the sign-in page instead of a link: a link that sets a password and is valid for
    a week would be weaker than the password reset.

    Raises:
        UnknownAccount: if there is no such account.
        UnusableEmail: if the email is invalid or too similar to another person's, or the person is disabled.
        ValueError: if the role is unknown.
    """
    account = find_account(session, account_number)
    person = get_or_create_person(session, email, now, name, language)
    if person.disabled_at is not None:
        raise UnusableEmail(f"{person.email} is disabled.")
    if add_member(session, account, person, Role(role)):
        after = {"role": Role(role).value}
        record(session, PeopleActivity.INVITED, STAFF, now, account_id=account.id, subject_id=person.id, about=person.email, after=after)
    seed = "" if person.password else links.create(session, person, LinkKind.INVITE, now)
    mails.invited(session, person, account, seed, now)
    security_log.log_event("user_created", level=logging.WARNING, person=person.id, account=account.number, role=role)
    return person
