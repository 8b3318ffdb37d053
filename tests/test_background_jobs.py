"""Staff are told once of jobs that are late, and again the next time."""

import asyncio
from datetime import time, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from odoportal import background_jobs
from odoportal.core import clock
from odoportal.core.database import read_session, write_session
from odoportal.importing import locks
from odoportal.jobs import leases
from odoportal.jobs.models import JobState
from odoportal.jobs.runner import run_now
from odoportal.jobs.schedule import Result
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail
from odoportal.rooms.notifications import send
from odoportal.rooms.notifications.send import SendRun
from odoportal.settings import get_settings

pytestmark = pytest.mark.usefixtures("stored")


def late(name: str) -> None:
    job = next(job for job in background_jobs.JOBS if job.name == name)
    with write_session() as session:
        leases.ensure(session, job, clock.now())
        session.get_one(JobState, name).due_at = clock.now() - 2 * max(job.schedule.period, leases.IDLE_WRITE) - timedelta(seconds=5)


def told() -> list[tuple[str, str]]:
    asyncio.run(run_now(background_jobs.LATE, "a"))
    with read_session() as session:
        return [(mail.to, mail.subject) for mail in session.exec(select(Mail).order_by(Mail.id))]  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def staff(monkeypatch: pytest.MonkeyPatch, stored: object) -> None:
    monkeypatch.setenv("ODOPORTAL_STAFF_EMAIL", "staff@odotrack.example")
    get_settings.cache_clear()


def test_names_are_one_of_each() -> None:
    names = [job.name for job in background_jobs.JOBS]
    assert len(set(names)) == len(names)
    assert {"mail", "purge", "cards", "data files", "late jobs"} <= set(names)


def test_staff_are_told_once_of_all_that_are_late() -> None:
    assert told() == []
    late("purge")
    late("mail")
    first = [("staff@odotrack.example", "Late background jobs: mail, purge")]
    assert told() == first
    assert told() == first
    late("cards")
    assert told() == [*first, ("staff@odotrack.example", "Late background jobs: cards")]


def test_a_job_that_ran_again_is_told_again() -> None:
    late("purge")
    assert len(told()) == 1
    asyncio.run(run_now(next(job for job in background_jobs.JOBS if job.name == "purge"), "a"))
    late("purge")
    assert len(told()) == 2


def test_without_an_address_nobody_is_mailed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_STAFF_EMAIL", "")
    get_settings.cache_clear()
    late("purge")
    assert told() == []
    with read_session() as session:
        assert outbox.JOB.waiting(session, clock.now()) == 0


def test_the_notices_of_the_day_wait_for_an_import_and_are_written_once(stored: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "run", lambda *_arguments, **_named: SendRun(mails=2))
    with locks.importing(stored), pytest.raises(locks.DatabaseInUse):
        asyncio.run(run_now(background_jobs.NOTICES, "a"))
    with read_session() as session:
        state = session.get_one(JobState, "notices")
    assert (state.result, state.due_at - clock.now() < timedelta(minutes=2)) == ("failed: DatabaseInUse", True)
    assert asyncio.run(run_now(background_jobs.NOTICES, "a")) == Result(2)
    with read_session() as session:
        state = session.get_one(JobState, "notices")
    assert clock.to_local(state.due_at).time() == time(7, 30)


def test_a_demonstration_writes_no_notices_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not background_jobs.NOTICES.is_needed()
    monkeypatch.setenv("ODOPORTAL_MODE", "production")
    get_settings.cache_clear()
    assert background_jobs.NOTICES.is_needed()
