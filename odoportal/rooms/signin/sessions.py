"""Sessions of signed-in browsers: begin, resolve (for every event and document), extend and end.

Timeouts (stricter than NIST SP 800-63B, AAL1): 30 minutes idle and 12 hours absolute; with "keep me signed in" 30 days absolute and no
idle timeout.
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
from odoportal.core.identity import HELD_BACK, ActiveMembership, Identity, token_hash
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
"""The person of a session, with a row for each membership."""


@dataclass(frozen=True)
class Browser:
    """The browser a request comes from.

    Attributes:
        agent: its User-Agent header.
        address: the client's network address.
        device: the hash of the known-browser token it sent; empty without one.
        successor: the hash of the token it gets if the one it sent is replaced (`known_browsers.choose_token`).
    """

    agent: str = ""
    address: str = ""
    device: str = ""
    successor: str = ""


def key_of(session_hash: str) -> str:
    """Return the key that identifies a session on its person's page; it cannot be used to sign in."""
    return token_hash(f"session {session_hash}")[:24]


def ends(created_at: datetime, seen_at: datetime, keep: bool) -> tuple[datetime, datetime | None]:
    """Return the absolute and the idle end of a session; the idle end is None with "keep me signed in"."""
    return (created_at + KEPT, None) if keep else (created_at + ABSOLUTE, seen_at + IDLE)


def is_expired(created_at: datetime, seen_at: datetime, keep: bool, now: datetime) -> bool:
    """Return whether a session has expired; at the exact end it has."""
    absolute, idle = ends(created_at, seen_at, keep)
    return now >= absolute or (idle is not None and now >= idle)


def resolve(connection: Connection, session_hash: str | None, account_number: str | None, now: datetime) -> Identity | None:
    """Resolve the identity of a session by the hash of its token, with one indexed statement and without the ORM.

    If one of the accounts requires two-step sign-in, a second query reads the person's second factors.

    Args:
        connection: a Core connection; nothing is written.
        session_hash: `identity.token_hash` of the cookie's token; None without a cookie.
        account_number: the account to act for; None for the person's account with the lowest number.
        now: the current instant.

    Returns:
        None if there is no such session, it has expired, the person is disabled or belongs to no account, or the person does not belong
        to the requested account.
    """
    if not session_hash:
        return None
    found = connection.execute(_WHO, {"hash": session_hash}).all()
    if not found or is_expired(found[0][0], found[0][1], found[0][2], now):
        return None
    created_at, seen_at, keep, person_id, name, email, language, region = found[0][:8]
    memberships = tuple(sorted(_in_force(connection, person_id, [row[8:] for row in found]), key=lambda m: m.number.zfill(40)))
    account = next((m for m in memberships if account_number in {None, m.number}), None)
    if account is None:
        return None
    ends_at, idle_end = ends(created_at, seen_at, keep)
    return Identity(session_hash, person_id, name, email, language, region, memberships, account, seen_at, ends_at, idle_end)


def _in_force(connection: Connection, person_id: int, found: Sequence[Sequence[Any]]) -> Iterator[ActiveMembership]:
    """Yield the memberships; in an account that requires two-step sign-in, a person without a second factor gets the role `HELD_BACK`.

    Nothing else in the code enforces that requirement.
    """
    held_back = False
    if any(two_step for *_, two_step in found):
        with Session(connection) as session:
            held_back = not two_factor.people_with_second_factor(session, [person_id])
    for account_id, number, name, role, two_step in found:
        yield ActiveMembership(account_id, number, name, HELD_BACK if two_step and held_back else role)


def touch(session: Session, session_hash: str, now: datetime) -> None:
    """Record that the session is in use: at most once a minute, never backwards in time, and never for an expired session."""
    row = session.get(BrowserSession, session_hash)
    if row is None or is_expired(row.created_at, row.seen_at, row.keep, now) or now - row.seen_at < TOUCH_EVERY:
        return
    session.exec(
        sql_update(BrowserSession)
        .where(col(BrowserSession.hash) == session_hash, col(BrowserSession.seen_at) == row.seen_at)
        .values(seen_at=now)
    )


def is_fresh(session: Session, session_hash: str, now: datetime) -> bool:
    """Return whether a session began within the last five minutes; an older one needs a confirmation before sensitive changes."""
    row = session.get(BrowserSession, session_hash)
    return row is not None and now - row.created_at <= FRESH


def begin(session: Session, person_id: int, now: datetime, keep: bool, browser: Browser) -> str:
    """Begin a session and return its token, of which only the hash is stored; end the oldest sessions beyond twenty."""
    token = secrets.token_urlsafe(32)
    session.add(
        BrowserSession(
            hash=token_hash(token),
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
    excess = (
        select(col(BrowserSession.hash))
        .where(col(BrowserSession.person_id) == person_id, col(BrowserSession.hash) != token_hash(token))
        .order_by(col(BrowserSession.created_at).desc(), col(BrowserSession.hash))
        .offset(MOST_SESSIONS - 1)
    )
    for old in session.exec(excess).all():
        sign_out(session, old)
    return token


def renew(session: Session, session_hash: str) -> tuple[str, bool] | None:
    """Replace the token of a session, so that a stolen old token no longer works (ASVS 7.2.4). Its timestamps stay the same.

    Returns:
        The new token and whether the person chose "keep me signed in"; None if the session has ended.
    """
    token = secrets.token_urlsafe(32)
    renewed = sql_update(BrowserSession).where(col(BrowserSession.hash) == session_hash).values(hash=token_hash(token))
    kept = session.exec(select(BrowserSession.keep).where(BrowserSession.hash == session_hash)).first()
    return (token, kept) if kept is not None and session.exec(renewed).rowcount == 1 else None


def sign_out(session: Session, session_hash: str) -> bool:
    """End one session; return whether it existed."""
    return session.exec(sql_delete(BrowserSession).where(col(BrowserSession.hash) == session_hash)).rowcount == 1


def exists(session: Session, session_hash: str) -> bool:
    """Return whether there is a session with this hash, expired or not.

    Call it before a write, so that a made-up cookie cannot occupy the single database writer.
    """
    return session.get(BrowserSession, session_hash) is not None


def end_all(session: Session, person_id: int, except_hash: str = "") -> int:
    """End every session of a person except the one with the hash `except_hash`; return their number."""
    ended = sql_delete(BrowserSession).where(col(BrowserSession.person_id) == person_id, col(BrowserSession.hash) != except_hash)
    return session.exec(ended).rowcount


def end_if_expired(session: Session, session_hash: str, now: datetime) -> None:
    """Delete a session if it has expired, so that a clock set back cannot revive it."""
    row = session.get(BrowserSession, session_hash)
    if row is not None and is_expired(row.created_at, row.seen_at, row.keep, now):
        sign_out(session, session_hash)


def purge_expired(session: Session, now: datetime) -> int:
    """Delete all expired sessions; return their number."""
    expired = (
        ~col(BrowserSession.keep) & ((col(BrowserSession.seen_at) <= now - IDLE) | (col(BrowserSession.created_at) <= now - ABSOLUTE))
    ) | (col(BrowserSession.created_at) <= now - KEPT)
    return session.exec(sql_delete(BrowserSession).where(expired)).rowcount
