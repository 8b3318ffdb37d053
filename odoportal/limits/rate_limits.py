"""Limits on tries: sign-ins per account and per client address, reset mails; and on events.

One process counts in its memory (`counters`). A restart forgets what was counted; that is accepted, because every try still costs a
bcrypt and a restart is not in an attacker's hands. Several processes count together in Redis (`sharing`). While that does not answer,
no try is let through (`sharing.RedisAway`), and each process counts events by itself, so that who is signed in reads on.
The numbers are NIST SP 800-63B's: a growing wait per account from 30 seconds to an hour.
"""

import logging
import time
from collections import Counter
from collections.abc import Awaitable
from datetime import datetime
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from odoportal.limits import redis_counters
from odoportal.limits.counters import FIRST_WAIT, FORGET_AFTER, FREE_FAILURES, LONGEST_WAIT, Backoff, MovingWindows
from odoportal.observability import logs
from odoportal.settings import get_settings

SIGN_IN_PER_ADDRESS = RateLimitItemPerMinute(30, 5, "sign-in")
SIGN_IN_PER_BROWSER = RateLimitItemPerMinute(30, 5, "sign-in-browser")
"""Tries of a browser that has signed in for the person before; those that succeed count, too."""
SIGN_IN_PER_PERSON = RateLimitItemPerMinute(20, 5, "sign-in-person")
"""Sign-ins that succeed and use nothing of their address's limit up."""
CONFIRMS_PER_PERSON = RateLimitItemPerMinute(20, 5, "confirm")
CHOICES_PER_ADDRESS = RateLimitItemPerMinute(60, 5, "choice-address")
CHOICES_PER_LINK = RateLimitItemPerHour(20, 1, "choice-link")
"""New passwords that are tried on the page of a mailed link."""
RESET_PER_ACCOUNT = RateLimitItemPerHour(3, 1, "reset-account")
RESET_PER_ADDRESS = RateLimitItemPerHour(20, 1, "reset-address")
_WIDER = {56: 2, 48: 8}
"""IPv6 networks that one subscriber may have (RFC 6177), and how many times a limit of its /64s all of them together may use."""
_IPV6_SITE = 64
_WAITS = (FREE_FAILURES, *(int(span.total_seconds()) for span in (FIRST_WAIT, LONGEST_WAIT, FORGET_AFTER)))
_log = logging.getLogger("odoportal.limits")


class LocalFixedWindow:
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


class FixedWindow:
    """As `LocalFixedWindow`, counted by all processes together where there are several: for what is counted hundreds of times a second.

    Args:
        most: how much.
        seconds: the length of a span.
    """

    def __init__(self, most: int, seconds: int) -> None:
        self._most, self._seconds = most, seconds
        self._here = LocalFixedWindow(most, seconds)

    async def over(self, key: str) -> int:
        """Count one; by how many there were too many by then, 0 where there were not."""
        shared = _shared()
        try:
            count = await redis_counters.apart(redis_counters.Shared.pace, shared, key, self._seconds) if shared else self._here.count(key)
        except redis_counters.RedisAway:
            # Who is signed in reads on, within what this process alone would allow.
            count = self._here.count(key)
        return max(0, count - self._most)


_memory = MovingWindows()
_windows = MovingWindowRateLimiter(_memory)
_waits = Backoff()


def _shared() -> redis_counters.Shared | None:
    return redis_counters.connect(url, _WAITS) if (url := get_settings().redis_url) else None


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
        return await redis_counters.apart(redis_counters.Shared.hit, shared, limit, key) if shared else _windows.hit(limit, key)
    except redis_counters.RedisAway:
        if alone:
            return _windows.hit(limit, key)
        raise


async def begin(key: str, now: datetime) -> bool:
    """Count a try as failed before it is made; False: wait. See `Backoff`.

    Raises:
        sharing.RedisAway: it cannot be counted.
    """
    shared = _shared()
    return await redis_counters.apart(redis_counters.Shared.begin, shared, key, now.timestamp()) if shared else _waits.begin(key, now)


async def give_back(limit: RateLimitItem, key: str) -> None:
    """Take one counted try back: it turned out to be none of those that are limited."""
    if shared := _shared():
        await _kindly(redis_counters.apart(redis_counters.Shared.give_back, shared, limit, key))
    else:
        _memory.give_back(limit.key_for(key))


async def take_back(key: str) -> None:
    """Uncount the newest failure. See `Backoff`."""
    if shared := _shared():
        await _kindly(redis_counters.apart(redis_counters.Shared.take_back, shared, key))
    else:
        _waits.take_back(key)


async def forgive(key: str) -> None:
    """Start anew. See `Backoff`."""
    if shared := _shared():
        await _kindly(redis_counters.apart(redis_counters.Shared.forgive, shared, key))
    else:
        _waits.forgive(key)


async def _kindly(uncounting: Awaitable[None]) -> None:
    """What was right stays right where it can no longer be uncounted: the person only has fewer tries left."""
    try:
        await uncounting
    except redis_counters.RedisAway:
        logs.log_event(_log, logging.WARNING, "not_uncounted")


def forget_all() -> None:
    """Forget every try of this process's memory (tests, and an operator's restart does the same)."""
    _memory.reset()
    _waits.clear()


def address_key(address: str) -> str:
    """Return what an address is limited by: itself, or its /64 for IPv6, where one customer has the whole of it."""
    return networks(address)[0]


def networks(address: str) -> list[str]:
    """Return what an address is limited by, the narrowest first: an IPv4 address itself; of an IPv6 address its /64, /56 and /48."""
    try:
        parsed = ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return [address]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return [str(parsed.ipv4_mapped)]
        return [f"{IPv6Address(int(parsed) >> 128 - length << 128 - length)}/{length}" for length in (_IPV6_SITE, *_WIDER)]
    return [str(parsed)]


def _wider(limit: RateLimitItem) -> list[RateLimitItem]:
    """The limit of an address, then those of the networks around it."""
    around = (type(limit)(limit.amount * times, limit.multiples, f"{limit.namespace}-{length}") for length, times in _WIDER.items())
    return [limit, *around]


async def hit_address(limit: RateLimitItem, address: str) -> bool:
    """Count one try from a client address against a limit, and against those of the IPv6 networks around it.

    Whoever has a whole /48 has 65,536 /64s, and would have as many limits.

    Args:
        limit: of one address.
        address: the client's.

    Returns:
        False where one of the limits is reached; the try is then not counted.

    Raises:
        sharing.RedisAway: it cannot be counted.
    """
    counted: list[tuple[RateLimitItem, str]] = []
    for each, key in zip(_wider(limit), networks(address), strict=False):
        if not await hit(each, key):
            for before in counted:
                await give_back(*before)
            return False
        counted.append((each, key))
    return True


async def give_back_address(limit: RateLimitItem, address: str) -> None:
    """Take one try that `hit_address` counted back."""
    for each, key in zip(_wider(limit), networks(address), strict=False):
        await give_back(each, key)
