"""The rules of signing in: who may, what a link allows, and what ends what."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts import unsolicited
from odoportal.accounts.activity_log import STAFF, ActivityKind, Actor, record
from odoportal.accounts.models import Person, Role
from odoportal.accounts.service import UnusableEmail, find_account, find_person, join, person_of_email
from odoportal.core.identity import Identity
from odoportal.forms import handling
from odoportal.mail import outbox
from odoportal.rooms.signin import email_change, known_browsers, links, mails, passkeys, security_log, sessions, two_factor
from odoportal.rooms.signin.models import LinkKind, SignInMethod
from odoportal.rooms.signin.sessions import Browser, end_all, end_if_over, exists, resolve, sign_out, touch

__all__ = [
    "Added",
    "Begun",
    "Browser",
    "Stepped",
    "UnusableEmail",
    "add_passkey",
    "begin_sign_in",
    "change_password",
    "end_all",
    "end_if_over",
    "exists",
    "finish_sign_in",
    "invite",
    "link_owner",
    "password_of",
    "purge_expired",
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
    """The number and the stored password of the person with this email; None for an unknown or a disabled one."""
    person = find_person(session, email)
    if person is None or person.id is None or person.disabled_at is not None:
        return None
    return person.id, person.password


def password_of(session: Session, person_id: int) -> str | None:
    """The stored password of a person; None for an unknown or a disabled one."""
    person = session.get(Person, person_id)
    return None if person is None or person.disabled_at is not None else person.password


def change_password(session: Session, who: Identity, by: Actor, verified: str, stored: str, now: datetime) -> bool:
    """Set another password for a person who has just given the one there was; every other session ends, a notice is mailed.

    Args:
        session: the writing session.
        who: the person, in the session that goes on.
        by: for the audit row.
        verified: the stored password that was compared; a change in the meantime makes it fail.
        stored: what `passwords.make` returned for the new password.
        now: the instant.
    """
    person = session.get(Person, who.person_id, with_for_update=True)
    if person is None or person.password != verified:
        return False
    person.password = stored
    sessions.end_all(session, who.person_id, but=who.session)
    two_factor.trust_nobody(session, who.person_id)
    links.kill(session, who.person_id, now)
    mails.changed(session, person, now, here=True)
    record(session, ActivityKind.PASSWORD_CHANGED, by, now, subject_id=who.person_id)
    security_log.log_event("authn_password_change", person=who.person_id, by="profile")
    return True


def two_step_on(session: Session, who: Identity, by: Actor, code: str, now: datetime) -> list[str] | None:
    """Put the authenticator that was set up in force by its first code; returns the recovery codes, None where the code is wrong.

    Every other session ends: whoever was in without a code is in no longer.
    """
    codes = two_factor.confirm(session, who.person_id, code, now)
    if codes is None:
        return None
    sessions.end_all(session, who.person_id, but=who.session)
    mails.two_step(session, session.get_one(Person, who.person_id), True, now)
    record(session, ActivityKind.TWO_STEP_ON, by, now, subject_id=who.person_id)
    security_log.log_event("authn_two_step_on", person=who.person_id)
    return codes


def two_step_off(session: Session, person_id: int, by: Actor, now: datetime) -> bool:
    """Do without the app from now on; True where there was one. The person is told."""
    if not two_factor.remove(session, person_id):
        return False
    left = bool(two_factor.who_have_one(session, [person_id]))
    mails.two_step(session, session.get_one(Person, person_id), False, now, keys=left)
    record(session, ActivityKind.TWO_STEP_OFF, by, now, subject_id=person_id)
    security_log.log_event("authn_two_step_off", level=logging.WARNING, person=person_id, by="profile")
    return True


def reset_two_factor(session: Session, person_id: int, by: Actor, now: datetime) -> bool:
    """Take away every second factor of a person, who is told; True where there was one."""
    if not two_factor.who_have_one(session, [person_id]):
        return False
    for name in passkeys.remove_all(session, person_id):
        record(session, ActivityKind.PASSKEY_REMOVED, by, now, subject_id=person_id, about=name)
    two_factor.remove(session, person_id)
    mails.two_step(session, session.get_one(Person, person_id), False, now, staff=True)
    record(session, ActivityKind.TWO_STEP_OFF, by, now, subject_id=person_id)
    security_log.log_event("authn_two_step_off", level=logging.WARNING, person=person_id, by="staff")
    return True


@dataclass(frozen=True)
class Added:
    """A new passkey. `codes` are the recovery codes, shown this once, where it is the person's first second factor."""

    codes: tuple[str, ...] = ()


def add_passkey(session: Session, who: Identity, by: Actor, answer: passkeys.Answer, name: str, now: datetime) -> Added | None:
    """Keep a passkey of the signed-in person, who is told by mail; None where what the browser sent is not right.

    Where it is the first second factor, every other session ends: whoever was in without one is in no longer.
    """
    first = not two_factor.who_have_one(session, [who.person_id])
    if passkeys.add(session, who.person_id, answer, name, now) is None:
        return None
    codes = tuple(two_factor.renew_codes(session, who.person_id, now)) if first else ()
    if first:
        two_factor.trust_nobody(session, who.person_id)
        sessions.end_all(session, who.person_id, but=who.session)
    mails.passkey(session, session.get_one(Person, who.person_id), name, True, now)
    record(session, ActivityKind.PASSKEY_ADDED, by, now, subject_id=who.person_id, about=name)
    security_log.log_event("authn_passkey_added", person=who.person_id)
    return Added(codes)


def rename_passkey(session: Session, person_id: int, by: Actor, passkey_id: int, name: str, now: datetime) -> bool:
    """Give a passkey another name; False where the person has no such passkey."""
    before = passkeys.rename(session, person_id, passkey_id, name)
    if before is None:
        return False
    record(session, ActivityKind.PASSKEY_RENAMED, by, now, subject_id=person_id, about=name, before={"name": before}, after={"name": name})
    return True


def remove_passkey(session: Session, person_id: int, by: Actor, passkey_id: int, now: datetime) -> bool:
    """Take a passkey away; the person is told. False where the person has no such passkey."""
    name = passkeys.remove(session, person_id, passkey_id)
    if name is None:
        return False
    two_factor.settle(session, person_id)
    mails.passkey(session, session.get_one(Person, person_id), name, False, now)
    record(session, ActivityKind.PASSKEY_REMOVED, by, now, subject_id=person_id, about=name)
    security_log.log_event("authn_passkey_removed", level=logging.WARNING, person=person_id)
    return True


def renew_codes(session: Session, person_id: int, by: Actor, now: datetime) -> list[str] | None:
    """Ten new recovery codes in place of those that are left; None where there is no second step."""
    if not two_factor.who_have_one(session, [person_id]):
        return None
    record(session, ActivityKind.CODES_RENEWED, by, now, subject_id=person_id)
    return two_factor.renew_codes(session, person_id, now)


def sign_in(
    session: Session,
    person_id: int,
    verified: str,
    now: datetime,
    *,
    keep: bool = False,
    browser: Browser | None = None,
    before: str | None = None,
    better: str | None = None,
    way: SignInMethod = SignInMethod.PASSWORD,
) -> str | None:
    """Begin a session for a person who was just verified; returns its token.

    Args:
        session: the writing session.
        person_id: the person.
        verified: the stored password that was compared; a change in the meantime makes the sign-in fail.
        now: the instant.
        keep: "keep me signed in".
        browser: what is kept about the browser.
        before: the hash of the session the request came with; it ends, so that nobody can plant a token.
        better: a new stored value where the old one was of a lower cost.
        way: how the person was verified.

    Returns:
        None when the person was disabled or the password changed since it was compared.
    """
    person = session.get(Person, person_id, with_for_update=True)
    if person is None or person.disabled_at is not None or person.password != verified:
        return None
    if better is not None:
        person.password = better
    if before is not None:
        sessions.sign_out(session, before)
    links.kill(session, person_id, now)
    known_browsers.arrived(session, person, browser or Browser(), now, way)
    return sessions.begin(session, person_id, now, keep, browser or Browser())


@dataclass(frozen=True)
class Begun:
    """A session's token, or that of the second step it takes first; neither where the sign-in is refused.

    `renewed`: the browser is known by its new token from now on.
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
    before: str | None,
    better: str | None,
) -> Begun:
    """Begin a session, or the second step where the person has one and did not have this browser remembered; see `sign_in`."""
    if not two_factor.needed(session, person_id, browser.device, now):
        browser, renewed = known_browsers.settled(session, person_id, browser, now)
        token = sign_in(session, person_id, verified, now, keep=keep, browser=browser, before=before, better=better)
        return Begun(token, renewed=renewed)
    person = session.get(Person, person_id, with_for_update=True)
    if person is None or person.disabled_at is not None or person.password != verified:
        return Begun()
    if better is not None:
        person.password = better
    return Begun(step=two_factor.ask(session, person, keep, now))


@dataclass(frozen=True)
class Stepped:
    """What came of a second step: the session's token, or why there is none. `over`: only the password helps now.

    `renewed`: the browser is known by its new token from now on.
    """

    token: str | None = None
    keep: bool = False
    over: bool = False
    renewed: bool = False


def finish_sign_in(
    session: Session, step: str, proof: str | passkeys.Answer, now: datetime, *, browser: Browser, before: str | None, remember: bool
) -> Stepped:
    """Begin the session whose second step has the token `step`, where what is given is right.

    Where the tries are used up, the person is told by mail: whoever tried had the password.

    Args:
        session: the writing session.
        step: the token of the second step.
        proof: a code of the app, a recovery code, or the answer of a passkey.
        now: the instant.
        browser: what is kept about the browser.
        before: the hash of the session the request came with; it ends.
        remember: ask this browser for no second step for 30 days.
    """
    asked = two_factor.asked(session, step, now)
    if asked is None:
        return Stepped(over=True)
    person = session.get_one(Person, asked.person_id)
    keep, person_id, by = asked.keep, asked.person_id, Actor(asked.person_id, browser.address)
    taken = two_factor.take(session, asked, proof, now)
    if taken.way is None:
        security_log.log_event("authn_login_fail", logging.WARNING, person=person.id, address=browser.address, by="code")
        if taken.last:
            mails.step_failed(session, person, now)
        return Stepped(over=taken.last)
    browser, renewed = known_browsers.settled(session, person_id, browser, now, renew=remember)
    token = sign_in(session, person_id, person.password, now, keep=keep, browser=browser, before=before, way=taken.way)
    if remember:
        two_factor.trust(session, person_id, browser.device, now)
    if taken.way is SignInMethod.RECOVERY:
        left = two_factor.codes_left(session, person_id)
        mails.recovery_used(session, person, left, now)
        record(session, ActivityKind.RECOVERY_USED, by, now, subject_id=person_id)
    return Stepped(token, keep, renewed=renewed)


def sign_in_by_passkey(
    session: Session, answer: passkeys.Answer, now: datetime, *, keep: bool, browser: Browser, before: str | None
) -> Begun:
    """Begin the session of whoever has the passkey that answered, without a password and a second step.

    Returns:
        No token where the answer is not right, the person is disabled, or somebody else's sign-in was reported and no new password is
        set yet.
    """
    found = passkeys.prove(session, passkeys.For.SIGN_IN, answer, now)
    person = session.get(Person, found.person_id) if found is not None else None
    if person is None or person.id is None or not person.password:
        return Begun()
    browser, renewed = known_browsers.settled(session, person.id, browser, now)
    token = sign_in(session, person.id, person.password, now, keep=keep, browser=browser, before=before, way=SignInMethod.PASSKEY)
    return Begun(token, renewed=renewed)


def request_reset(session: Session, email: str, language: str, now: datetime) -> bool:
    """Mail a reset link to the stored address of a person; True when there is one.

    For an unknown or a disabled person the same link and the same letter are written and taken out again, statement for statement, so
    that the work, the transaction and the time are the same. What the visitor is told never depends on the result.
    """
    person = find_person(session, email)
    if person is not None and person.disabled_at is not None:
        person = None
    seed = links.make(session, person, LinkKind.RESET, now) if person else links.make_for_nobody(session, LinkKind.RESET, now)
    letter = mails.reset(session, person, language, seed, now)
    links.take_out(session, "" if person else seed)
    outbox.take_out(session, 0 if person else letter.id or 0)
    if person:
        security_log.log_event("authn_password_reset_sent", person=person.id)
    else:
        security_log.log_event("authn_password_reset_unknown")
    return person is not None


def link_owner(session: Session, token: str, kind: LinkKind, now: datetime) -> Person | None:
    """The person of an open link; the link stays open. None when it is dead."""
    return links.owner(session, token, kind, now)


def set_password(session: Session, token: str, kind: LinkKind, stored: str, now: datetime, client: str = "") -> Person | None:
    """Use a link up and set the password: every session ends, every other link dies, a notice is mailed. Nobody is signed in.

    Args:
        session: the writing session.
        token: of the link.
        kind: what the link must be for.
        stored: what `passwords.make` returned for the new password.
        now: the instant.
        client: the network address it came from.

    Returns:
        The person, or None when the link is dead (used in another tab, over, replaced).
    """
    person = links.use(session, token, kind, now)
    if person is None or person.id is None:
        return None
    first = not person.password
    person.password = stored
    sessions.end_all(session, person.id)
    two_factor.trust_nobody(session, person.id)
    links.kill(session, person.id, now)
    if not first:
        mails.changed(session, person, now)
    if kind is LinkKind.RESET:
        record(session, ActivityKind.PASSWORD_CHANGED, Actor(person.id, client), now, subject_id=person.id)
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
    """Give a person access to an account and mail how to get in; the person is made if there is none.

    Who has a password already gets a letter that says where to sign in: a link that sets a password and lives for a week would
    be a weaker door than the reset.

    Raises:
        UnknownAccount: there is no such account.
        UnusableEmail: it is no email, it is too close to somebody else's, or the person is disabled.
        ValueError: an unknown role.
    """
    account = find_account(session, account_number)
    person = person_of_email(session, email, now, name, language)
    if person.disabled_at is not None:
        raise UnusableEmail(f"{person.email} is disabled.")
    if join(session, account, person, Role(role)):
        after = {"role": Role(role).value}
        record(session, ActivityKind.INVITED, STAFF, now, account_id=account.id, subject_id=person.id, about=person.email, after=after)
    seed = "" if person.password else links.make(session, person, LinkKind.INVITE, now)
    mails.invited(session, person, account, seed, now)
    security_log.log_event("user_created", level=logging.WARNING, person=person.id, account=account.number, role=role)
    return person


def purge_expired(session: Session, now: datetime) -> int:
    """Remove what is over and what was kept long enough; returns how many rows went."""
    return sum(
        kept.sweep(session, now) for kept in (sessions, links, email_change, known_browsers, two_factor, passkeys, handling, unsolicited)
    )
