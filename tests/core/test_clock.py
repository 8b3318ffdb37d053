"""Tests of the clock."""

from datetime import UTC, date, datetime

import pytest

from odoportal.core import clock
from odoportal.settings import get_settings


def test_an_instant_is_in_utc() -> None:
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2020, 9, 25, 3, 59, tzinfo=UTC), date(2020, 9, 24)),
        (datetime(2020, 9, 25, 4, 0, tzinfo=UTC), date(2020, 9, 25)),
        (datetime(2021, 1, 1, 4, 59, tzinfo=UTC), date(2020, 12, 31)),
        (datetime(2021, 1, 1, 5, 0, tzinfo=UTC), date(2021, 1, 1)),
    ],
)
def test_the_business_day_turns_at_midnight_in_montreal(instant: datetime, day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODOPORTAL_TODAY", raising=False)
    get_settings.cache_clear()
    clock.set_source(lambda: instant)
    assert clock.today() == day


def test_a_set_day_stands_whatever_the_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_TODAY", "2020-09-24")
    get_settings.cache_clear()
    clock.set_source(lambda: datetime(2031, 1, 1, tzinfo=UTC))
    assert clock.today() == date(2020, 9, 24)
    assert clock.now().year == 2031


def test_local_time_follows_daylight_saving() -> None:
    assert clock.to_local(datetime(2020, 7, 1, 12, tzinfo=UTC)).hour == 8
    assert clock.to_local(datetime(2020, 12, 1, 12, tzinfo=UTC)).hour == 7
