"""All background jobs of the portal, and the job that tells staff of the others when they are late."""

import asyncio
from datetime import datetime, timedelta
from html import escape

from sqlmodel import Session

from odoportal.core.database import write_session
from odoportal.jobs import leases
from odoportal.jobs.schedule import Every, Job, Result
from odoportal.mail import outbox
from odoportal.pages.room import PURGE
from odoportal.rooms.registry import ROOMS
from odoportal.settings import get_settings


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
JOBS: tuple[Job, ...] = (outbox.JOB, PURGE, *(job for room in ROOMS for job in room.jobs), LATE)
"""In the order in which `odoportal jobs` lists them."""
