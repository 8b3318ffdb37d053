"""Limits on tries: sign-ins per account and per client address, reset mails; and on events.

One process counts in its memory, bounded. A restart forgets what was counted; that is accepted, because every try still costs a
bcrypt and a restart is not in an attacker's hands. Several processes count together in Redis (`sharing`). While that does not answer,
no try is let through (`sharing.RedisAway`), and each process counts events by itself, so that who is signed in reads on.
The numbers are NIST SP 800-63B's: a growing wait per account from 30 seconds to an hour.
"""

import logging
import threading
import time
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

from odoportal.foundation import clock, logs, sharing
from odoportal.settings import get_settings

FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
FORGET_AFTER = timedelta(hours=24)
SIGN_IN_PER_ADDRESS = RateLimitItemPerMinute(30, 5, "sign-in")
RESET_PER_ACCOUNT = RateLimitItemPerHour(3, 1, "reset-account")
RESET_PER_ADDRESS = RateLimitItemPerHour(20, 1, "reset-address")
MOST_KEYS = 20_000
_IPV6_SITE = 64
_WAITS = (FREE_FAILURES, *(int(span.total_seconds()) for span in (FIRST_WAIT, LONGEST_WAIT, FORGET_AFTER)))
_log = logging.getLogger("odoportal.limits")


class _Memory(Storage, MovingWindowSupport):
    """Where `limits` keeps its windows. Its own memory storage reads the system clock and has no upper bound."""

    STORAGE_SCHEME = ["odoportal"]  # noqa: RUF012 - the name and type are the library's

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._lock = threading.Lock()
        self._hits: OrderedDict[str, list[float]] = OrderedDict()

    def _window(self, key: str, expiry: float) -> list[float]:
        hits, now = self._hits.get(key, []), clock.now().timestamp()
        if hits and hits[-1] > now:
            # The clock went back. Nothing is free for it, and nothing counts for longer than from now on.
            hits = [min(hit, now) for hit in hits]
        return hits[bisect_right(hits, now - expiry) :]

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` hits within the limit, or none and answer False."""
        with self._lock:
            kept = self._window(key, expiry)
            allowed = len(kept) + amount <= limit
            # A clock that goes back in between must not put a hit before an older one: the list stays sorted.
            moment = max([clock.now().timestamp(), *kept[-1:]])
            self._hits[key] = kept + [moment] * amount if allowed else kept
            self._hits.move_to_end(key)
            while len(self._hits) > self._most:
                self._hits.popitem(last=False)
            return allowed

    def give_back(self, key: str) -> None:
        """Take the newest hit away: the try was none of those that are limited."""
        with self._lock:
            if hits := self._hits.get(key):
                hits.pop()

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's signature
        """The start of the present window and the hits in it."""
        with self._lock:
            hits = self._window(key, expiry)
        return (hits[0] if hits else clock.now().timestamp()), len(hits)

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._hits.pop(key, None)

    def reset(self) -> int:
        """Forget everything."""
        with self._lock:
            count = len(self._hits)
            self._hits.clear()
        return count

    def check(self) -> bool:
        """Memory always answers."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong in the storage."""
        return ValueError

    # Fixed windows are asked of the library's base class and used by nothing here.
    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Refused: moving windows only."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Refused: moving windows only."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Refused: moving windows only."""
        raise NotImplementedError


@dataclass
class _Failures:
    count: int
    last: datetime
    until: datetime


class LocalPace:
    """So much in each span of time and no more, counted by this process alone: nothing is kept beyond the span.

    Args:
        most: how much.
        seconds: the length of a span.
    """

    def __init__(self, most: int, seconds: int) -> None:
        self._most, self._seconds = most, seconds
        self._span = 0
        self._counts: Counter[str] = Counter()

    def count(self, key: str) -> int:
        """Count one, and return how many there were in the span by then."""
        span = int(time.monotonic() // self._seconds)
        if span != self._span:
            self._span = span
            self._counts.clear()
        self._counts[key] += 1
        return self._counts[key]

    def over(self, key: str) -> int:
        """Count one, and return by how many there were too many by then, 0 where there were not."""
        return max(0, self.count(key) - self._most)


class Pace:
    """As `LocalPace`, counted by all processes together where there are several: for what is counted hundreds of times a second.

    Args:
        most: how much.
        seconds: the length of a span.
    """

    def __init__(self, most: int, seconds: int) -> None:
        self._most, self._seconds = most, seconds
        self._here = LocalPace(most, seconds)

    async def over(self, key: str) -> int:
        """Count one; by how many there were too many by then, 0 where there were not."""
        shared = _shared()
        try:
            count = await sharing.apart(sharing.Shared.pace, shared, key, self._seconds) if shared else self._here.count(key)
        except sharing.RedisAway:
            # Who is signed in reads on, within what this process alone would allow.
            count = self._here.count(key)
        return max(0, count - self._most)


class Waits:
    """A growing wait per key: five failures are free, then 30 seconds, doubling up to an hour."""

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def begin(self, key: str, now: datetime) -> bool:
        """Count a try as failed before it is made, so that parallel tries cannot all slip through; False: wait.

        A refused try does not lengthen the wait: nobody can keep a person out by trying on.
        """
        with self._lock:
            known = self._failures.get(key)
            if known is not None and now < known.last:
                # The clock went back: the wait is none the shorter, nor longer than it is.
                known.last, known.until = now, now + wait_after(known.count)
            if known is not None and now < known.until:
                return False
            if known is None or now - known.last >= FORGET_AFTER:
                known = _Failures(0, now, now)
            known.count, known.last = known.count + 1, now
            known.until = now + wait_after(known.count)
            self._failures[key] = known
            self._failures.move_to_end(key)
            while len(self._failures) > self._most:
                self._failures.popitem(last=False)
            return True

    def take_back(self, key: str) -> None:
        """Uncount the newest try: it was not the visitor's failure that it led to nothing."""
        with self._lock:
            if known := self._failures.get(key):
                known.count -= 1
                known.until = known.last + wait_after(known.count)

    def forgive(self, key: str) -> None:
        """Start anew: the try succeeded, or the password was set from a mail."""
        with self._lock:
            self._failures.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._failures.clear()


def wait_after(failures: int) -> timedelta:
    """The wait that a run of failures brings: none below five, 30 s at five, doubling, an hour at most."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - FREE_FAILURES, 16)
    return min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)


_memory = _Memory(MOST_KEYS)
_windows = MovingWindowRateLimiter(_memory)
_waits = Waits()


def _shared() -> sharing.Shared | None:
    return sharing.connect(url, _WAITS) if (url := get_settings().redis_url) else None


async def hit(limit: RateLimitItem, key: str, alone: bool = False) -> bool:
    """Count one try of `key` against a limit; False when the limit is reached (the try is then not counted).

    Args:
        limit: how many within which time.
        key: whose try it is.
        alone: while Redis is away this process counts by itself: for what those do who are signed in.

    Raises:
        sharing.RedisAway: it cannot be counted.
    """
    shared = _shared()
    try:
        return await sharing.apart(sharing.Shared.hit, shared, limit, key) if shared else _windows.hit(limit, key)
    except sharing.RedisAway:
        if alone:
            return _windows.hit(limit, key)
        raise


async def begin(key: str, now: datetime) -> bool:
    """Count a try as failed before it is made; False: wait. See `Waits`.

    Raises:
        sharing.RedisAway: it cannot be counted.
    """
    shared = _shared()
    return await sharing.apart(sharing.Shared.begin, shared, key, now.timestamp()) if shared else _waits.begin(key, now)


async def give_back(limit: RateLimitItem, key: str) -> None:
    """Take one counted try back: it turned out to be none of those that are limited."""
    if shared := _shared():
        await _kindly(sharing.apart(sharing.Shared.give_back, shared, limit, key))
    else:
        _memory.give_back(limit.key_for(key))


async def take_back(key: str) -> None:
    """Uncount the newest failure. See `Waits`."""
    if shared := _shared():
        await _kindly(sharing.apart(sharing.Shared.take_back, shared, key))
    else:
        _waits.take_back(key)


async def forgive(key: str) -> None:
    """Start anew. See `Waits`."""
    if shared := _shared():
        await _kindly(sharing.apart(sharing.Shared.forgive, shared, key))
    else:
        _waits.forgive(key)


async def _kindly(uncounting: Awaitable[None]) -> None:
    """What was right stays right where it can no longer be uncounted: the person only has fewer tries left."""
    try:
        await uncounting
    except sharing.RedisAway:
        logs.tell(_log, logging.WARNING, "not_uncounted")


def forget_all() -> None:
    """Forget every try of this process's memory (tests, and an operator's restart does the same)."""
    _memory.reset()
    _waits.clear()


def address_key(address: str) -> str:
    """What an address is limited by: itself, or its /64 for IPv6, where one customer has the whole of it."""
    try:
        parsed = ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> _IPV6_SITE << _IPV6_SITE)}/{_IPV6_SITE}"
    return str(parsed)
