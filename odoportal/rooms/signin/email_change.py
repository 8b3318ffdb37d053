"""Another email for a person: asked for with the password, in force once the new mailbox says so, taken back by the old one."""

from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import or_
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts import unsolicited
from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.models import EarlierEmail, FilePerson, Person
from odoportal.accounts.service import email_key, find_person, keep_file, spoken_for
from odoportal.core.identity import digest
from odoportal.mail import outbox
from odoportal.rooms.signin import links, lockout, mails, security_log
from odoportal.rooms.signin.models import EmailChange

LIFE = timedelta(hours=24)
UNDO = timedelta(days=7)
KEEP = timedelta(days=30)


def request(session: Session, person_id: int, verified: str, email: str, now: datetime) -> bool:
    """Ask for another email: a link is mailed to it, and nothing changes until it is used. An older request dies.

    Where the email is somebody else's, that person gets a letter instead, and whoever asked is told the same. Where somebody had it and may
    still take it back, nobody gets a letter.

    Args:
        session: the writing session.
        person_id: the person.
        verified: the stored password that was just compared; a change in the meantime makes it fail.
        email: an email as `email_validator` writes it.
        now: the instant.

    Raises:
        TooManyLetters: enough mailboxes were written to for now, or this one was.
    """
    person = session.get(Person, person_id, with_for_update=True)
    if person is None or person.password != verified:
        return False
    unsolicited.count(session, unsolicited.Kind.EMAIL, person_id, None, email, now)
    forget(session, person_id)
    security_log.log_event("authn_email_change_requested", person=person_id)
    if (known := spoken_for(session, email, now)) is not None and known.id != person_id:
        if known.email_key == email_key(email):
            mails.email_known(session, known, now)
        return True
    seed = outbox.new_seed()
    asked = EmailChange(
        person_id=person_id, old_email=person.email, new_email=email, hash=digest(outbox.token_of(seed)), expires_at=now + LIFE
    )
    session.add(asked)
    session.flush()
    mails.email_confirm(session, person, email, seed, now)
    return True


def waiting(session: Session, person_id: int, now: datetime) -> EmailChange | None:
    """The email that a person asked for and has not confirmed yet."""
    return session.exec(
        select(EmailChange).where(
            EmailChange.person_id == person_id, col(EmailChange.confirmed_at).is_(None), col(EmailChange.expires_at) > now
        )
    ).first()


def asked(session: Session, token: str, now: datetime) -> EmailChange | None:
    """The change that an open link in the new mailbox confirms; None when it is over, used, replaced, or the person is disabled."""
    return _open(
        session, col(EmailChange.hash) == digest(token), col(EmailChange.confirmed_at).is_(None), col(EmailChange.expires_at) > now
    )


def undoable(session: Session, token: str, now: datetime) -> EmailChange | None:
    """The change that an open link in the old mailbox takes back."""
    return _open(
        session, col(EmailChange.undo_hash) == digest(token), col(EmailChange.undone_at).is_(None), col(EmailChange.undo_until) > now
    )


def confirm(session: Session, token: str, now: datetime, address: str) -> Person | None:
    """Put another email in force, once: reset links of the old one die, and it gets a notice with a link that undoes it.

    Args:
        session: the writing session.
        token: of the link in the new mailbox.
        now: the instant.
        address: of the client.

    Returns:
        None when the link is dead, or the email has become somebody else's meanwhile, or may be taken back by somebody else.
    """
    change = asked(session, token, now)
    if change is None:
        return None
    person = session.get_one(Person, change.person_id, with_for_update=True)
    known = spoken_for(session, change.new_email, now)
    if person.email != change.old_email or (known is not None and known.id != person.id):
        return None
    undo = outbox.new_seed()
    until = now + UNDO
    taken = session.exec(
        sql_update(EmailChange)
        .where(col(EmailChange.id) == change.id, col(EmailChange.confirmed_at).is_(None))
        .values(confirmed_at=now, undo_hash=digest(outbox.token_of(undo)), undo_until=until)
    )
    if taken.rowcount != 1:
        return None
    _leave(session, person, until, now)
    _put(session, person, change.new_email, Actor(person.id, address), now)
    mails.email_changed(session, person, change.old_email, undo, now)
    mails.email_in_force(session, person, now)
    return person


def undo(session: Session, token: str, now: datetime, address: str) -> Person | None:
    """Take a change back from the old mailbox, whatever became of the email since. Somebody else was in, so that everything ends.

    Changes that were made after it are taken back with it: the mailboxes of whoever was in must not undo this.

    Returns:
        None when the link is dead, or the old email has become somebody else's.
    """
    change = undoable(session, token, now)
    if change is None:
        return None
    person = session.get_one(Person, change.person_id, with_for_update=True)
    known = find_person(session, change.old_email)
    if known is not None and known.id != person.id:
        return None
    taken = session.exec(
        sql_update(EmailChange).where(col(EmailChange.id) == change.id, col(EmailChange.undone_at).is_(None)).values(undone_at=now)
    )
    if taken.rowcount != 1:
        return None
    by = Actor(person.id, address)
    _take_back(session, person, change, by, now)
    # Whoever changed the email may have added a passkey in the days that the change waited for its confirmation.
    lockout.lock_out(session, person, change.expires_at - LIFE, by, now)
    return person


def put_back(session: Session, person: Person, key: str, by: Actor, now: datetime) -> None:
    """Give a person back the email with this key, where it was changed since and is nobody else's."""
    if person.email_key == key:
        return
    made = select(EmailChange).where(EmailChange.person_id == person.id, col(EmailChange.confirmed_at).is_not(None))
    for change in session.exec(made.order_by(col(EmailChange.confirmed_at).desc())).all():
        if email_key(change.old_email) == key and find_person(session, change.old_email) is None:
            _take_back(session, person, change, by, now)
            return


def purge_expired(session: Session, now: datetime) -> int:
    """Remove changes that nobody can confirm or undo any more; returns how many."""
    dead = or_(col(EmailChange.undo_until).is_(None), col(EmailChange.undo_until) <= now - KEEP)
    return session.exec(sql_delete(EmailChange).where(col(EmailChange.expires_at) <= now - KEEP, dead)).rowcount


def _open(session: Session, *conditions: object) -> EmailChange | None:
    found = select(EmailChange).join(Person, col(Person.id) == col(EmailChange.person_id)).where(col(Person.disabled_at).is_(None))
    return session.exec(found.where(*conditions)).first()  # pyright: ignore[reportArgumentType]


def _leave(session: Session, person: Person, until: datetime, now: datetime) -> None:
    """Keep the email that a person leaves; nobody else can have it `until` then."""
    keep_file(session, person)
    assert person.id is not None  # noqa: S101 - read from the database
    held = session.get(EarlierEmail, (person.email_key, person.id))
    first = held.left_at if held is not None else now
    name = session.get_one(FilePerson, person.id).name
    left = EarlierEmail(email_key=person.email_key, person_id=person.id, email=person.email, name=name, left_at=first, reserved_until=until)
    session.merge(left)
    session.flush()


def _take_back(session: Session, person: Person, change: EmailChange, by: Actor, now: datetime) -> None:
    """Give a person the old email of a change again; this change and all that followed are undone."""
    # A person has one open request at most, so that changes are confirmed in the order of their ids.
    since = (col(EmailChange.person_id) == change.person_id, col(EmailChange.id) >= change.id, col(EmailChange.confirmed_at).is_not(None))
    session.exec(sql_update(EmailChange).where(*since, col(EmailChange.undone_at).is_(None)).values(undone_at=now))
    left = (col(EarlierEmail.person_id) == change.person_id, col(EarlierEmail.left_at) >= change.confirmed_at)
    session.exec(sql_delete(EarlierEmail).where(*left))
    _put(session, person, change.old_email, by, now)


def _put(session: Session, person: Person, email: str, by: Actor, now: datetime) -> None:
    assert person.id is not None  # noqa: S101 - read from the database
    before = person.email
    person.email, person.email_key = email, email_key(email)
    session.flush()
    forget(session, person.id)
    links.kill(session, person.id, now)
    record(session, ActivityKind.EMAIL, by, now, subject_id=person.id, before={"email": before}, after={"email": email})
    security_log.log_event("authn_email_changed", person=person.id, address=by.address)


def forget(session: Session, person_id: int) -> None:
    """Drop what a person asked for and has not confirmed: the link in the new mailbox no longer works."""
    session.exec(sql_delete(EmailChange).where(col(EmailChange.person_id) == person_id, col(EmailChange.confirmed_at).is_(None)))
