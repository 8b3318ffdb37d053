"""One process runs a job at a time; a lease of a process that died ends; nothing depends on the clocks of two machines."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from odoportal.core import clock
from odoportal.core.database import read_session, write_session
from odoportal.jobs import leases
from odoportal.jobs.models import JobRun, JobState
from odoportal.jobs.schedule import Every, Job, Result

pytestmark = pytest.mark.usefixtures("stored")
HOUR = timedelta(hours=1)


async def _nothing() -> Result:
    return Result()


def job(period: timedelta = HOUR) -> Job:
    return Job("sweep", Every(period), _nothing, lambda _session, _now: 0)


def acquire(holder: str = "a", *, at_once: bool = False) -> datetime | None:
    with write_session() as session:
        return leases.acquire(session, job(), holder, at_once=at_once)


def end(holder: str = "a", *, ok: bool = True, did_something: bool = True) -> None:
    with write_session() as session:
        leases.end(session, job(), holder, "1 done" if ok else "failed: ValueError", ok=ok, did_something=did_something)


def state() -> JobState:
    with read_session() as session:
        return session.get_one(JobState, "sweep")


def earlier(by: timedelta) -> None:
    """Move all instants of the job's row into the past, as if the time had passed."""
    with write_session() as session:
        row = session.get_one(JobState, "sweep")
        for name in ("due_at", "lease_until", "started_at", "ended_at"):
            if (value := getattr(row, name)) is not None:
                setattr(row, name, value - by)


def runs() -> list[JobRun]:
    with read_session() as session:
        return list(session.exec(select(JobRun)))


def test_one_process_has_the_lease_until_it_ends_the_run() -> None:
    assert acquire("a")
    assert acquire("b") is None
    assert acquire("b", at_once=True) is None
    end("a")
    assert acquire("b") is None, "not due before the hour is over"
    earlier(HOUR)
    assert acquire("b")
    assert [run.result for run in runs()] == ["1 done"]


def test_of_twenty_at_once_one_gets_it(stored: Engine) -> None:
    start = Barrier(20)

    def run(number: int) -> bool:
        start.wait()
        return acquire(f"holder {number}") is not None

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(run, range(20))) == 1


def test_the_lease_of_a_machine_that_is_gone_ends_and_is_not_given_back() -> None:
    assert acquire("elsewhere/1/a")
    earlier(leases.LEASE - timedelta(seconds=5))
    assert acquire("b") is None
    with write_session() as session:
        assert leases.renew(session, "sweep", "elsewhere/1/a")
    assert acquire("b") is None
    earlier(leases.LEASE)
    assert acquire("b")
    with write_session() as session:
        assert not leases.renew(session, "sweep", "elsewhere/1/a")
    end("elsewhere/1/a")
    assert state().holder == "b"
    assert runs() == []


def test_the_lease_of_a_process_of_this_machine_that_died_ends_at_once() -> None:
    holder = leases.new_holder()
    host, pid, rest = holder.split("/")
    assert pid == str(os.getpid())
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert acquire(f"{host}/{child}/{rest}")
    assert acquire("b")
    assert acquire(holder) is None, "b may be on another machine"


def test_a_stopped_run_stays_due_for_the_next_process() -> None:
    assert acquire("a")
    with write_session() as session:
        leases.release(session, "sweep", "a")
    assert acquire("b")


def test_a_failed_run_is_repeated_ever_more_slowly_and_then_as_planned() -> None:
    waits = []
    for _ in range(8):
        assert acquire(at_once=True)
        end(ok=False)
        waits.append(round((state().due_at - state().ended_at).total_seconds() / 60))  # type: ignore[operator]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert state().failures == 8
    assert acquire(at_once=True)
    end()
    assert (state().failures, state().result) == (0, "1 done")
    assert state().due_at - state().ended_at > timedelta(minutes=59)  # type: ignore[operator]


def test_missed_runs_are_one_run() -> None:
    assert acquire()
    end()
    earlier(timedelta(days=10))
    assert acquire()
    end()
    assert acquire() is None


def test_a_clock_set_back_neither_stops_a_job_nor_runs_it_twice(stored: Engine) -> None:
    now = clock.now()
    assert acquire("a")
    try:
        clock.set_source(lambda: now - 3 * HOUR)
        if stored.dialect.name == "postgresql":
            assert acquire("b") is None, "the server's clock counts"
        end("a")
        assert acquire("b") is None
        clock.set_source(lambda: now - 10 * HOUR)
        assert (acquire("b") is not None) is (stored.dialect.name == "sqlite"), "else it would wait for ten hours"
    finally:
        clock.set_source(None)


@pytest.mark.parametrize(("period", "allowed"), [(timedelta(seconds=5), timedelta(minutes=2)), (HOUR, 2 * HOUR)])
def test_a_job_is_late_after_twice_its_period(period: timedelta, allowed: timedelta) -> None:
    now = clock.now()
    due = JobState(name="sweep", due_at=now - allowed)
    assert not leases.is_late(due, job(period), now)
    assert leases.is_late(due, job(period), now + timedelta(seconds=1))
    running = JobState(name="sweep", due_at=now, holder="elsewhere/1/a", started_at=now - allowed, lease_until=now + timedelta(seconds=30))
    assert not leases.is_late(running, job(period), now)
    assert leases.is_late(running, job(period), now + timedelta(seconds=1))


def test_a_job_with_nothing_to_do_writes_once_a_minute() -> None:
    idle = job(timedelta(seconds=5))
    with write_session() as session:
        leases.ensure(session, idle, clock.now())
        leases.note_idle(session, idle)
    first = state().due_at
    with write_session() as session:
        leases.note_idle(session, idle)
    assert state().due_at == first
    earlier(timedelta(minutes=1))
    with write_session() as session:
        leases.note_idle(session, idle)
    assert state().due_at > first - timedelta(minutes=1)
