"""An invitation that is opened and accepted, by whoever has its link."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete as sql_delete
from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.models import Account, Person, Role
from odoportal.accounts.rights import Right, hold, holders
from odoportal.accounts.service import join, keep_file, person_of_email, spoken_for
from odoportal.accounts.unsolicited import plain_name
from odoportal.core.identity import digest
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.signin import links


@dataclass(frozen=True)
class OpenInvitation:
    """An open invitation as its link shows it. `known` is the person of the email who has a password already."""

    invitation: Invitation
    account: Account
    inviter: str
    known: Person | None


def open_invitation(session: Session, token: str, now: datetime) -> OpenInvitation | None:
    """The invitation of a link, without using it.

    Returns:
        None when it is unknown, over or withdrawn, when its person is disabled, or when whoever sent it may invite no more.
    """
    if not token:
        return None
    found = session.exec(
        select(Invitation, Account, Person)
        .join(Account, col(Account.id) == col(Invitation.account_id))
        .join(Person, col(Person.id) == col(Invitation.invited_by))
        .where(col(Invitation.hash) == digest(token), col(Invitation.expires_at) > now)
    ).first()
    if found is None:
        return None
    invitation, account, inviter = found
    # Asked again here, and not only where the right is taken away: no way of losing it may be forgotten.
    if invitation.invited_by not in holders(session, invitation.account_id, Right.PEOPLE):
        return None
    person = spoken_for(session, invitation.email, now)
    if person is not None and (person.disabled_at is not None or person.email.lower() != invitation.email.lower()):
        # `straße@` and `strasse@` have one key and two mailboxes: never give the one's access to the other. Nor does whoever has a
        # mailbox that somebody may still take back get in as another person.
        return None
    return OpenInvitation(
        invitation, account, plain_name(inviter.name, inviter.email), person if person is not None and person.password else None
    )


def accept(session: Session, token: str, now: datetime, name: str = "", stored: str = "", client: str = "") -> Person | None:
    """Use an invitation up: the person of its email belongs to the account, made where there is none.

    Args:
        session: the writing session.
        token: of the link.
        now: the instant.
        name: of a new person.
        stored: what `passwords.make` returned, for somebody without a password; who has one keeps it.
        client: the network address it is accepted from.

    Returns:
        The person; None when the link is dead (used in another tab, over, withdrawn, or its inviter may invite no more), or a
        password is needed and not given.
    """
    account_id = session.exec(select(Invitation.account_id).where(Invitation.hash == digest(token))).first() if token else None
    if account_id is None:
        return None
    # Before the inviter's right is asked: who takes it away meanwhile waits, or was first and is seen.
    hold(session, account_id)
    asked = open_invitation(session, token, now)
    if asked is None or (asked.known is None and not stored):
        return None
    # Of any number of tries at the same time, exactly one takes it away.
    taken = session.exec(sql_delete(Invitation).where(col(Invitation.hash) == digest(token)))
    if taken.rowcount != 1:
        return None
    person = asked.known
    if person is None:
        person = person_of_email(session, asked.invitation.email, now, name, asked.invitation.language)
        if name and name != person.name:
            keep_file(session, person)
            person.name = name
        person.password = stored
        links.kill(session, person.id or 0, now)
    join(session, asked.account, person, Role(asked.invitation.role))
    by, after = Actor(person.id, client), {"role": asked.invitation.role}
    record(session, ActivityKind.JOINED, by, now, account_id=asked.account.id, subject_id=person.id, about=person.email, after=after)
    return person
