"""Says when something that strangers cause may be logged: once in a while, with how often it happened, and not each time."""

import time
from collections.abc import Callable

SPAN_SECONDS = 60.0


class LogPacer:
    """Lets one line through in each span of time.

    Args:
        seconds: the length of a span.
        clock: tells seconds, monotonically.
    """

    def __init__(self, seconds: float = SPAN_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._next = float("-inf")
        self._count = 0

    def due(self) -> int:
        """Count one occurrence.

        Returns:
            0 while nothing should be logged; otherwise how often it has happened since the last line.
        """
        self._count += 1
        if (now := self._clock()) < self._next:
            return 0
        count, self._count = self._count, 0
        self._next = now + self._seconds
        return count
