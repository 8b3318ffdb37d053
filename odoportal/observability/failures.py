"""Loops over independent items, such as accounts: one item that fails is left out, logged and counted, and the loop goes on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from odoportal.observability import metrics

MOST_IN_A_ROW = 20
"""The failures in a row after which the loop ends: by then the database or the disk has failed, not the items."""
_log = logging.getLogger("odoportal.failures")


class Failures:
    """The items of one loop that failed.

    Attributes:
        job: What the loop does, for the log and the metric; a fixed word of the code.
        items: The items that failed, as they were logged.

    Args:
        job: See above.
        ends: The exceptions that are no fault of an item, such as a server that does not answer: they end the loop.
    """

    def __init__(self, job: str, ends: tuple[type[Exception], ...] = ()) -> None:
        self.job, self._ends = job, ends
        self.items: list[str] = []
        self._in_a_row = 0

    @contextmanager
    def skip(self, item: object) -> Iterator[None]:
        """Do the work of one item. If it fails, log which item and why, and go on with what follows.

        Args:
            item: What the operator knows the item by, such as the number of an account.

        Raises:
            Exception: One of `ends`, or the last failure after `MOST_IN_A_ROW` in a row.
        """
        try:
            yield
        except self._ends:
            raise
        except Exception:
            self.items.append(str(item))
            self._in_a_row += 1
            metrics.FAILURES.labels(self.job).inc()
            _log.exception("%s: %s failed", self.job, item)
            if self._in_a_row >= MOST_IN_A_ROW:
                raise
        else:
            self._in_a_row = 0
