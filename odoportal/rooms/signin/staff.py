"""What Odotrack's staff does for a person at the command line. Nobody of the staff ever chooses or sees a password."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from odoportal.accounts import ending
from odoportal.accounts.activity_log import STAFF, ActivityKind, record
from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.service import find_person
from odoportal.rooms.signin import email_change, links, security_log, service, sessions, two_factor


class NoSuchPerson(LookupError):
    """Nobody has this email; the text says which."""


def person_of(session: Session, email: str) -> Person:
    """The person with this email.

    Raises:
        NoSuchPerson: when there is none.
    """
    person = find_person(session, email)
    if person is None:
        raise NoSuchPerson(f"Nobody has the email {email}.")
    return person


def disable(session: Session, email: str, now: datetime) -> int:
    """Let a person in no more; returns how many sessions there were.

    Every session ends, every link dies, every browser is asked for the second step again, another email that was asked for and not
    confirmed is forgotten, and what the person set up in accounts ends (`accounts.ending`). None of it is back with `enable`.

    Raises:
        NoSuchPerson: as it says.
    """
    person = person_of(session, email)
    assert person.id is not None  # noqa: S101 - read from the database
    if person.disabled_at is None:
        person.disabled_at = now
        record(session, ActivityKind.DISABLED, STAFF, now, subject_id=person.id)
        security_log.log_event("user_disabled", person=person.id)
    links.kill(session, person.id, now)
    email_change.forget(session, person.id)
    two_factor.trust_nobody(session, person.id)
    ending.end_everywhere(session, person.id, STAFF, now)
    return sessions.end_all(session, person.id)


def enable(session: Session, email: str, now: datetime) -> bool:
    """Let a person in again; False where nothing kept the person out.

    Raises:
        NoSuchPerson: as it says.
    """
    person = person_of(session, email)
    if person.disabled_at is None:
        return False
    person.disabled_at = None
    record(session, ActivityKind.ENABLED, STAFF, now, subject_id=person.id)
    security_log.log_event("user_enabled", person=person.id)
    return True


def reset_two_factor(session: Session, email: str, now: datetime) -> bool:
    """Take away a lost second step, which the person is told by mail; every session ends. False where there was none.

    Raises:
        NoSuchPerson: as it says.
    """
    person = person_of(session, email)
    assert person.id is not None  # noqa: S101 - read from the database
    if not service.reset_two_factor(session, person.id, STAFF, now):
        return False
    sessions.end_all(session, person.id)
    return True


def sign_out_everywhere(session: Session, email: str, now: datetime) -> int:
    """End every session of a person, and ask every browser for the second step again; returns how many sessions there were.

    Raises:
        NoSuchPerson: as it says.
    """
    person = person_of(session, email)
    assert person.id is not None  # noqa: S101 - read from the database
    two_factor.trust_nobody(session, person.id)
    ended = sessions.end_all(session, person.id)
    if ended:
        record(session, ActivityKind.SESSION_ENDED, STAFF, now, subject_id=person.id, after={"ended": str(ended)})
    return ended


@dataclass(frozen=True)
class Place:
    """What a person is in an account."""

    number: str
    name: str
    role: str


def roles(session: Session, email: str) -> list[Place]:
    """The accounts of a person, by number, and the role in each.

    Raises:
        NoSuchPerson: as it says.
    """
    person = person_of(session, email)
    found = select(Account.number, Account.name, Membership.role).join(Membership, col(Membership.account_id) == col(Account.id))
    return [Place(*row) for row in session.exec(found.where(Membership.person_id == person.id).order_by(Account.number)).all()]
