"""Addresses that get copies of invoices. A person with the billing right adds one; copies start once its mailbox has confirmed.

An address gets copies only while the person who added it, or took it over since, has the billing right (`active`): an address must
not get invoices after the access of the person who added it has ended.

Every change checks the right again within its transaction (`rights.require_right`). This also locks the account: if two people add
the tenth address at the same time, one of them is refused.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts import unsolicited
from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Account
from odoportal.accounts.rights import Right, people_with_right, require_right
from odoportal.accounts.service import email_key
from odoportal.core.identity import Identity, token_hash
from odoportal.mail import outbox
from odoportal.rooms.notifications import mails
from odoportal.rooms.notifications.activity import NotificationActivity
from odoportal.rooms.notifications.models import InvoiceCopy
from odoportal.rooms.notifications.service import copies
from odoportal.rooms.notifications.unsubscribe import of_copy

LINK_LIFETIME = timedelta(days=7)
MAX_ADDRESSES = 10
KEEP_UNCONFIRMED = timedelta(days=30)


class CopyAlreadyListed(ValueError):
    """The account's list already has this address."""

    field = "email"


class TooManyCopies(ValueError):
    """The account's list already has `MAX_ADDRESSES` addresses."""


class CopyNotWaiting(LookupError):
    """No such address waits for its confirmation: it is confirmed, or removed."""


class NoSuchCopy(LookupError):
    """The account's list has no such address."""


def key_of(email: str) -> str:
    """Return the key of an address in forms: 16 hexadecimal digits, the same for every spelling of the address."""
    return token_hash(email_key(email))[:16]


def active(session: Session, account_id: int) -> Sequence[InvoiceCopy]:
    """Return the addresses of an account that get copies: confirmed, not stopped, and added by a person with the billing right."""
    entitled = people_with_right(session, account_id, Right.BILLING)
    return [c for c in copies(session, account_id) if c.confirmed_at is not None and c.stopped_at is None and c.asked_by in entitled]


def add(session: Session, who: Identity, by: Actor, email: str, language: str, now: datetime) -> None:
    """Add an address and mail it a link to confirm; it gets no copies until it has confirmed.

    Args:
        session: a database session for writing.
        who: the signed-in person.
        by: the same person, for the activity of the account.
        email: the address as `email_validator` normalizes it.
        language: the language of the address's mails and documents.
        now: the current instant.

    Raises:
        NotAllowed: if the person does not have the billing right.
        CopyAlreadyListed: if the list has it.
        TooManyCopies: if the list is full.
        unsolicited.TooManyMails: if too many such mails were sent.
    """
    require_right(session, who, Right.BILLING)
    known, account_id = copies(session, who.account.account_id), who.account.account_id
    if any(copy.email_key == email_key(email) for copy in known):
        raise CopyAlreadyListed(email)
    if len(known) >= MAX_ADDRESSES:
        raise TooManyCopies
    _count_mail(session, who, email, now)
    seed = outbox.new_seed()
    new_copy = InvoiceCopy(
        account_id=account_id,
        email=email,
        email_key=email_key(email),
        language=language,
        hash=token_hash(outbox.token_of(seed)),
        asked_by=who.person_id,
        expires_at=now + LINK_LIFETIME,
    )
    session.add(new_copy)
    session.flush()
    mails.write_confirmation_mail(session, new_copy, who, seed, now)
    record(session, NotificationActivity.COPY_ADDED, by, now, account_id=account_id, about=email)


def _count_mail(session: Session, who: Identity, email: str, now: datetime) -> None:
    """Count a mail to a mailbox that did not ask for it."""
    unsolicited.count_mail(session, unsolicited.MailKind.COPY, who.person_id, who.account.account_id, email, now)


def mail_link_again(session: Session, who: Identity, email: str, now: datetime) -> InvoiceCopy:
    """Mail a new link to an address that is not confirmed yet; the previous link stops working. Return the address.

    Raises:
        NotAllowed: if the person does not have the billing right.
        CopyNotWaiting: if no such address waits for its confirmation.
        unsolicited.TooManyMails: if too many such mails were sent.
    """
    require_right(session, who, Right.BILLING)
    copy = _find(session, who.account.account_id, email)
    if copy is None or copy.confirmed_at is not None:
        raise CopyNotWaiting(email)
    _count_mail(session, who, copy.email, now)
    seed = outbox.new_seed()
    copy.hash, copy.expires_at, copy.asked_by = token_hash(outbox.token_of(seed)), now + LINK_LIFETIME, who.person_id
    mails.write_confirmation_mail(session, copy, who, seed, now)
    return copy


def remove(session: Session, who: Identity, by: Actor, email: str, now: datetime) -> None:
    """Delete an address, so that it gets no more copies. Does nothing if it is not listed.

    Raises:
        NotAllowed: if the person does not have the billing right.
    """
    require_right(session, who, Right.BILLING)
    if (copy := _find(session, who.account.account_id, email)) is not None:
        delete(session, copy)
        record(session, NotificationActivity.COPY_REMOVED, by, now, account_id=who.account.account_id, about=copy.email)


def resume(session: Session, who: Identity, by: Actor, email: str, now: datetime) -> InvoiceCopy:
    """Resume the copies to an address that was added by a person who lost the billing right; `who` takes it over. Return the address.

    Raises:
        NotAllowed: if the person does not have the billing right.
        NoSuchCopy: if it is not listed.
    """
    require_right(session, who, Right.BILLING)
    if (copy := _find(session, who.account.account_id, email)) is None:
        raise NoSuchCopy(email)
    take_over(session, copy, who.person_id, by, now)
    return copy


def take_over(session: Session, copy: InvoiceCopy, person_id: int, by: Actor, now: datetime) -> None:
    """Make another person responsible for an address, without asking its mailbox to confirm again."""
    if copy.asked_by != person_id:
        copy.asked_by = person_id
        session.add(copy)
        record(session, NotificationActivity.COPY_KEPT, by, now, account_id=copy.account_id, about=copy.email)


def delete(session: Session, copy: InvoiceCopy) -> None:
    """Delete an address: its links stop working, and copies that wait in the outbox are not sent."""
    outbox.cancel_unsent(session, of_copy(copy.id or 0))
    session.delete(copy)


def _find(session: Session, account_id: int, email: str) -> InvoiceCopy | None:
    return session.exec(
        select(InvoiceCopy)
        .where(InvoiceCopy.account_id == account_id, InvoiceCopy.email_key == email_key(email))
        .execution_options(populate_existing=True)
    ).first()


def find_unconfirmed(session: Session, token: str, now: datetime) -> tuple[InvoiceCopy, Account] | None:
    """Return the address that a valid link confirms, and its account.

    Returns:
        None if the link is unknown, used, replaced or expired, or if the person who added the address lost the billing right.
    """
    found = session.exec(
        select(InvoiceCopy, Account)
        .join(Account, col(Account.id) == col(InvoiceCopy.account_id))
        .where(
            InvoiceCopy.hash == token_hash(token),
            col(InvoiceCopy.confirmed_at).is_(None),
            col(InvoiceCopy.expires_at) > now,
        )
    ).first()
    if found is None or found[0].asked_by not in people_with_right(session, found[0].account_id, Right.BILLING):
        return None
    return found[0], found[1]


def confirm(session: Session, token: str, client: str, now: datetime) -> bool:
    """Confirm the address of a link, so that it gets copies.

    Returns:
        False if the link is not valid. If a link is used several times at once, it is True for exactly one of them.
    """
    found = find_unconfirmed(session, token, now)
    if found is None:
        return False
    copy, _ = found
    updated = session.exec(
        sql_update(InvoiceCopy)
        .where(col(InvoiceCopy.id) == copy.id, col(InvoiceCopy.hash) == token_hash(token), col(InvoiceCopy.confirmed_at).is_(None))
        .values(confirmed_at=now)
    )
    if updated.rowcount == 1:
        record(session, NotificationActivity.COPY_CONFIRMED, Actor(None, client), now, account_id=copy.account_id, about=copy.email)
    return updated.rowcount == 1


def purge_expired(session: Session, now: datetime) -> int:
    """Delete the addresses that have not confirmed by `KEEP` after their link expired; return their number."""
    unconfirmed = (col(InvoiceCopy.confirmed_at).is_(None), col(InvoiceCopy.expires_at) <= now - KEEP_UNCONFIRMED)
    return session.exec(sql_delete(InvoiceCopy).where(*unconfirmed)).rowcount
