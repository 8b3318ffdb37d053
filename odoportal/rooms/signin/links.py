"""One-use links sent by mail: a password reset (30 minutes), a first access (7 days).

The token of a link is derived with the portal's secret from a random seed (`foundation.mail`), so that neither the
table of links nor the outbox holds one that could be used.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import or_
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts.models import Person
from odoportal.core.identity import digest
from odoportal.mail import outbox
from odoportal.rooms.signin.models import LinkKind, OneUseLink

LIFE = {LinkKind.RESET: timedelta(minutes=30), LinkKind.INVITE: timedelta(days=7), LinkKind.ALERT: timedelta(days=7)}
KEEP_DEAD = timedelta(days=30)


def make(session: Session, person: Person, kind: LinkKind, now: datetime) -> str:
    """A new link for a person; every older one of the same person dies. Returns the seed for the mail."""
    assert person.id is not None  # noqa: S101 - a person of the database
    _hold(session, person.id)
    kill(session, person.id, now)
    return _add(session, person, kind, now)


def make_for_nobody(session: Session, kind: LinkKind, now: datetime) -> str:
    """Run the statements of `make` for nobody, and return a seed. Its link is dead; `take_out` it in the same transaction."""
    # A link is of somebody. Nobody else sees this row; it is gone before the transaction ends.
    somebody = session.exec(select(col(Person.id)).order_by(col(Person.id)).limit(1)).first()
    kill(session, 0, now)
    seed = outbox.new_seed()
    if somebody is not None:
        session.add(
            OneUseLink(
                hash=digest(outbox.token_of(seed)),
                person_id=somebody,
                kind=kind.value,
                email_key="",
                created_at=now,
                expires_at=now,
                used_at=now,
            )
        )
        session.flush()
    return seed


def take_out(session: Session, seed: str) -> None:
    """Take the link of a seed out again; none of an empty seed."""
    session.exec(sql_delete(OneUseLink).where(col(OneUseLink.hash) == digest(outbox.token_of(seed) if seed else "")))


def make_alert(session: Session, person: Person, now: datetime) -> str:
    """A new link with which a person says that it was somebody else; nothing but its use and its time ends it."""
    return _add(session, person, LinkKind.ALERT, now)


def _add(session: Session, person: Person, kind: LinkKind, now: datetime) -> str:
    assert person.id is not None  # noqa: S101 - a person of the database
    seed = outbox.new_seed()
    session.add(
        OneUseLink(
            hash=digest(outbox.token_of(seed)),
            person_id=person.id,
            kind=kind.value,
            email_key=person.email_key,
            created_at=now,
            expires_at=now + LIFE[kind],
        )
    )
    session.flush()
    return seed


def _hold(session: Session, person_id: int) -> None:
    # Links are made and used one after another for each person: of two resets at the same time, neither sees the other's link to end it.
    # Whoever changes a person's links holds the person first, so that no two wait for each other.
    session.exec(select(col(Person.id)).where(col(Person.id) == person_id).with_for_update()).one()


def kill(session: Session, person_id: int, now: datetime) -> None:
    """End every open link of a person to a password: a newer one, a sign-in, a changed password or email makes them useless."""
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
    """The person an open link belongs to, without using it; None when it is unknown, used, over or of another kind."""
    if not token:
        return None
    found = session.exec(
        select(OneUseLink, Person)
        .join(Person, col(Person.id) == col(OneUseLink.person_id))
        .where(
            col(OneUseLink.hash) == digest(token),
            col(OneUseLink.kind) == kind.value,
            col(OneUseLink.used_at).is_(None),
            col(OneUseLink.expires_at) > now,
            col(Person.disabled_at).is_(None),
            or_(col(Person.email_key) == col(OneUseLink.email_key), col(OneUseLink.kind) == LinkKind.ALERT.value),
        )
    ).first()
    return found[1] if found else None


def email_of(session: Session, token: str) -> str:
    """The key of the email that a link was made for."""
    return session.exec(select(OneUseLink.email_key).where(OneUseLink.hash == digest(token))).one()


def made_at(session: Session, token: str) -> datetime:
    """When a link was made."""
    return session.exec(select(OneUseLink.created_at).where(OneUseLink.hash == digest(token))).one()


def use(session: Session, token: str, kind: LinkKind, now: datetime) -> Person | None:
    """Use a link up: of any number of tries at the same time exactly one gets the person, the others None."""
    person = owner(session, token, kind, now)
    if person is None or person.id is None:
        return None
    _hold(session, person.id)
    taken = session.exec(
        sql_update(OneUseLink)
        .where(
            col(OneUseLink.hash) == digest(token),
            col(OneUseLink.kind) == kind.value,
            col(OneUseLink.used_at).is_(None),
            col(OneUseLink.expires_at) > now,
        )
        .values(used_at=now)
    )
    return person if taken.rowcount == 1 else None


def purge_expired(session: Session, now: datetime) -> int:
    """Remove links that died long ago; returns how many."""
    return session.exec(sql_delete(OneUseLink).where(col(OneUseLink.expires_at) <= now - KEEP_DEAD)).rowcount
