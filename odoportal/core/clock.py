"""The one clock: instants in UTC, days in the business's own time zone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from odoportal.settings import get_settings


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The present instant, aware, in UTC. Sessions, limits and mail use it even where the business day is set."""
    return _source()


def today() -> date:
    """The business day (America/Toronto unless set): due dates, progress and "ends in 60 days" are counted from it."""
    return get_settings().today or local(now()).date()


def local(instant: datetime) -> datetime:
    """An aware instant as the business's own wall time."""
    return instant.astimezone(ZoneInfo(get_settings().zone))


def begins(day: date) -> datetime:
    """The instant a business day begins."""
    return datetime.combine(day, time.min, ZoneInfo(get_settings().zone)).astimezone(UTC)


def use(source: Callable[[], datetime] | None) -> None:
    """Replace the source of instants (tests); `None` puts the system's clock back."""
    global _source  # noqa: PLW0603
    _source = source or _system
