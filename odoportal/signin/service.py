"""The rules of signing in: who may, what a link allows, and what ends what."""

import logging
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.models import Person, Role
from odoportal.accounts.service import UnusableEmail, find_account, find_person, join, person_of_email
from odoportal.foundation import forms, mail
from odoportal.signin import audit, letters, links, sessions
from odoportal.signin.models import LinkKind
from odoportal.signin.sessions import Browser, end_all, end_if_over, resolve, sign_out, touch

__all__ = [
    "Browser",
    "UnusableEmail",
    "end_all",
    "end_if_over",
    "invite",
    "link_owner",
    "request_reset",
    "resolve",
    "set_password",
    "sign_in",
    "sign_out",
    "stored_password",
    "sweep",
    "touch",
]


def stored_password(session: Session, email: str) -> tuple[int, str] | None:
    """The number and the stored password of the person with this email; None for an unknown or a disabled one."""
    person = find_person(session, email)
    if person is None or person.id is None or person.disabled_at is not None:
        return None
    return person.id, person.password


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
) -> str | None:
    """Begin a session for a person whose password was just verified; returns its token.

    Args:
        session: the writing session.
        person_id: the person.
        verified: the stored password that was compared; a change in the meantime makes the sign-in fail.
        now: the instant.
        keep: "keep me signed in".
        browser: what is kept about the browser.
        before: the hash of the session the request came with; it ends, so that nobody can plant a token.
        better: a new stored value where the old one was of a lower cost.

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
    return sessions.begin(session, person_id, now, keep, browser or Browser())


def request_reset(session: Session, email: str, language: str, now: datetime) -> bool:
    """Mail a reset link to the stored address of a person; True when there is one.

    For an unknown or a disabled person the same letter is written and taken out again, so that the work, the transaction and the
    time are the same. What the visitor is told never depends on the result.
    """
    person = find_person(session, email)
    if person is None or person.disabled_at is not None:
        session.delete(letters.reset(session, None, language, mail.new_seed(), now))
        return False
    seed = links.make(session, person, LinkKind.RESET, now)
    letters.reset(session, person, language, seed, now)
    audit.tell("authn_password_reset_sent", person=person.id)
    return True


def link_owner(session: Session, token: str, kind: LinkKind, now: datetime) -> Person | None:
    """The person of an open link; the link stays open. None when it is dead."""
    return links.owner(session, token, kind, now)


def set_password(session: Session, token: str, kind: LinkKind, stored: str, now: datetime) -> Person | None:
    """Use a link up and set the password: every session ends, every other link dies, a notice is mailed. Nobody is signed in.

    Args:
        session: the writing session.
        token: of the link.
        kind: what the link must be for.
        stored: what `passwords.make` returned for the new password.
        now: the instant.

    Returns:
        The person, or None when the link is dead (used in another tab, over, replaced).
    """
    person = links.use(session, token, kind, now)
    if person is None or person.id is None:
        return None
    first = not person.password
    person.password = stored
    sessions.end_all(session, person.id)
    links.kill(session, person.id, now)
    if not first:
        letters.changed(session, person, now)
    audit.tell("authn_password_change", person=person.id, by=kind.value)
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
    join(session, account, person, Role(role))
    seed = "" if person.password else links.make(session, person, LinkKind.INVITE, now)
    letters.invited(session, person, account, seed, now)
    audit.tell("user_created", level=logging.WARNING, person=person.id, account=account.number, role=role)
    return person


def sweep(session: Session, now: datetime) -> int:
    """Remove sessions that are over, links that died and forms that were done long ago; returns how many rows went."""
    return sessions.sweep(session, now) + links.sweep(session, now) + forms.sweep(session, now)
