"""One-use links sent by mail: a password reset (30 minutes), a first access (7 days), and the report of a sign-in (7 days).

The token of a link is derived from a random seed with the portal's secret (`mail.outbox`), so that neither the table of links nor the
outbox contains a usable token.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import or_
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts.models import Person
from odoportal.core.identity import token_hash
from odoportal.mail import outbox
from odoportal.rooms.signin.models import LinkKind, OneUseLink

LIFE = {LinkKind.RESET: timedelta(minutes=30), LinkKind.INVITE: timedelta(days=7), LinkKind.ALERT: timedelta(days=7)}
KEEP_EXPIRED = timedelta(days=30)


def create(session: Session, person: Person, kind: LinkKind, now: datetime) -> str:
    """Create a link for a person, invalidate the person's older ones (except alerts), and return the seed for the mail."""
    assert person.id is not None  # noqa: S101 - a person of the database
    _lock_person(session, person.id)
    invalidate_all(session, person.id, now)
    return _add(session, person, kind, now)


def create_decoy(session: Session, kind: LinkKind, now: datetime) -> str:
    """Run the statements of `create` without a person and return a seed; call `delete` for it in the same transaction.

    The link it writes is already used and expired.
    """
    # A link needs an existing person; the row is deleted before the transaction ends, so that no one else sees it.
    any_person_id = session.exec(select(col(Person.id)).order_by(col(Person.id)).limit(1)).first()
    invalidate_all(session, 0, now)
    seed = outbox.new_seed()
    if any_person_id is not None:
        session.add(
            OneUseLink(
                hash=token_hash(outbox.token_of(seed)),
                person_id=any_person_id,
                kind=kind.value,
                email_key="",
                created_at=now,
                expires_at=now,
                used_at=now,
            )
        )
        session.flush()
    return seed


def delete(session: Session, seed: str) -> None:
    """Delete the link of a seed; with an empty seed, run the same statement without effect."""
    session.exec(sql_delete(OneUseLink).where(col(OneUseLink.hash) == token_hash(outbox.token_of(seed) if seed else "")))


def create_alert(session: Session, person: Person, now: datetime) -> str:
    """Create a link to report that another person signed in, and return its seed. Only its use and its expiry invalidate it."""
    return _add(session, person, LinkKind.ALERT, now)


def _add(session: Session, person: Person, kind: LinkKind, now: datetime) -> str:
    assert person.id is not None  # noqa: S101 - a person of the database
    seed = outbox.new_seed()
    session.add(
        OneUseLink(
            hash=token_hash(outbox.token_of(seed)),
            person_id=person.id,
            kind=kind.value,
            email_key=person.email_key,
            created_at=now,
            expires_at=now + LIFE[kind],
        )
    )
    session.flush()
    return seed


def _lock_person(session: Session, person_id: int) -> None:
    # Lock the person's row first: otherwise two resets at the same time would not see, and not invalidate, each other's link.
    # Every change of a person's links takes this lock first, which prevents deadlocks.
    session.exec(select(col(Person.id)).where(col(Person.id) == person_id).with_for_update()).one()


def invalidate_all(session: Session, person_id: int, now: datetime) -> None:
    """Invalidate a person's open links that set a password: after a newer link, a sign-in, or a changed password or email."""
    session.exec(
        sql_update(OneUseLink)
        .where(
            col(OneUseLink.person_id) == person_id,
            col(OneUseLink.kind) != LinkKind.ALERT.value,
            col(OneUseLink.used_at).is_(None),
        )
        .values(used_at=now)
    )


def owner(session: Session, token: str, kind: LinkKind, now: datetime) -> Person | None:
    """Return the person an open link belongs to, without using it.

    Returns:
        None if the link is unknown, used, expired or of another kind, the person is disabled, or (except for alerts) the person's email has
        changed since.
    """
    if not token:
        return None
    found = session.exec(
        select(OneUseLink, Person)
        .join(Person, col(Person.id) == col(OneUseLink.person_id))
        .where(
            col(OneUseLink.hash) == token_hash(token),
            col(OneUseLink.kind) == kind.value,
            col(OneUseLink.used_at).is_(None),
            col(OneUseLink.expires_at) > now,
            col(Person.disabled_at).is_(None),
            or_(col(Person.email_key) == col(OneUseLink.email_key), col(OneUseLink.kind) == LinkKind.ALERT.value),
        )
    ).first()
    return found[1] if found else None


def email_of(session: Session, token: str) -> str:
    """Return the key of the email that a link was created for."""
    return session.exec(select(OneUseLink.email_key).where(OneUseLink.hash == token_hash(token))).one()


def created_at(session: Session, token: str) -> datetime:
    """Return the instant a link was created at (UTC)."""
    return session.exec(select(OneUseLink.created_at).where(OneUseLink.hash == token_hash(token))).one()


def use(session: Session, token: str, kind: LinkKind, now: datetime) -> Person | None:
    """Use a link and return its person; of several concurrent tries exactly one gets the person, the others None."""
    person = owner(session, token, kind, now)
    if person is None or person.id is None:
        return None
    _lock_person(session, person.id)
    updated = session.exec(
        sql_update(OneUseLink)
        .where(
            col(OneUseLink.hash) == token_hash(token),
            col(OneUseLink.kind) == kind.value,
            col(OneUseLink.used_at).is_(None),
            col(OneUseLink.expires_at) > now,
        )
        .values(used_at=now)
    )
    return person if updated.rowcount == 1 else None


def purge_expired(session: Session, now: datetime) -> int:
    """Delete links that expired 30 days ago or earlier; return their number."""
    return session.exec(sql_delete(OneUseLink).where(col(OneUseLink.expires_at) <= now - KEEP_EXPIRED)).rowcount
