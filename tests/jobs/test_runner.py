"""The runner: one process runs a due job, a failure is repeated and told, and a stopped process hands its job on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from odoportal.core.database import read_session, write_session
from odoportal.jobs import runner
from odoportal.jobs.models import JobRun, JobState
from odoportal.jobs.runner import Runner, run_now, wake
from odoportal.jobs.schedule import Every, Job, Result

pytestmark = pytest.mark.usefixtures("stored")
HOUR = timedelta(hours=1)


def state() -> JobState:
    with read_session() as session:
        return session.get_one(JobState, "sweep")


def run_count() -> int:
    with read_session() as session:
        return len(session.exec(select(JobRun)).all())


def job(work: Callable[[], Awaitable[Result]], waiting: Callable[[], int] | None = None, period: timedelta = HOUR) -> Job:
    def count(_session: Session, _now: datetime) -> int:
        return waiting() if waiting else 0

    return Job("sweep", Every(period), work, count, only_if_waiting=waiting is not None)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def with_runners(number: int, made: Job, body: Callable[[], Awaitable[None]]) -> None:
    """Run some code while a number of processes run a job."""

    async def whole() -> None:
        running = [asyncio.create_task(Runner([made]).run()) for _ in range(number)]
        try:
            await body()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(whole())


def test_of_three_processes_one_runs_a_due_job_once() -> None:
    ran: list[int] = []

    async def work() -> Result:
        ran.append(1)
        return Result(len(ran))

    async def body() -> None:
        await until(lambda: run_count() == 1)

    with_runners(3, job(work), body)
    assert ran == [1]
    assert (state().result, state().holder) == ("1 done", "")


def test_a_run_that_raises_is_stored_logged_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> Result:
        raise ValueError("gone")

    async def body() -> None:
        await until(lambda: run_count() == 1 and "jobs: sweep failed" in caplog.text)

    with caplog.at_level(logging.ERROR):
        with_runners(1, job(work), body)
    assert (state().result, state().failures, state().holder) == ("failed: ValueError", 1, "")


def test_items_that_failed_are_told_and_tried_again_soon() -> None:
    async def work() -> Result:
        return Result(2, 1)

    asyncio.run(_run(job(work)))
    assert (state().result, state().failures) == ("2 done, 1 failed", 1)
    assert state().due_at - state().ended_at == timedelta(minutes=1)  # type: ignore[operator]


async def _run(made: Job) -> Result | None:
    return await run_now(made, "a")


def test_a_process_that_stops_hands_its_job_on() -> None:
    started = 0

    async def work() -> Result:
        nonlocal started
        started += 1
        if started == 1:
            await asyncio.Event().wait()
        return Result(1)

    async def body() -> None:
        await until(lambda: started == 1)

    with_runners(1, job(work), body)
    assert (state().holder, run_count()) == ("", 0)
    asyncio.run(_run(job(work)))
    assert (started, run_count()) == (2, 1)


def test_a_job_that_asks_runs_while_there_is_something_and_writes_nothing_else() -> None:
    left = [3]

    async def work() -> Result:
        found = min(left[0], 1)
        left[0] -= found
        return Result(found)

    async def body() -> None:
        await until(lambda: left[0] == 0 and run_count() == 3)

    with_runners(2, job(work, lambda: left[0], timedelta(seconds=5)), body)
    assert run_count() == 3


def test_waking_runs_a_job_of_this_process_at_once() -> None:
    ran: list[int] = []

    async def work() -> Result:
        ran.append(1)
        return Result(1)

    async def body() -> None:
        await until(lambda: len(ran) == 1 and run_count() == 1)
        wake("sweep")
        await until(lambda: len(ran) == 2 and run_count() == 2)
        wake("unknown")

    with_runners(1, job(work), body)
    wake("sweep")


def test_a_lease_is_renewed_while_the_work_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.leases, "LEASE", timedelta(milliseconds=300))
    go_on = asyncio.Event()
    ran: list[int] = []

    async def work() -> Result:
        ran.append(1)
        await go_on.wait()
        return Result(1)

    async def body() -> None:
        await until(lambda: len(ran) == 1)
        first = state().lease_until
        await until(lambda: state().lease_until > first)  # type: ignore[operator]
        go_on.set()
        await until(lambda: run_count() == 1)

    with_runners(2, job(work), body)
    assert ran == [1]


def test_a_database_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LONGEST_WAIT", timedelta(milliseconds=10))
    real, asked = runner.read, [0]

    async def away(*args: object) -> object:
        asked[0] += 1
        if asked[0] < 4:
            raise OSError("away")
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "read", away)

    async def work() -> Result:
        return Result(1)

    async def body() -> None:
        await until(lambda: asked[0] >= 4 and run_count() == 1)

    with_runners(1, job(work), body)


def test_a_job_that_this_portal_does_not_need_is_not_run() -> None:
    async def work() -> Result:
        raise AssertionError

    asyncio.run(asyncio.wait_for(Runner([Job("sweep", Every(HOUR), work, lambda *_: 0, is_needed=lambda: False)]).run(), 5))
    with write_session() as session:
        assert session.get(JobState, "sweep") is None
