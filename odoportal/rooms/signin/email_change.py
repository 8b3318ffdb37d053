"""Changes of a person's email: requested with the password, confirmed from the new mailbox, and undone from the old one."""

from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import or_
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts import unsolicited
from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import EarlierEmail, FilePerson, Person
from odoportal.accounts.service import email_key, find_person, person_holding_email, save_file_values
from odoportal.core.identity import token_hash
from odoportal.mail import outbox
from odoportal.rooms.signin import links, lockout, mails, security_log
from odoportal.rooms.signin.activity import SigninActivity
from odoportal.rooms.signin.models import EmailChange

LIFE = timedelta(hours=24)
UNDO = timedelta(days=7)
KEEP = timedelta(days=30)


def request(session: Session, person_id: int, verified: str, email: str, now: datetime) -> bool:
    """Request another email: mail a confirmation link to it and delete an older request. The email changes when the link is used.

    If the email belongs to another person, that person gets a mail instead of the link, and the requester gets the same answer. If another
    person had it before and may still take it back, no mail is sent.

    Args:
        session: the writing database session.
        person_id: the person.
        verified: the stored password that the confirmation was compared with.
        email: an email as normalized by `email_validator`.
        now: the current instant.

    Returns:
        False if the person no longer exists or the password has changed since the confirmation.

    Raises:
        TooManyMails: if a limit of unsolicited mails is reached, for the person or for this mailbox.
    """
    person = session.get(Person, person_id, with_for_update=True)
    if person is None or person.password != verified:
        return False
    unsolicited.count_mail(session, unsolicited.MailKind.EMAIL, person_id, None, email, now)
    cancel_request(session, person_id)
    security_log.log_event("authn_email_change_requested", person=person_id)
    if (holder := person_holding_email(session, email, now)) is not None and holder.id != person_id:
        if holder.email_key == email_key(email):
            mails.email_known(session, holder, now)
        return True
    seed = outbox.new_seed()
    change = EmailChange(
        person_id=person_id, old_email=person.email, new_email=email, hash=token_hash(outbox.token_of(seed)), expires_at=now + LIFE
    )
    session.add(change)
    session.flush()
    mails.email_confirm(session, person, email, seed, now)
    return True


def find_unconfirmed(session: Session, person_id: int, now: datetime) -> EmailChange | None:
    """Return a person's requested email change that waits for its confirmation and has not expired."""
    return session.exec(
        select(EmailChange).where(
            EmailChange.person_id == person_id, col(EmailChange.confirmed_at).is_(None), col(EmailChange.expires_at) > now
        )
    ).first()


def confirmable(session: Session, token: str, now: datetime) -> EmailChange | None:
    """Return the change that a link in the new mailbox confirms; None if it is expired, used or replaced, or the person is disabled."""
    return _find_open(
        session, col(EmailChange.hash) == token_hash(token), col(EmailChange.confirmed_at).is_(None), col(EmailChange.expires_at) > now
    )


def undoable(session: Session, token: str, now: datetime) -> EmailChange | None:
    """Return the change that a link in the old mailbox undoes; None if it is expired or used, or the person is disabled."""
    return _find_open(
        session, col(EmailChange.undo_hash) == token_hash(token), col(EmailChange.undone_at).is_(None), col(EmailChange.undo_until) > now
    )


def confirm(session: Session, token: str, now: datetime, address: str) -> Person | None:
    """Confirm a requested email, once.

    Invalidate the links mailed to the old email, and mail a notice to both mailboxes; the one to the old mailbox has an undo link.

    Args:
        session: the writing database session.
        token: the token of the link in the new mailbox.
        now: the current instant.
        address: the client's network address.

    Returns:
        The person, or None if the link is no longer valid, the person's email has changed since the request, or another person has the
        email now or may take it back.
    """
    change = confirmable(session, token, now)
    if change is None:
        return None
    person = session.get_one(Person, change.person_id, with_for_update=True)
    holder = person_holding_email(session, change.new_email, now)
    if person.email != change.old_email or (holder is not None and holder.id != person.id):
        return None
    undo = outbox.new_seed()
    until = now + UNDO
    updated = session.exec(
        sql_update(EmailChange)
        .where(col(EmailChange.id) == change.id, col(EmailChange.confirmed_at).is_(None))
        .values(confirmed_at=now, undo_hash=token_hash(outbox.token_of(undo)), undo_until=until)
    )
    if updated.rowcount != 1:
        return None
    _reserve_old_email(session, person, until, now)
    _set_email(session, person, change.new_email, Actor(person.id, address), now)
    mails.email_changed(session, person, change.old_email, undo, now)
    mails.email_in_force(session, person, now)
    return person


def undo(session: Session, token: str, now: datetime, address: str) -> Person | None:
    """Undo an email change from the old mailbox, whatever the email has become since, and lock the intruder out (`lockout.lock_out`).

    Later changes are undone with it, so that the intruder's mailboxes cannot undo this one.

    Returns:
        The person, or None if the link is no longer valid or the old email belongs to another person.
    """
    change = undoable(session, token, now)
    if change is None:
        return None
    person = session.get_one(Person, change.person_id, with_for_update=True)
    holder = find_person(session, change.old_email)
    if holder is not None and holder.id != person.id:
        return None
    updated = session.exec(
        sql_update(EmailChange).where(col(EmailChange.id) == change.id, col(EmailChange.undone_at).is_(None)).values(undone_at=now)
    )
    if updated.rowcount != 1:
        return None
    by = Actor(person.id, address)
    _restore_old_email(session, person, change, by, now)
    # Lock out from the time of the request: the intruder may have added a passkey before the change was confirmed.
    lockout.lock_out(session, person, change.expires_at - LIFE, by, now)
    return person


def restore(session: Session, person: Person, key: str, by: Actor, now: datetime) -> None:
    """Restore the email with this key to a person if it was changed since and does not belong to another person."""
    if person.email_key == key:
        return
    confirmed = select(EmailChange).where(EmailChange.person_id == person.id, col(EmailChange.confirmed_at).is_not(None))
    for change in session.exec(confirmed.order_by(col(EmailChange.confirmed_at).desc())).all():
        if email_key(change.old_email) == key and find_person(session, change.old_email) is None:
            _restore_old_email(session, person, change, by, now)
            return


def purge_expired(session: Session, now: datetime) -> int:
    """Delete changes that could last be confirmed or undone 30 days ago or earlier; return their number."""
    dead = or_(col(EmailChange.undo_until).is_(None), col(EmailChange.undo_until) <= now - KEEP)
    return session.exec(sql_delete(EmailChange).where(col(EmailChange.expires_at) <= now - KEEP, dead)).rowcount


def _find_open(session: Session, *conditions: object) -> EmailChange | None:
    found = select(EmailChange).join(Person, col(Person.id) == col(EmailChange.person_id)).where(col(Person.disabled_at).is_(None))
    return session.exec(found.where(*conditions)).first()  # pyright: ignore[reportArgumentType]


def _reserve_old_email(session: Session, person: Person, until: datetime, now: datetime) -> None:
    """Store the email that a person gives up; no other person can use it before `until`."""
    save_file_values(session, person)
    assert person.id is not None  # noqa: S101 - read from the database
    earlier = session.get(EarlierEmail, (person.email_key, person.id))
    first = earlier.left_at if earlier is not None else now
    name = session.get_one(FilePerson, person.id).name
    reserved = EarlierEmail(
        email_key=person.email_key, person_id=person.id, email=person.email, name=name, left_at=first, reserved_until=until
    )
    session.merge(reserved)
    session.flush()


def _restore_old_email(session: Session, person: Person, change: EmailChange, by: Actor, now: datetime) -> None:
    """Restore the old email of a change; undo this change and all later ones."""
    # A person has at most one open request, so changes are confirmed in the order of their ids.
    later = (col(EmailChange.person_id) == change.person_id, col(EmailChange.id) >= change.id, col(EmailChange.confirmed_at).is_not(None))
    session.exec(sql_update(EmailChange).where(*later, col(EmailChange.undone_at).is_(None)).values(undone_at=now))
    reserved = (col(EarlierEmail.person_id) == change.person_id, col(EarlierEmail.left_at) >= change.confirmed_at)
    session.exec(sql_delete(EarlierEmail).where(*reserved))
    _set_email(session, person, change.old_email, by, now)


def _set_email(session: Session, person: Person, email: str, by: Actor, now: datetime) -> None:
    assert person.id is not None  # noqa: S101 - read from the database
    before = person.email
    person.email, person.email_key = email, email_key(email)
    session.flush()
    cancel_request(session, person.id)
    links.invalidate_all(session, person.id, now)
    record(session, SigninActivity.EMAIL, by, now, subject_id=person.id, before={"email": before}, after={"email": email})
    security_log.log_event("authn_email_changed", person=person.id, address=by.address)


def cancel_request(session: Session, person_id: int) -> None:
    """Delete a person's unconfirmed email change; the link in the new mailbox no longer works."""
    session.exec(sql_delete(EmailChange).where(col(EmailChange.person_id) == person_id, col(EmailChange.confirmed_at).is_(None)))
