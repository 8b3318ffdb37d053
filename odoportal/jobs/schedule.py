"""Jobs and their schedules."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlmodel import Session

from odoportal.core import clock


@dataclass(frozen=True)
class Every:
    """A schedule of a run in every period."""

    period: timedelta

    def first(self, now: datetime) -> datetime:
        """Return when a job that has never run is due: at once."""
        return now

    def next(self, started: datetime) -> datetime:
        """Return when the job is due after a run that began at `started`."""
        return started + self.period


@dataclass(frozen=True)
class Daily:
    """A schedule of one run a day, at a time of the business's time zone: also on the two days of the year that have 23 or 25 hours.

    Days on which no process was running are made up for by one run.
    """

    at: time
    period = timedelta(days=1)

    def first(self, now: datetime) -> datetime:
        """Return when a job that has never run is due: at the next time of the day."""
        return self.next(now)

    def next(self, started: datetime) -> datetime:
        """Return when the job is due after a run that began at `started`."""
        day = clock.to_local(started).date()
        today = clock.at_local_time(day, self.at)
        return today if today > started else clock.at_local_time(day + timedelta(days=1), self.at)


@dataclass(frozen=True)
class Result:
    """The result of a run: the number of items done, and of items that failed and are tried again in a later run."""

    done: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return f"{self.done} done, {self.failed} failed" if self.failed else f"{self.done} done"


@dataclass(frozen=True)
class Job:
    """Work that runs in the background, in one process at a time.

    A run does all that is due at its time, however many runs were missed. It may stop anywhere and start again elsewhere: an item is done
    once because of its own row or unique key, not because of the job. A failed item does not stop the next one.

    Attributes:
        name: What `odoportal jobs` calls it.
        schedule: When it runs.
        work: Does it. An exception is a failed run, which is repeated.
        waiting: Returns how many items are due: for `--dry-run`, and, if `only_if_waiting`, to leave out a run that has nothing to do.
        only_if_waiting: Whether to ask `waiting` before each run. For frequent jobs: a run writes to the database, the question does not.
        is_needed: Whether this portal has such work at all.
    """

    name: str
    schedule: Every | Daily
    work: Callable[[], Awaitable[Result]]
    waiting: Callable[[Session, datetime], int]
    only_if_waiting: bool = False
    is_needed: Callable[[], bool] = lambda: True
