"""When a job is due: by the period, or by the time of day in Québec, also on days of 23 and 25 hours."""

from datetime import UTC, datetime, time, timedelta

import pytest

from odoportal.jobs.schedule import Daily, Every, Result

SIX = Daily(time(6))


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("started", "due"),
    [
        (utc(1, 10, 10, 59), utc(1, 10, 11)),
        (utc(1, 10, 11), utc(1, 11, 11)),
        (utc(1, 10, 23), utc(1, 11, 11)),
        # Summer time begins on 2027-03-14 and ends on 2027-11-07: six o'clock is another hour of UTC from that day on.
        (utc(3, 13, 11), utc(3, 14, 10)),
        (utc(3, 14, 10), utc(3, 15, 10)),
        (utc(11, 6, 10), utc(11, 7, 11)),
        (utc(11, 7, 11), utc(11, 8, 11)),
        # 23:30 on the 10th in Québec is the 11th in UTC.
        (utc(1, 11, 4, 30), utc(1, 11, 11)),
    ],
)
def test_a_daily_job_runs_once_a_day_at_its_local_time(started: datetime, due: datetime) -> None:
    assert SIX.next(started) == due


def test_a_time_that_a_day_has_twice_is_one_run() -> None:
    twice = Daily(time(1, 30))
    first = twice.next(utc(11, 7, 0))
    assert first == utc(11, 7, 5, 30)
    assert twice.next(first) == utc(11, 8, 6, 30)


def test_a_time_that_a_day_skips_is_one_run() -> None:
    skipped = Daily(time(2, 30))
    first = skipped.next(utc(3, 14, 0))
    assert utc(3, 14, 6) < first < utc(3, 14, 8)
    assert skipped.next(first) == utc(3, 15, 6, 30)


def test_a_new_job_is_due_at_once_or_at_its_next_time() -> None:
    assert Every(timedelta(hours=1)).first(utc(1, 1, 3)) == utc(1, 1, 3)
    assert SIX.first(utc(1, 1, 3)) == utc(1, 1, 11)


def test_results_are_said_in_words() -> None:
    assert (str(Result(3)), str(Result(2, 1))) == ("3 done", "2 done, 1 failed")
