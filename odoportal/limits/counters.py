"""Counts of attempts in one process's memory: moving windows and growing waits, each kind of limit in its own store.

Every store is bounded, in time and in number. A key is dropped once neither its hits nor those of the keys used before it count. A full
store drops an eighth of its keys at once: first those whose hits no longer count, then those with the fewest hits. In a flood of made-up
keys each has one hit, so it cannot push out a key that has reached its limit, and it never affects another kind of limit.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from limits.storage import MovingWindowSupport, Storage

from odoportal.core import clock

V = TypeVar("V")
FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
FORGET_AFTER = timedelta(hours=24)
MAX_KEYS = 20_000
"""The most keys of each kind of limit."""


def evict(entries: OrderedDict[str, V], max_entries: int, weight: Callable[[V], int], current: str) -> None:
    """Drop the least recently used entries up to the first with a weight, and if more than `max_entries` remain, an eighth of them.

    Of the eighth, the lightest go first, among equals the least recently used.

    Args:
        entries: the store, ordered by last use.
        max_entries: how many entries it may hold.
        weight: returns how much an entry counts now.
        current: the key that was just counted, which is kept.
    """
    while (oldest := next(iter(entries))) != current and not weight(entries[oldest]):
        del entries[oldest]
    if len(entries) <= max_entries:
        return
    # `sorted` is stable: equal weights stay ordered by last use.
    others = sorted((key for key in entries if key != current), key=lambda key: weight(entries[key]))
    for key in others[: len(entries) - (max_entries - max_entries // 8)]:
        del entries[key]


class MovingWindowStorage(Storage, MovingWindowSupport):
    """Storage of moving windows for the `limits` library, whose own memory storage reads the system clock and is unbounded.

    Args:
        most: how many keys each namespace of limits may have.
    """

    STORAGE_SCHEME = ["odoportal"]  # noqa: RUF012 - the name and type are the library's

    def __init__(self, most: int = MAX_KEYS) -> None:
        super().__init__()
        self._most = most
        self._lock = threading.Lock()
        self._hits: defaultdict[str, OrderedDict[str, list[float]]] = defaultdict(OrderedDict)

    def _entries_for(self, key: str) -> OrderedDict[str, list[float]]:
        # `RateLimitItem.key_for` starts with the limit's namespace.
        return self._hits[key.partition("/")[0]]

    def _hits_in_window(self, hits: list[float], expiry: float) -> list[float]:
        now = clock.now().timestamp()
        if hits and hits[-1] > now:
            # The clock went back: keep the hits, but let none count for longer than from now.
            hits = [min(hit, now) for hit in hits]
        return hits[bisect_right(hits, now - expiry) :]

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` hits and return True if they are within the limit; otherwise count none and return False."""
        with self._lock:
            store = self._entries_for(key)
            recent = self._hits_in_window(store.get(key, []), expiry)
            allowed = len(recent) + amount <= limit
            # If the clock goes back in between, do not put a hit before an older one: the list must stay sorted.
            time = max([clock.now().timestamp(), *recent[-1:]])
            store[key] = recent + [time] * amount if allowed else recent
            store.move_to_end(key)
            evict(store, self._most, lambda hits: len(self._hits_in_window(hits, expiry)), key)
            return allowed

    def remove_newest(self, key: str) -> None:
        """Remove the newest hit, for an attempt that turned out not to count."""
        with self._lock:
            if hits := self._entries_for(key).get(key):
                hits.pop()

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's signature
        """Return the start of the current window, as a timestamp, and the number of hits in it."""
        with self._lock:
            hits = self._hits_in_window(self._entries_for(key).get(key, []), expiry)
        return (hits[0] if hits else clock.now().timestamp()), len(hits)

    def clear(self, key: str) -> None:
        """Remove a key."""
        with self._lock:
            self._entries_for(key).pop(key, None)

    def reset(self) -> int:
        """Remove all keys and return how many there were."""
        with self._lock:
            count = sum(map(len, self._hits.values()))
            self._hits.clear()
        return count

    def check(self) -> bool:
        """Return True: memory always answers."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions that the storage may raise."""
        return ValueError

    # The library's base class requires fixed windows, which nothing here uses.
    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Raise NotImplementedError: only moving windows are supported."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Raise NotImplementedError: only moving windows are supported."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Raise NotImplementedError: only moving windows are supported."""
        raise NotImplementedError


@dataclass
class _FailureCount:
    count: int
    last: datetime
    until: datetime


class Backoff:
    """A growing wait per key: the first four failures are free, the fifth brings a wait of 30 seconds, which then doubles up to an hour.

    Args:
        most: how many keys each kind may have. A key's kind is the part before its last colon (`account:…`).
    """

    def __init__(self, most: int = MAX_KEYS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._failures: defaultdict[str, OrderedDict[str, _FailureCount]] = defaultdict(OrderedDict)

    def _entries_for(self, key: str) -> OrderedDict[str, _FailureCount]:
        return self._failures[key.rpartition(":")[0]]

    def begin(self, key: str, now: datetime) -> bool:
        """Count an attempt as failed before it is made, so that parallel attempts cannot all slip through.

        Returns:
            False if the key must wait. A refused attempt does not lengthen the wait.
        """
        with self._lock:
            store = self._entries_for(key)
            known = store.get(key)
            if known is not None and now < known.last:
                # The clock went back: restart the same wait from now.
                known.last, known.until = now, now + wait_after(known.count)
            if known is not None and now < known.until:
                return False
            if known is None or now - known.last >= FORGET_AFTER:
                known = _FailureCount(0, now, now)
            known.count, known.last = known.count + 1, now
            known.until = now + wait_after(known.count)
            store[key] = known
            store.move_to_end(key)
            evict(store, self._most, lambda failures: failures.count if now - failures.last < FORGET_AFTER else 0, key)
            return True

    def undo_failure(self, key: str) -> None:
        """Undo the newest failure, for an attempt that did not fail because of the visitor."""
        with self._lock:
            if known := self._entries_for(key).get(key):
                known.count -= 1
                known.until = known.last + wait_after(known.count)

    def reset(self, key: str) -> None:
        """Reset a key, after a success or after the password was reset by mail."""
        with self._lock:
            self._entries_for(key).pop(key, None)

    def clear(self) -> None:
        """Remove all keys."""
        with self._lock:
            self._failures.clear()


def wait_after(failures: int) -> timedelta:
    """Return the wait after a number of failures: none below five, 30 seconds at five, doubling to at most an hour.

    The numbers follow NIST SP 800-63B (section 5.2.2).
    """
    if failures < FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - FREE_FAILURES, 16)
    return min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
