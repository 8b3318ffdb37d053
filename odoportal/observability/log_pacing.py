"""Limits log lines about events that strangers can cause: one line per time span, with the number of occurrences."""

import time
from collections.abc import Callable

SPAN_SECONDS = 60.0


class LogPacer:
    """Lets one log line through per time span.

    Args:
        seconds: the length of a span.
        clock: returns a monotonic time in seconds.
    """

    def __init__(self, seconds: float = SPAN_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._next = float("-inf")
        self._count = 0

    def due(self) -> int:
        """Count one occurrence.

        Returns:
            0 if nothing should be logged, otherwise the number of occurrences since the last line.
        """
        self._count += 1
        if (now := self._clock()) < self._next:
            return 0
        count, self._count = self._count, 0
        self._next = now + self._seconds
        return count
