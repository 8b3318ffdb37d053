"""The runner of background jobs inside each process that serves: of all processes, one at a time runs a job."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from odoportal.core.database import read, write
from odoportal.jobs import leases
from odoportal.jobs.models import JobState
from odoportal.jobs.schedule import Job, Result
from odoportal.observability.failures import Failures

LONGEST_WAIT = timedelta(minutes=1)
"""How long a process waits at most before it looks again whether a job is due, or another process has died with its lease."""


class _Wakeups:
    """Wakes the runner of this process from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    def attach(self, name: str) -> asyncio.Event:
        """Return the event that wakes a job of the running loop."""
        event = asyncio.Event()
        with self._lock:
            self._events[name] = (asyncio.get_running_loop(), event)
        return event

    def detach(self, name: str, event: asyncio.Event) -> None:
        """Forget an event."""
        with self._lock:
            if name in self._events and self._events[name][1] is event:
                del self._events[name]

    def wake(self, name: str) -> None:
        """Set the event of a job, if this process has a runner."""
        with self._lock:
            loop, event = self._events.get(name, (None, None))
            if loop and event and not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


_wakeups = _Wakeups()
wake = _wakeups.wake
"""Run a job of this process now, though it is not due: something to do was just written. Callable from any thread."""


async def run_now(job: Job, holder: str) -> Result | None:
    """Run a job though it is not due, and return its result; None if another process runs it at this moment.

    Raises:
        Exception: what the job raised. Its result is stored as a failed run.
    """
    if await write(leases.acquire, job, holder, at_once=True) is None:
        return None
    return await _run_claimed(job, holder)


async def _run_claimed(job: Job, holder: str) -> Result:
    heartbeat = asyncio.create_task(_renew(job.name, holder))
    try:
        result = await job.work()
    except asyncio.CancelledError:
        # The process stops: another one continues at once.
        await asyncio.shield(write(leases.release, job.name, holder))
        raise
    except Exception as error:
        await write(leases.end, job, holder, f"failed: {type(error).__name__}", ok=False, did_something=True)
        raise
    finally:
        heartbeat.cancel()
    await write(leases.end, job, holder, str(result), ok=not result.failed, did_something=bool(result.done))
    return result


async def _renew(name: str, holder: str) -> None:
    while True:
        await asyncio.sleep(leases.LEASE.total_seconds() / 3)
        with contextlib.suppress(SQLAlchemyError):
            # A database that is away for longer than the lease frees the job, as it should: its work fails as well.
            if not await write(leases.renew, name, holder):
                return


class Runner:
    """Runs jobs in one process, each in a task of its own, so that a slow one does not delay the others.

    Args:
        jobs: The jobs.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs, self._holder = [job for job in jobs if job.is_needed()], leases.new_holder()

    async def run(self) -> None:
        """Run the jobs until cancelled."""
        await asyncio.gather(*(self._watch(job) for job in self._jobs))

    async def _watch(self, job: Job) -> None:
        event = _wakeups.attach(job.name)
        try:
            while True:
                woken = event.is_set()
                event.clear()
                wait = min(job.schedule.period, LONGEST_WAIT).total_seconds()
                more = False
                with Failures("jobs").skip(job.name):
                    more = await self._look(job, woken=woken)
                if more:
                    continue
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), wait)
        finally:
            _wakeups.detach(job.name, event)

    async def _look(self, job: Job, *, woken: bool) -> bool:
        """Run a job if it is due. Return True if there may be more to do at once."""
        due, waiting = await read(_outlook, job)
        if job.only_if_waiting and not waiting:
            if due:
                await write(leases.note_idle, job)
            return False
        if not due and not (woken or (job.only_if_waiting and waiting)):
            return False
        if await write(leases.acquire, job, self._holder, at_once=woken or job.only_if_waiting) is None:
            return False
        result = await _run_claimed(job, self._holder)
        return job.only_if_waiting and result.done > 0 and not result.failed


def _outlook(session: Session, job: Job) -> tuple[bool, int]:
    """Return whether a job is due, and how many items wait, for a job that asks."""
    now = leases.database_now(session)
    state = session.get(JobState, job.name)
    due = state is None or leases.is_due(state, job, now)
    waiting = job.waiting(session, now) if job.only_if_waiting else 0
    return due, waiting
