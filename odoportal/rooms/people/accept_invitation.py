"""Opening and accepting an invitation by its link."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete as sql_delete
from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import Actor, PeopleActivity, record
from odoportal.accounts.models import Account, Person, Role
from odoportal.accounts.rights import Right, lock_account, people_with_right
from odoportal.accounts.service import add_member, get_or_create_person, person_holding_email, save_file_values
from odoportal.accounts.unsolicited import plain_name
from odoportal.core.identity import token_hash
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.signin import links


@dataclass(frozen=True)
class OpenInvitation:
    """An open invitation as its link shows it. `known` is the person with the invited email, if that person already has a password."""

    invitation: Invitation
    account: Account
    inviter: str
    known: Person | None


def open_invitation(session: Session, token: str, now: datetime) -> OpenInvitation | None:
    """Return the invitation of a link without using it up.

    Returns:
        None if it is unknown, expired or withdrawn, if the sender may no longer invite, or if the email belongs to a disabled person or is
        not exactly that of the person it belongs to or is reserved for.
    """
    if not token:
        return None
    found = session.exec(
        select(Invitation, Account, Person)
        .join(Account, col(Account.id) == col(Invitation.account_id))
        .join(Person, col(Person.id) == col(Invitation.invited_by))
        .where(col(Invitation.hash) == token_hash(token), col(Invitation.expires_at) > now)
    ).first()
    if found is None:
        return None
    invitation, account, inviter = found
    # Check the sender's right here too, in case some way of losing it does not withdraw the invitation.
    if invitation.invited_by not in people_with_right(session, invitation.account_id, Right.PEOPLE):
        return None
    person = person_holding_email(session, invitation.email, now)
    if person is not None and (person.disabled_at is not None or person.email.lower() != invitation.email.lower()):
        # `straße@` and `strasse@` have the same key but are two mailboxes: never give one's access to the other. Also refuse an email that
        # its previous person may still take back: its current mailbox owner must not be treated as that person.
        return None
    return OpenInvitation(
        invitation, account, plain_name(inviter.name, inviter.email), person if person is not None and person.password else None
    )


def accept(session: Session, token: str, now: datetime, name: str = "", password_hash: str = "", client: str = "") -> Person | None:
    """Accept an invitation and use it up: add the person with its email to the account, creating the person if there is none.

    Args:
        session: a writing session.
        token: the link's token.
        now: the instant.
        name: the name of a person who has no password yet.
        password_hash: the hash (`passwords.hash_password`) for a person without a password; an existing password is kept.
        client: the network address it is accepted from.

    Returns:
        The person; None if the link no longer works (used in another tab, expired, withdrawn, or the sender may no longer invite), or if a
        password is required but missing.
    """
    account_id = session.exec(select(Invitation.account_id).where(Invitation.hash == token_hash(token))).first() if token else None
    if account_id is None:
        return None
    # Lock before checking the sender's right: a concurrent loss of the right either waits for this transaction or is already visible.
    lock_account(session, account_id)
    opened = open_invitation(session, token, now)
    if opened is None or (opened.known is None and not password_hash):
        return None
    # Of concurrent attempts, only one deletes the row.
    deleted = session.exec(sql_delete(Invitation).where(col(Invitation.hash) == token_hash(token)))
    if deleted.rowcount != 1:
        return None
    person = opened.known
    if person is None:
        person = get_or_create_person(session, opened.invitation.email, now, name, opened.invitation.language)
        if name and name != person.name:
            save_file_values(session, person)
            person.name = name
        person.password = password_hash
        links.invalidate_all(session, person.id or 0, now)
    add_member(session, opened.account, person, Role(opened.invitation.role))
    by, after = Actor(person.id, client), {"role": opened.invitation.role}
    record(session, PeopleActivity.JOINED, by, now, account_id=opened.account.id, subject_id=person.id, about=person.email, after=after)
    return person
