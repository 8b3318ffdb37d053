"""All background jobs of the portal, with those that no single room has: the notices, and the job that tells staff of late ones."""

import asyncio
from datetime import datetime, time, timedelta
from html import escape

from sqlmodel import Session

from odoportal.core import clock, database
from odoportal.core.database import write_session
from odoportal.importing import locks, merge
from odoportal.jobs import leases
from odoportal.jobs.schedule import Daily, Every, Job, Result
from odoportal.mail import outbox
from odoportal.pages.room import PURGE
from odoportal.rooms.cards import flow
from odoportal.rooms.notifications import send
from odoportal.rooms.notifications.send import SendRun
from odoportal.rooms.registry import ROOMS
from odoportal.settings import get_settings


class ImportUnfinished(Exception):
    """An import was interrupted between two of its parts."""


def write_notices(*, dry: bool = False) -> SendRun:
    """Write the emails about what is new today, each once however often this runs.

    Args:
        dry: Only return what would be written.

    Raises:
        locks.DatabaseInUse: An import is running. Between its parts, an invoice may be in the database without its payment.
        ImportUnfinished: An import was interrupted.
    """
    provider = flow.provider()
    with locks.importing(database.engine()):
        with database.read_session() as session:
            if merge.unfinished(session):
                raise ImportUnfinished
        return send.run(provider.name if provider else "", clock.today(), clock.now(), dry=dry)


async def _notices() -> Result:
    written = await asyncio.to_thread(write_notices)
    return Result(written.mails, len(written.failed))


def _count_notices(_session: Session, _now: datetime) -> int:
    return write_notices(dry=True).mails


def _in_production() -> bool:
    # The business day of a demonstration stands still.
    return get_settings().mode == "production"


NOTICES = Job("notices", Daily(time(7, 30)), _notices, _count_notices, is_needed=_in_production)
"""Writes the notices of the day. It waits while an import runs, and is repeated until it could run."""


def _tell_staff() -> Result:
    """Mail staff about the jobs that are late, once for each time."""
    to = get_settings().staff_email
    with write_session() as session:
        untold = [state for state in leases.late(session, JOBS) if state.told_at is None]
        now = leases.database_now(session)
        for state in untold:
            state.told_at = now
        if untold and to:
            names = ", ".join(state.name for state in untold)
            text = (
                f"These background jobs of {get_settings().origin} are late: {names}.\n\n"
                "`odoportal jobs` says when each ran last and with what result, `odoportal check` what is wrong.\n"
            )
            page = f"<!doctype html><html lang='en'><body><p>{escape(text)}</p></body></html>"
            outbox.enqueue(session, to=to, language="en", subject=f"Late background jobs: {names}"[:200], text=text, html=page, now=now)
    return Result(len(untold))


async def _tell() -> Result:
    return await asyncio.to_thread(_tell_staff)


def _count_untold(session: Session, _now: datetime) -> int:
    return sum(state.told_at is None for state in leases.late(session, JOBS))


LATE = Job("late jobs", Every(timedelta(minutes=10)), _tell, _count_untold, only_if_waiting=True)
JOBS: tuple[Job, ...] = (outbox.JOB, NOTICES, PURGE, *(job for room in ROOMS for job in room.jobs), LATE)
"""In the order in which `odoportal jobs` lists them."""
