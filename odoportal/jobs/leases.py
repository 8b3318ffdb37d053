"""Leases: which process may run a job. A lease is a row that its process renews; it ends by itself when the process is gone."""

import os
import secrets
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, or_
from sqlalchemy import update as sql_update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from odoportal.core import clock
from odoportal.jobs.models import JobRun, JobState
from odoportal.jobs.schedule import Job

LEASE = timedelta(minutes=1)
"""How long a lease lasts. It is renewed every third of it."""
IDLE_WRITE = timedelta(minutes=1)
"""How often a job with nothing to do writes that it was looked at."""
LONGEST_RETRY = timedelta(hours=1)
RETRY = timedelta(minutes=1)
KEEP_RUNS = timedelta(days=90)


def new_holder() -> str:
    """Return a name for this process: host, process id and a random part."""
    return f"{socket.gethostname()[:60]}/{os.getpid()}/{secrets.token_hex(8)}"


def _has_ended(holder: str) -> bool:
    """Return whether a holder was a process of this machine that no longer runs."""
    host, _, rest = holder.rpartition("/")[0].rpartition("/")
    if host != socket.gethostname()[:60] or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def database_now(session: Session) -> datetime:
    """Return the current instant: PostgreSQL's own, which is the same for the processes of all machines, whatever their clocks say."""
    if session.get_bind().dialect.name == "postgresql":
        return session.exec(select(func.clock_timestamp())).one()
    return clock.now()


def ensure(session: Session, job: Job, now: datetime) -> JobState:
    """Return the state of a job, made if it is new."""
    state = session.get(JobState, job.name, populate_existing=True)
    if state is None:
        # Several processes start at the same time.
        values = JobState(name=job.name, due_at=job.schedule.first(now)).model_dump()
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.connection().execute(dialect.insert(JobState).values(values).on_conflict_do_nothing())
        state = session.get_one(JobState, job.name)
    return state


def is_due(state: JobState, job: Job, now: datetime) -> bool:
    """Return whether a job is due. One that is due later than its schedule allows was stored before a clock was set back."""
    return state.due_at <= now or state.due_at > now + 2 * _period(job)


def _period(job: Job) -> timedelta:
    """Return how often a job is written to, at least: one with nothing to do, once in `IDLE_WRITE`."""
    return max(job.schedule.period, IDLE_WRITE)


def is_held(state: JobState, now: datetime) -> bool:
    """Return whether a process holds the lease."""
    return state.lease_until is not None and now < state.lease_until <= now + LEASE and not _has_ended(state.holder)


def acquire(session: Session, job: Job, holder: str, *, at_once: bool = False) -> datetime | None:
    """Take the lease of a job and return the instant the run begins; None if it is not due or another process has it.

    Args:
        session: A session for writing.
        job: The job.
        holder: This process, see `new_holder`.
        at_once: True to run it though it is not due.
    """
    now = database_now(session)
    state = ensure(session, job, now)
    if is_held(state, now) or not (at_once or is_due(state, job, now)):
        return None
    taken = session.exec(
        sql_update(JobState)
        .where(col(JobState.name) == job.name, col(JobState.holder) == state.holder)
        .where(or_(col(JobState.lease_until) == state.lease_until, col(JobState.lease_until).is_(None)))
        .values(holder=holder, lease_until=now + LEASE, started_at=now)
    )
    return now if taken.rowcount == 1 else None


def renew(session: Session, name: str, holder: str) -> bool:
    """Renew a lease; return False if another process has taken it."""
    renewed = session.exec(
        sql_update(JobState)
        .where(col(JobState.name) == name, col(JobState.holder) == holder)
        .values(lease_until=database_now(session) + LEASE)
    )
    return renewed.rowcount == 1


def end(session: Session, job: Job, holder: str, result: str, *, ok: bool, did_something: bool) -> None:
    """Store the result of a run, free the lease, and set when the job is due again.

    Nothing is stored if another process has taken the lease. After a failed run the job is due again within the hour, even if it is daily.
    """
    state = session.get(JobState, job.name, populate_existing=True, with_for_update=True)
    if state is None or state.holder != holder or state.started_at is None:
        return
    now = database_now(session)
    failures = 0 if ok else state.failures + 1
    due_at = job.schedule.next(min(state.started_at, now))
    if not ok:
        due_at = min(due_at, now + min(RETRY * 2 ** min(failures - 1, 10), LONGEST_RETRY))
    if did_something or not ok:
        session.add(JobRun(name=job.name, started_at=state.started_at, ended_at=now, ok=ok, result=result))
    state.due_at, state.ended_at, state.result, state.failures, state.told_at = due_at, now, result, failures, None
    state.holder, state.lease_until = "", None


def release(session: Session, name: str, holder: str) -> None:
    """Free the lease of a run that was stopped with its process. The job stays due."""
    session.exec(sql_update(JobState).where(col(JobState.name) == name, col(JobState.holder) == holder).values(holder="", lease_until=None))


def note_idle(session: Session, job: Job) -> None:
    """Store that a job was looked at and had nothing to do."""
    now = database_now(session)
    state = ensure(session, job, now)
    if is_due(state, job, now) and not is_held(state, now):
        state.due_at, state.ended_at, state.told_at = now + _period(job), now, None


def is_late(state: JobState, job: Job, now: datetime) -> bool:
    """Return whether a job has been due, or has been running, for more than twice its period."""
    allowed = 2 * _period(job)
    if is_held(state, now):
        return state.started_at is not None and now - state.started_at > allowed
    return now - state.due_at > allowed


def purge_expired(session: Session, now: datetime) -> int:
    """Delete runs that ended `KEEP_RUNS` ago; return how many."""
    return session.exec(sql_delete(JobRun).where(col(JobRun.started_at) <= now - KEEP_RUNS)).rowcount


def late(session: Session, jobs: Sequence[Job]) -> list[JobState]:
    """Return the states of the jobs that are late, in the order of the jobs."""
    now = database_now(session)
    states = {state.name: state for state in session.exec(select(JobState))}
    needed = [job for job in jobs if job.is_needed() and job.name in states]
    return [states[job.name] for job in needed if is_late(states[job.name], job, now)]
