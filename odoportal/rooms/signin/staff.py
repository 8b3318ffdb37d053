"""Command-line actions of Odotrack's staff on a person's access. The staff never sets or sees a password."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import STAFF, record
from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.service import find_person
from odoportal.pages import room
from odoportal.rooms.signin import email_change, links, security_log, service, sessions, two_factor
from odoportal.rooms.signin.activity import SigninActivity


class NoSuchPerson(LookupError):
    """The email belongs to no person; the message names the email."""


def person_of(session: Session, email: str) -> Person:
    """Return the person with this email.

    Raises:
        NoSuchPerson: if no person has this email.
    """
    person = find_person(session, email)
    if person is None:
        raise NoSuchPerson(f"No one has the email {email}.")
    return person


def disable(session: Session, email: str, now: datetime) -> int:
    """Disable a person's access and return the number of ended sessions.

    End every session, invalidate every link that sets a password, stop trusting the person's browsers, delete an unconfirmed email change,
    and end what the person set up in accounts (`accounts.access_loss`). `enable` restores none of this.

    Raises:
        NoSuchPerson: if no person has this email.
    """
    person = person_of(session, email)
    assert person.id is not None  # noqa: S101 - read from the database
    if person.disabled_at is None:
        person.disabled_at = now
        record(session, SigninActivity.DISABLED, STAFF, now, subject_id=person.id)
        security_log.log_event("user_disabled", person=person.id)
    links.invalidate_all(session, person.id, now)
    email_change.cancel_request(session, person.id)
    two_factor.stop_trusting(session, person.id)
    room.revoke_everywhere(session, person.id, STAFF, now)
    return sessions.end_all(session, person.id)


def enable(session: Session, email: str, now: datetime) -> bool:
    """Enable a disabled person again; return False if the person was not disabled.

    Raises:
        NoSuchPerson: if no person has this email.
    """
    person = person_of(session, email)
    if person.disabled_at is None:
        return False
    person.disabled_at = None
    record(session, SigninActivity.ENABLED, STAFF, now, subject_id=person.id)
    security_log.log_event("user_enabled", person=person.id)
    return True


def reset_two_factor(session: Session, email: str, now: datetime) -> bool:
    """Remove a person's second factors, end every session and mail a notice; return False if there was no second factor.

    Raises:
        NoSuchPerson: if no person has this email.
    """
    person = person_of(session, email)
    assert person.id is not None  # noqa: S101 - read from the database
    if not service.reset_two_factor(session, person.id, STAFF, now):
        return False
    sessions.end_all(session, person.id)
    return True


def sign_out_everywhere(session: Session, email: str, now: datetime) -> int:
    """End every session of a person and stop trusting the person's browsers; return the number of ended sessions.

    Raises:
        NoSuchPerson: if no person has this email.
    """
    person = person_of(session, email)
    assert person.id is not None  # noqa: S101 - read from the database
    two_factor.stop_trusting(session, person.id)
    ended = sessions.end_all(session, person.id)
    if ended:
        record(session, SigninActivity.SESSION_ENDED, STAFF, now, subject_id=person.id, after={"ended": str(ended)})
    return ended


@dataclass(frozen=True)
class AccountRole:
    """A person's role in an account, with the account's number and name."""

    number: str
    name: str
    role: str


def roles(session: Session, email: str) -> list[AccountRole]:
    """Return the accounts of a person with the role in each, ordered by account number.

    Raises:
        NoSuchPerson: if no person has this email.
    """
    person = person_of(session, email)
    found = select(Account.number, Account.name, Membership.role).join(Membership, col(Membership.account_id) == col(Account.id))
    return [AccountRole(*row) for row in session.exec(found.where(Membership.person_id == person.id).order_by(Account.number)).all()]
