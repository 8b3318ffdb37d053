"""The clock: instants in UTC, business days in the time zone of the settings."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from odoportal.settings import get_settings


def _system_now() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system_now


def now() -> datetime:
    """Return the current instant, timezone-aware, in UTC. It is the real time even when the business day is fixed in the settings."""
    return _source()


def today() -> date:
    """Return the business day: the fixed day of the settings, or else the current day in their time zone (default America/Toronto).

    Due dates, progress and texts such as "ends in 60 days" are counted from it.
    """
    return get_settings().today or to_local(now()).date()


def to_local(instant: datetime) -> datetime:
    """Convert an aware instant to the business's time zone."""
    return instant.astimezone(ZoneInfo(get_settings().zone))


def start_of_day(day: date) -> datetime:
    """Return the instant (UTC) at which a business day begins."""
    return datetime.combine(day, time.min, ZoneInfo(get_settings().zone)).astimezone(UTC)


def at_local_time(day: date, at: time) -> datetime:
    """Return the instant (UTC) of a time of day in the business's time zone.

    When the clocks go back, a time that the day has twice is the first of the two.
    """
    return datetime.combine(day, at, ZoneInfo(get_settings().zone)).astimezone(UTC)


def set_source(source: Callable[[], datetime] | None) -> None:
    """Replace the source of `now` (for tests); None restores the system clock."""
    global _source  # noqa: PLW0603
    _source = source or _system_now
