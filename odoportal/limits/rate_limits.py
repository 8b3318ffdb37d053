"""Rate limits for sign-in attempts, password-reset mails and events.

A single process counts in its memory (`counters`). A restart forgets the counts, which is acceptable: every attempt still costs a bcrypt,
and an attacker cannot cause a restart. Several processes count together in Redis (`redis_counters`). If Redis does not answer, every
attempt is refused (`redis_counters.RedisUnavailable`), but each process counts events and quotas by itself, so signed-in people can go on
reading. The numbers follow NIST SP 800-63B: a growing wait per account, from 30 seconds to an hour.
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
from odoportal.limits.counters import FIRST_WAIT, FORGET_AFTER, FREE_FAILURES, LONGEST_WAIT, Backoff, MovingWindowStorage
from odoportal.observability import logs
from odoportal.settings import get_settings

SIGN_IN_PER_ADDRESS = RateLimitItemPerMinute(30, 5, "sign-in")
SIGN_IN_PER_BROWSER = RateLimitItemPerMinute(30, 5, "sign-in-browser")
"""Attempts from a browser in which the person has signed in before, including successful ones."""
SIGN_IN_PER_PERSON = RateLimitItemPerMinute(20, 5, "sign-in-person")
"""Successful sign-ins that do not count against their address's limit."""
CONFIRMS_PER_PERSON = RateLimitItemPerMinute(20, 5, "confirm")
CHOICES_PER_ADDRESS = RateLimitItemPerMinute(60, 5, "choice-address")
CHOICES_PER_LINK = RateLimitItemPerHour(20, 1, "choice-link")
"""New passwords tried on the page of a mailed link."""
RESET_PER_ACCOUNT = RateLimitItemPerHour(3, 1, "reset-account")
RESET_PER_ADDRESS = RateLimitItemPerHour(20, 1, "reset-address")
_NETWORK_FACTORS = {56: 2, 48: 8}
"""IPv6 networks that one subscriber may have (RFC 6177), by prefix length, and how many times the limit of a /64 each may use in total."""
_IPV6_SUBNET = 64
_BACKOFF_SETTINGS = (FREE_FAILURES, *(int(span.total_seconds()) for span in (FIRST_WAIT, LONGEST_WAIT, FORGET_AFTER)))
_log = logging.getLogger("odoportal.limits")


class LocalFixedWindow:
    """A limit per fixed span of time, counted by this process alone. Counts are dropped when the span ends.

    Args:
        most: how many per span.
        seconds: the length of a span.
    """

    def __init__(self, most: int, seconds: int) -> None:
        self._most, self._seconds = most, seconds
        self._span = 0
        self._counts: Counter[str] = Counter()

    def count(self, key: str) -> int:
        """Count one and return the count in the current span, including it."""
        span = int(time.monotonic() // self._seconds)
        if span != self._span:
            self._span = span
            self._counts.clear()
        self._counts[key] += 1
        return self._counts[key]

    def over(self, key: str) -> int:
        """Count one and return by how many the limit is exceeded, 0 if it is not."""
        return max(0, self.count(key) - self._most)


class FixedWindow:
    """Like `LocalFixedWindow`, but counted by all processes together if there are several. Suits counts of hundreds per second.

    Args:
        most: how many per span.
        seconds: the length of a span.
    """

    def __init__(self, most: int, seconds: int) -> None:
        self._most, self._seconds = most, seconds
        self._local = LocalFixedWindow(most, seconds)

    async def over(self, key: str) -> int:
        """Count one and return by how many the limit is exceeded, 0 if it is not."""
        shared = _redis()
        try:
            count = (
                await redis_counters.run_in_thread(redis_counters.RedisCounters.count_in_span, shared, key, self._seconds)
                if shared
                else self._local.count(key)
            )
        except redis_counters.RedisUnavailable:
            # Signed-in people can go on reading, within the limit of this process alone.
            count = self._local.count(key)
        return max(0, count - self._most)


_memory = MovingWindowStorage()
_windows = MovingWindowRateLimiter(_memory)
_backoff = Backoff()


def _redis() -> redis_counters.RedisCounters | None:
    return redis_counters.connect(url, _BACKOFF_SETTINGS) if (url := get_settings().redis_url) else None


async def hit(limit: RateLimitItem, key: str, alone: bool = False) -> bool:
    """Count one attempt of `key` against a limit and return whether it is within it. A refused attempt is not counted.

    Args:
        limit: how many attempts within which time.
        key: whose attempt it is.
        alone: whether this process counts by itself while Redis is away; for actions of signed-in people.

    Raises:
        redis_counters.RedisUnavailable: Redis does not answer, and `alone` is False.
    """
    shared = _redis()
    try:
        return (
            await redis_counters.run_in_thread(redis_counters.RedisCounters.hit, shared, limit, key) if shared else _windows.hit(limit, key)
        )
    except redis_counters.RedisUnavailable:
        if alone:
            return _windows.hit(limit, key)
        raise


async def begin_attempt(key: str, now: datetime) -> bool:
    """Count an attempt as failed before it is made; return False if the key must wait. See `Backoff`.

    Raises:
        redis_counters.RedisUnavailable: Redis does not answer.
    """
    shared = _redis()
    return (
        await redis_counters.run_in_thread(redis_counters.RedisCounters.begin, shared, key, now.timestamp())
        if shared
        else _backoff.begin(key, now)
    )


async def undo_hit(limit: RateLimitItem, key: str) -> None:
    """Undo one counted attempt that turned out not to count."""
    if shared := _redis():
        await _ignore_redis_away(redis_counters.run_in_thread(redis_counters.RedisCounters.remove_newest, shared, limit, key))
    else:
        _memory.remove_newest(limit.key_for(key))


async def undo_failure(key: str) -> None:
    """Undo the newest failure. See `Backoff`."""
    if shared := _redis():
        await _ignore_redis_away(redis_counters.run_in_thread(redis_counters.RedisCounters.undo_failure, shared, key))
    else:
        _backoff.undo_failure(key)


async def reset(key: str) -> None:
    """Reset a key. See `Backoff`."""
    if shared := _redis():
        await _ignore_redis_away(redis_counters.run_in_thread(redis_counters.RedisCounters.reset, shared, key))
    else:
        _backoff.reset(key)


async def _ignore_redis_away(uncounting: Awaitable[None]) -> None:
    """Undo a count and ignore an unavailable Redis: the person only has fewer attempts left."""
    try:
        await uncounting
    except redis_counters.RedisUnavailable:
        logs.log_event(_log, logging.WARNING, "not_uncounted")


def forget_all() -> None:
    """Reset all counts in this process's memory, as a restart does (for tests)."""
    _memory.reset()
    _backoff.clear()


def address_key(address: str) -> str:
    """Return the key that limits an address: the address itself, or its /64 for IPv6, because one customer has all of it."""
    return networks(address)[0]


def networks(address: str) -> list[str]:
    """Return the keys that limit an address, the narrowest first: an IPv4 address itself; the /64, /56 and /48 of an IPv6 address."""
    try:
        parsed = ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return [address]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return [str(parsed.ipv4_mapped)]
        return [f"{IPv6Address(int(parsed) >> 128 - length << 128 - length)}/{length}" for length in (_IPV6_SUBNET, *_NETWORK_FACTORS)]
    return [str(parsed)]


def _network_limits(limit: RateLimitItem) -> list[RateLimitItem]:
    """Return the limit of an address, followed by those of the networks around it."""
    networks_around = (
        type(limit)(limit.amount * times, limit.multiples, f"{limit.namespace}-{length}") for length, times in _NETWORK_FACTORS.items()
    )
    return [limit, *networks_around]


async def hit_address(limit: RateLimitItem, address: str) -> bool:
    """Count one attempt from a client address against a limit and against the limits of the IPv6 networks around it.

    A customer with a whole /48 has 65,536 /64s, which would otherwise give as many limits.

    Args:
        limit: the limit of one address.
        address: the client's address.

    Returns:
        False if one of the limits is reached. The attempt is then not counted.

    Raises:
        redis_counters.RedisUnavailable: Redis does not answer.
    """
    counted: list[tuple[RateLimitItem, str]] = []
    for each, key in zip(_network_limits(limit), networks(address), strict=False):
        if not await hit(each, key):
            for before in counted:
                await undo_hit(*before)
            return False
        counted.append((each, key))
    return True


async def undo_hit_address(limit: RateLimitItem, address: str) -> None:
    """Undo one attempt that `hit_address` counted."""
    for each, key in zip(_network_limits(limit), networks(address), strict=False):
        await undo_hit(each, key)
