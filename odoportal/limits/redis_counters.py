"""Attempts and events that several processes count together in Redis. Every key expires by itself, and none holds a secret.

Redis stores nothing else. Sessions, and the record of requests that must run only once, are in the database. A page's state is in the
process that its socket leads to, and is loaded again from the page's address if the socket is reopened to another process.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

from limits import RateLimitItem
from redis import Redis, RedisError, ResponseError
from redis.backoff import NoBackoff
from redis.retry import Retry

from odoportal.core import clock
from odoportal.observability import logs
from odoportal.settings import get_settings

P = ParamSpec("P")
T = TypeVar("T")
TIMEOUT_SECONDS = 0.5
"""Seconds to wait for Redis. It answers within a millisecond or is away."""
RETRY_AFTER_SECONDS = 2.0
"""Seconds without further attempts after Redis was found away; meanwhile every call fails at once."""
_PREFIX = "odoportal"
_log = logging.getLogger("odoportal.limits")
# Use separate threads: while Redis hangs, calls that wait for it must not block the threads that read the database.
_threads = ThreadPoolExecutor(4, thread_name_prefix="redis")

# The scripts do the same as `counters` does in memory. They tolerate clocks of two machines that differ by up to a minute.
# ARGV: the current time in seconds, the limit, the window in seconds.
_HIT = """
local now, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local newest = redis.call('LINDEX', KEYS[1], 0)
if newest and tonumber(newest) > now + 60 then
    for place, hit in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
        if tonumber(hit) > now then redis.call('LSET', KEYS[1], place - 1, ARGV[1]) end
    end
    redis.call('EXPIRE', KEYS[1], ARGV[3])
    newest = ARGV[1]
end
local oldest = redis.call('LINDEX', KEYS[1], most - 1)
if oldest and tonumber(oldest) > now - tonumber(ARGV[3]) then return 0 end
local moment = ARGV[1]
if newest and tonumber(newest) > now then moment = newest end
redis.call('LPUSH', KEYS[1], moment)
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
# ARGV: the current time in seconds, the number of free failures, then in seconds: the first wait, the longest wait, and the time after
# which a key is forgotten.
_WAIT = """
local function wait(count)
    local free = tonumber(ARGV[2])
    if count < free then return 0 end
    return math.min(tonumber(ARGV[3]) * 2 ^ math.min(count - free, 16), tonumber(ARGV[4]))
end
local known = redis.call('HMGET', KEYS[1], 'count', 'last', 'until')
local count, last, over = tonumber(known[1] or 0), tonumber(known[2] or 0), tonumber(known[3] or 0)
if not (count >= 0 and count % 1 == 0 and last and over) then error('no count') end
"""
_BEGIN = f"""
{_WAIT}
local now = tonumber(ARGV[1])
local function note(last)
    redis.call('HSET', KEYS[1], 'count', count, 'last', last, 'until', string.format('%.3f', last + wait(count)))
    redis.call('EXPIRE', KEYS[1], ARGV[5])
end
if over > now + wait(count) + 60 then note(now) return 0 end
if now < over then return 0 end
if now - last >= tonumber(ARGV[5]) then count = 0 end
count = count + 1
note(now)
return 1
"""
_TAKE_BACK = f"""
{_WAIT}
if count == 0 then return 0 end
count = count - 1
redis.call('HSET', KEYS[1], 'count', count, 'until', string.format('%.3f', last + wait(count)))
return 1
"""
_PACE = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class RedisUnavailable(ConnectionError):
    """Redis does not answer."""


class RedisCounters:
    """The counts in Redis; see `counters` for their meaning.

    Every method raises `RedisUnavailable` if Redis does not answer.

    Args:
        url: the address of the Redis.
        backoff_settings: the number of free failures, then in seconds: the first wait, the longest wait, and the time after which a key is
            forgotten.
    """

    def __init__(self, url: str, backoff_settings: tuple[int, ...]) -> None:
        # Retry once at once: that Redis has closed a connection is only noticed when it is used.
        self._redis: Any = _client(url, 1)
        self._backoff_settings = backoff_settings
        self._hit, self._begin, self._take_back, self._pace = map(self._redis.register_script, (_HIT, _BEGIN, _TAKE_BACK, _PACE))
        self._lock = threading.Lock()
        self._away_until = 0.0

    def _run(self, key: str, work: Callable[..., Any], *args: Any) -> Any:
        """Run a command, or raise RedisUnavailable without a wait while Redis is known to be away."""
        with self._lock:
            known_away = monotonic() < self._away_until
            if self._away_until and not known_away:
                # Let one caller check whether Redis is back. The others fail at once until that call has ended.
                self._away_until = monotonic() + RETRY_AFTER_SECONDS
        if known_away:
            raise RedisUnavailable
        try:
            found = self._run_or_replace(key, work, *args)
        except RedisError as why:
            self._away_until = monotonic() + RETRY_AFTER_SECONDS
            logs.log_event(_log, logging.ERROR, "redis_away", why=type(why).__name__)
            raise RedisUnavailable from why
        if self._away_until:
            self._away_until = 0.0
            logs.log_event(_log, logging.WARNING, "redis_back")
        return found

    def _run_or_replace(self, key: str, work: Callable[..., Any], *args: Any) -> Any:
        """Run a command; if the key holds a foreign value, delete the key and run the command again."""
        try:
            return work(*args)
        except ResponseError as why:
            # Subclasses report a full or read-only Redis.
            if type(why) is not ResponseError:
                raise
            # The value is not a count of ours. Delete it, or it would make Redis look away to everyone for as long as it exists.
            logs.log_event(_log, logging.ERROR, "redis_foreign", kind=key.split(":")[1])
            self._redis.delete(key)
            return work(*args)

    def hit(self, limit: RateLimitItem, key: str) -> bool:
        """Count one attempt within a moving window and return whether it is within the limit."""
        redis_key = _window_key(limit, key)
        return bool(self._run(redis_key, self._hit, [redis_key], [clock.now().timestamp(), limit.amount, limit.get_expiry()]))

    def remove_newest(self, limit: RateLimitItem, key: str) -> None:
        """Remove the newest attempt."""
        redis_key = _window_key(limit, key)
        self._run(redis_key, self._redis.lpop, redis_key)

    def count_in_span(self, key: str, seconds: int) -> int:
        """Count one within the current span of `seconds` and return the count, including it."""
        span = int(clock.now().timestamp()) // seconds
        redis_key = f"{_PREFIX}:pace:{key}:{span}"
        return int(self._run(redis_key, self._pace, [redis_key], [2 * seconds]))

    def begin(self, key: str, now: float) -> bool:
        """Count an attempt as failed before it is made; return False if the key must wait.

        Args:
            key: whose attempt it is.
            now: the current time, as a timestamp.
        """
        redis_key = _backoff_key(key)
        return bool(self._run(redis_key, self._begin, [redis_key], [now, *self._backoff_settings]))

    def undo_failure(self, key: str) -> None:
        """Undo the newest failure."""
        redis_key = _backoff_key(key)
        self._run(redis_key, self._take_back, [redis_key], [0, *self._backoff_settings])

    def reset(self, key: str) -> None:
        """Reset a key."""
        redis_key = _backoff_key(key)
        self._run(redis_key, self._redis.delete, redis_key)


def _client(url: str, retries: int) -> Redis:
    return Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, retry=Retry(NoBackoff(), retries))


def _window_key(limit: RateLimitItem, key: str) -> str:
    return f"{_PREFIX}:window:{limit.key_for(key)}"


def _backoff_key(key: str) -> str:
    return f"{_PREFIX}:wait:{key}"


@lru_cache
def connect(url: str, backoff_settings: tuple[int, ...]) -> RedisCounters:
    """Return the one pool of connections to a Redis, without connecting yet."""
    return RedisCounters(url, backoff_settings)


async def run_in_thread(work: Callable[Concatenate[RedisCounters, P], T], shared: RedisCounters, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a Redis call in a separate thread."""
    return await asyncio.get_running_loop().run_in_executor(_threads, copy_context().run, lambda: work(shared, *args, **kwargs))


def is_reachable() -> bool:
    """Return whether Redis answers, or True if none is configured. Checks now, whatever was found before.

    Raises:
        redis.RedisError: Redis does not answer.
    """
    url = get_settings().redis_url
    if not url:
        return True
    with _client(url, 0) as client:
        return bool(client.ping())
