"""Counts of tries in one process's memory: moving windows and growing waits, each kind of limit in a store of its own.

Every store is bounded. A full one drops an eighth of its keys at once: those whose hits no longer count, then those with the fewest. A
flood of keys that somebody makes up is counted once each, so it cannot wash out whoever has reached a limit, and never another kind.
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
MOST_KEYS = 20_000
"""Of each kind of limit."""


def make_room(entries: OrderedDict[str, V], most: int, weight: Callable[[V], int], present: str) -> None:
    """Drop an eighth of the entries where there are more than `most`: the lightest, of equal ones those that were used longest ago.

    Args:
        entries: the store, in the order of their last use.
        most: how many it may hold.
        weight: how much an entry counts now.
        present: the key that was just counted, which stays.
    """
    if len(entries) <= most:
        return
    # `sorted` keeps the order of equal ones.
    others = sorted((key for key in entries if key != present), key=lambda key: weight(entries[key]))
    for key in others[: len(entries) - (most - most // 8)]:
        del entries[key]


class MovingWindows(Storage, MovingWindowSupport):
    """Where `limits` keeps its windows. Its own memory storage reads the system clock and has no upper bound.

    Args:
        most: how many keys each namespace of limits may have.
    """

    STORAGE_SCHEME = ["odoportal"]  # noqa: RUF012 - the name and type are the library's

    def __init__(self, most: int = MOST_KEYS) -> None:
        super().__init__()
        self._most = most
        self._lock = threading.Lock()
        self._hits: defaultdict[str, OrderedDict[str, list[float]]] = defaultdict(OrderedDict)

    def _of(self, key: str) -> OrderedDict[str, list[float]]:
        # `RateLimitItem.key_for` begins with the limit's namespace.
        return self._hits[key.partition("/")[0]]

    def _window(self, hits: list[float], expiry: float) -> list[float]:
        now = clock.now().timestamp()
        if hits and hits[-1] > now:
            # The clock went back. Nothing is free for it, and nothing counts for longer than from now on.
            hits = [min(hit, now) for hit in hits]
        return hits[bisect_right(hits, now - expiry) :]

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` hits within the limit, or none and answer False."""
        with self._lock:
            store = self._of(key)
            kept = self._window(store.get(key, []), expiry)
            allowed = len(kept) + amount <= limit
            # A clock that goes back in between must not put a hit before an older one: the list stays sorted.
            moment = max([clock.now().timestamp(), *kept[-1:]])
            store[key] = kept + [moment] * amount if allowed else kept
            store.move_to_end(key)
            make_room(store, self._most, lambda hits: len(self._window(hits, expiry)), key)
            return allowed

    def give_back(self, key: str) -> None:
        """Take the newest hit away: the try was none of those that are limited."""
        with self._lock:
            if hits := self._of(key).get(key):
                hits.pop()

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's signature
        """Return the start of the present window and the hits in it."""
        with self._lock:
            hits = self._window(self._of(key).get(key, []), expiry)
        return (hits[0] if hits else clock.now().timestamp()), len(hits)

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._of(key).pop(key, None)

    def reset(self) -> int:
        """Forget everything; return how many keys there were."""
        with self._lock:
            count = sum(map(len, self._hits.values()))
            self._hits.clear()
        return count

    def check(self) -> bool:
        """Return True: memory always answers."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong in the storage."""
        return ValueError

    # Fixed windows are asked of the library's base class and used by nothing here.
    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Refuse: moving windows only."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Refuse: moving windows only."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Refuse: moving windows only."""
        raise NotImplementedError


@dataclass
class _Failures:
    count: int
    last: datetime
    until: datetime


class Backoff:
    """A growing wait per key: five failures are free, then 30 seconds, doubling up to an hour.

    Args:
        most: how many keys each kind may have; a key's kind stands before its last colon (`account:…`).
    """

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._failures: defaultdict[str, OrderedDict[str, _Failures]] = defaultdict(OrderedDict)

    def _of(self, key: str) -> OrderedDict[str, _Failures]:
        return self._failures[key.rpartition(":")[0]]

    def begin(self, key: str, now: datetime) -> bool:
        """Count a try as failed before it is made, so that parallel tries cannot all slip through; False: wait.

        A refused try does not lengthen the wait.
        """
        with self._lock:
            store = self._of(key)
            known = store.get(key)
            if known is not None and now < known.last:
                # The clock went back: the wait is none the shorter, nor longer than it is.
                known.last, known.until = now, now + wait_after(known.count)
            if known is not None and now < known.until:
                return False
            if known is None or now - known.last >= FORGET_AFTER:
                known = _Failures(0, now, now)
            known.count, known.last = known.count + 1, now
            known.until = now + wait_after(known.count)
            store[key] = known
            store.move_to_end(key)
            make_room(store, self._most, lambda failures: failures.count if now - failures.last < FORGET_AFTER else 0, key)
            return True

    def take_back(self, key: str) -> None:
        """Uncount the newest try: it was not the visitor's failure that it led to nothing."""
        with self._lock:
            if known := self._of(key).get(key):
                known.count -= 1
                known.until = known.last + wait_after(known.count)

    def forgive(self, key: str) -> None:
        """Start anew: the try succeeded, or the password was set from a mail."""
        with self._lock:
            self._of(key).pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._failures.clear()


def wait_after(failures: int) -> timedelta:
    """Return the wait that a run of failures brings: none below five, 30 s at five, doubling, an hour at most.

    The numbers are NIST SP 800-63B's (section 5.2.2).
    """
    if failures < FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - FREE_FAILURES, 16)
    return min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
