"""Signed-in browsers: begun, looked up for every event and document, extended, ended.

The ends (NIST SP 800-63B, AAL1 and stricter): idle 30 minutes and absolute 12 hours; with "keep me signed in" absolute
30 days and no idle end.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam
from sqlalchemy import delete as sql_delete
from sqlalchemy import select as sql_select
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts.models import Account, Person
from odoportal.accounts.models import Membership as MembershipRow
from odoportal.core.identity import HELD_BACK, Identity, Membership, digest
from odoportal.rooms.signin import two_factor
from odoportal.rooms.signin.models import BrowserSession

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
KEPT = timedelta(days=30)
TOUCH_EVERY = timedelta(minutes=1)
FRESH = timedelta(minutes=5)
MOST_SESSIONS = 20

_WHO = (
    sql_select(
        col(BrowserSession.created_at),
        col(BrowserSession.seen_at),
        col(BrowserSession.keep),
        col(BrowserSession.person_id),
        col(Person.name),
        col(Person.email),
        col(Person.language),
        col(Person.region),
        col(MembershipRow.account_id),
        col(Account.number),
        col(Account.name),
        col(MembershipRow.role),
        col(Account.two_step),
    )
    .join(Person, col(Person.id) == col(BrowserSession.person_id))
    .join(MembershipRow, col(MembershipRow.person_id) == col(Person.id))
    .join(Account, col(Account.id) == col(MembershipRow.account_id))
    .where(col(BrowserSession.hash) == bindparam("hash"), col(Person.disabled_at).is_(None))
)
"""Who a session is of: a row for each of the person's memberships."""


@dataclass(frozen=True)
class Browser:
    """What is kept about the browser of a session: its own words, its address, and the hash of the cookie by which it is known again.

    `successor` is the hash of the token that the browser gets where the one it brought is not kept (`browsers.settled`).
    """

    agent: str = ""
    address: str = ""
    device: str = ""
    successor: str = ""


def key_of(session_hash: str) -> str:
    """What names a session in its person's page; nobody is signed in by it."""
    return digest(f"session {session_hash}")[:24]


def ends(created_at: datetime, seen_at: datetime, keep: bool) -> tuple[datetime, datetime | None]:
    """The absolute and the idle end of a session; the second is None with "keep me signed in"."""
    return (created_at + KEPT, None) if keep else (created_at + ABSOLUTE, seen_at + IDLE)


def is_over(created_at: datetime, seen_at: datetime, keep: bool, now: datetime) -> bool:
    """Whether a session has ended; at the very end it has."""
    absolute, idle = ends(created_at, seen_at, keep)
    return now >= absolute or (idle is not None and now >= idle)


def resolve(connection: Connection, session_hash: str | None, account_number: str | None, now: datetime) -> Identity | None:
    """Who asks, by the hash of the session's token: one statement on indexes, no ORM.

    Args:
        connection: a Core connection; nothing is written.
        session_hash: `identity.digest` of the cookie's token; None without a cookie.
        account_number: the account to act for; None for the lowest number the person belongs to.
        now: the instant the ends are compared with.

    Returns:
        None when there is no such session, it is over, the person is disabled or belongs to no account, or the
        account is not the person's.
    """
    if not session_hash:
        return None
    found = connection.execute(_WHO, {"hash": session_hash}).all()
    if not found or is_over(found[0][0], found[0][1], found[0][2], now):
        return None
    created_at, seen_at, keep, person_id, name, email, language, region = found[0][:8]
    memberships = tuple(sorted(_in_force(connection, person_id, [row[8:] for row in found]), key=lambda m: m.number.zfill(40)))
    account = next((m for m in memberships if account_number in {None, m.number}), None)
    if account is None:
        return None
    ends_at, idle_end = ends(created_at, seen_at, keep)
    return Identity(session_hash, person_id, name, email, language, region, memberships, account, seen_at, ends_at, idle_end)


def _in_force(connection: Connection, person_id: int, found: Sequence[Sequence[Any]]) -> Iterator[Membership]:
    """The memberships. Without a second factor, an account that requires one holds its people back: the one place that does."""
    held_back = False
    if any(two_step for *_, two_step in found):
        with Session(connection) as session:
            held_back = not two_factor.who_have_one(session, [person_id])
    for account_id, number, name, role, two_step in found:
        yield Membership(account_id, number, name, HELD_BACK if two_step and held_back else role)


def touch(session: Session, session_hash: str, now: datetime) -> None:
    """Note that the person is there. Writes once a minute at most, never backwards, never on a session that is over."""
    row = session.get(BrowserSession, session_hash)
    if row is None or is_over(row.created_at, row.seen_at, row.keep, now) or now - row.seen_at < TOUCH_EVERY:
        return
    session.exec(
        sql_update(BrowserSession)
        .where(col(BrowserSession.hash) == session_hash, col(BrowserSession.seen_at) == row.seen_at)
        .values(seen_at=now)
    )


def is_fresh(session: Session, session_hash: str, now: datetime) -> bool:
    """Whether a session was begun within the last five minutes: before what matters, an older one is asked for the password again."""
    row = session.get(BrowserSession, session_hash)
    return row is not None and now - row.created_at <= FRESH


def begin(session: Session, person_id: int, now: datetime, keep: bool, browser: Browser) -> str:
    """Begin a session and return its token; only the hash is kept. The oldest beyond twenty ends."""
    token = secrets.token_urlsafe(32)
    session.add(
        BrowserSession(
            hash=digest(token),
            person_id=person_id,
            created_at=now,
            seen_at=now,
            keep=keep,
            browser=browser.agent[:200],
            address=browser.address[:45],
        )
    )
    session.exec(sql_update(Person).where(col(Person.id) == person_id).values(signed_in_at=now))
    session.flush()
    beyond = (
        select(col(BrowserSession.hash))
        .where(col(BrowserSession.person_id) == person_id, col(BrowserSession.hash) != digest(token))
        .order_by(col(BrowserSession.created_at).desc(), col(BrowserSession.hash))
        .offset(MOST_SESSIONS - 1)
    )
    for old in session.exec(beyond).all():
        sign_out(session, old)
    return token


def renew(session: Session, session_hash: str) -> tuple[str, bool] | None:
    """Give a session another token: whoever had learned the one from before is out (ASVS 7.2.4). Its times stay.

    Returns:
        The new token and whether the session is kept beyond the browser's closing; None where it has ended.
    """
    token = secrets.token_urlsafe(32)
    renewed = sql_update(BrowserSession).where(col(BrowserSession.hash) == session_hash).values(hash=digest(token))
    kept = session.exec(select(BrowserSession.keep).where(BrowserSession.hash == session_hash)).first()
    return (token, kept) if kept is not None and session.exec(renewed).rowcount == 1 else None


def sign_out(session: Session, session_hash: str) -> bool:
    """End one session; True when there was one."""
    return session.exec(sql_delete(BrowserSession).where(col(BrowserSession.hash) == session_hash)).rowcount == 1


def exists(session: Session, session_hash: str) -> bool:
    """Return whether there is a session with this hash, over or not. Ask it before a write: a stranger can make up any cookie."""
    return session.get(BrowserSession, session_hash) is not None


def end_all(session: Session, person_id: int, but: str = "") -> int:
    """End every session of a person, but the one with this hash; returns how many."""
    ended = sql_delete(BrowserSession).where(col(BrowserSession.person_id) == person_id, col(BrowserSession.hash) != but)
    return session.exec(ended).rowcount


def end_if_over(session: Session, session_hash: str, now: datetime) -> None:
    """Remove a session that is over, so that a clock which goes back cannot revive it."""
    row = session.get(BrowserSession, session_hash)
    if row is not None and is_over(row.created_at, row.seen_at, row.keep, now):
        sign_out(session, session_hash)


def purge_expired(session: Session, now: datetime) -> int:
    """Remove every session that is over; returns how many."""
    over = (
        ~col(BrowserSession.keep) & ((col(BrowserSession.seen_at) <= now - IDLE) | (col(BrowserSession.created_at) <= now - ABSOLUTE))
    ) | (col(BrowserSession.created_at) <= now - KEPT)
    return session.exec(sql_delete(BrowserSession).where(over)).rowcount
