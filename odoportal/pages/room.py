"""A room: one place of the portal, and everything it adds to the whole.

Each room declares a `ROOM` in its `room.py`; `rooms/registry.py` lists them all. The portal, the commands and the import call
`registry.install` before they use the functions below, which ask every room.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select
from starlette.routing import BaseRoute

from odoportal.accounts.access_loss import AccessLoss
from odoportal.accounts.activity_log import ActivityKind, Actor
from odoportal.accounts.models import Membership
from odoportal.core import clock, database
from odoportal.core.i18n import t
from odoportal.jobs import leases
from odoportal.jobs.schedule import Every, Job, Result
from odoportal.observability.failures import Failures
from odoportal.web.page import Page

Text = Callable[[], str]
"""Returns a text in the current language."""


@dataclass(frozen=True)
class Web:
    """The pages and addresses that a room serves.

    Attributes:
        pages: Its pages.
        routes: Its other addresses: files, webhooks. Each checks its right itself or is wrapped by `rights.guarded`.
    """

    pages: Sequence[Page] = ()
    routes: Sequence[BaseRoute] = ()


@dataclass(frozen=True)
class ActivityGroup:
    """A tab of the activity list: its value in the address, and its name."""

    key: str
    title: Text


ACCOUNT = ActivityGroup("account", lambda: t("Account"))
SIGN_IN = ActivityGroup("sign-in", lambda: t("Sign-in"))
"""The groups that several rooms share."""


@dataclass(frozen=True)
class Activity:
    """Kinds of activity that a room records, and how the activity list shows them.

    Attributes:
        group: The tab that holds them.
        labels: Every kind with its label in the current language.
        fields: Labels of the fields whose values the rows keep.
        values: How a field's stored value is written on the screen, for fields that are not shown as they are.
        actor: Who acted where the row names no person, from the row; None for Odotrack's staff.
    """

    group: ActivityGroup
    labels: Callable[[], Mapping[ActivityKind, str]]
    fields: Callable[[], Mapping[str, str]] = dict
    values: Callable[[], Mapping[str, Callable[[str], str]]] = dict
    actor: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class KeptData:
    """A row of the Privacy page: which personal data are kept, why, and for how long."""

    what: str
    why: str
    how_long: str


@dataclass(frozen=True)
class Room:
    """A place of the portal.

    Attributes:
        name: Its folder.
        web: Returns what it serves. It imports Reflex and is called by the running portal only, so that commands start quickly.
        counters: How many records of an account the menu shows beside an entry, by the entry's path. Arguments: a reading session, the
            account's id, the business day.
        activity: The kinds of activity it records.
        kept: Returns its rows of the Privacy page in the current language.
        purges: Delete rows whose time has passed, and return how many. Each is called every hour with a writing session and the time, in
            its own transaction; what it does outside the database waits for the commit.
        revoke: Revokes what a person set up and has lost the right to. Called in the transaction that takes the right.
        jobs: Its background jobs.
    """

    name: str
    web: Callable[[], Web] = Web
    counters: Mapping[str, Callable[[Session, int, date], int]] = field(default_factory=dict)
    activity: Sequence[Activity] = ()
    kept: Callable[[], Sequence[KeptData]] = tuple
    purges: Sequence[Callable[[Session, datetime], int]] = ()
    revoke: Callable[[Session, AccessLoss, datetime], None] | None = None
    jobs: Sequence[Job] = ()


_installed: tuple[Room, ...] = ()


def install(rooms: Sequence[Room]) -> None:
    """Set the rooms of this process."""
    global _installed  # noqa: PLW0603 - set once by every entry point; a forgotten one fails in `installed`
    _installed = tuple(rooms)


def installed() -> tuple[Room, ...]:
    """Return the rooms of this process.

    Raises:
        RuntimeError: If none were installed: a person's access would end without what the person set up.
    """
    if not _installed:
        raise RuntimeError("call odoportal.rooms.registry.install() first")
    return _installed


def counts(session: Session, account_id: int, today: date) -> dict[str, int]:
    """Return how many records of an account the menu shows, by the path of the entry. One statement for each counter."""
    return {path: count(session, account_id, today) for room in installed() for path, count in room.counters.items()}


async def purge(now: datetime) -> Result:
    """Delete the expired rows of every room, each kind in a transaction of its own; return how many rows were deleted."""
    failures, rows = Failures("purge"), 0
    for purge_expired in _purges():
        with failures.skip(f"{purge_expired.__module__}.{purge_expired.__name__}"):
            rows += await database.write(purge_expired, now)
    return Result(rows, len(failures.items))


def _purges() -> list[Callable[[Session, datetime], int]]:
    return [leases.purge_expired, *(one for room in installed() for one in room.purges)]


def _count_expired(session: Session, now: datetime) -> int:
    """Return how many rows `purge` would delete, by deleting them in a transaction that is undone."""
    with Session(session.get_bind()) as undone:
        rows = sum(purge_expired(undone, now) for purge_expired in _purges())
        undone.rollback()
    return rows


PURGE = Job("purge", Every(timedelta(hours=1)), lambda: purge(clock.now()), _count_expired)
"""Deletes the expired rows of every room, every hour."""


def revoke(session: Session, lost: AccessLoss, now: datetime) -> None:
    """Revoke what a person set up in an account and has lost the right to. See `accounts.access_loss`.

    Args:
        session: The session of the transaction that removes the right.
        lost: The person, the account, and what remains of the access.
        now: The current time.
    """
    for room in installed():
        if room.revoke:
            room.revoke(session, lost, now)


def revoke_everywhere(session: Session, person_id: int, by: Actor, now: datetime, since: datetime | None = None) -> None:
    """Revoke what a person set up in each of the person's accounts; with `since`, only what was set up from that time on."""
    accounts = select(Membership.account_id).where(Membership.person_id == person_id).order_by(col(Membership.account_id))
    for account_id in session.exec(accounts).all():
        revoke(session, AccessLoss(account_id, person_id, by, since=since), now)
