"""The rate limits work the same in this process's memory and in Redis, where several processes count together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from limits import RateLimitItemPerHour

from odoportal.core import clock
from odoportal.limits import rate_limits, redis_counters
from odoportal.limits.counters import FORGET_AFTER, Backoff, MovingWindowStorage, wait_after
from odoportal.limits.rate_limits import RESET_PER_ACCOUNT, SIGN_IN_PER_ADDRESS, FixedWindow, address_key
from odoportal.settings import get_settings
from tests.inside import Clock
from tests.redis_server import Server

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def now() -> Iterator[Clock]:
    """A clock that tests move. Nothing is counted in memory yet."""
    at = Clock()
    clock.set_source(at)
    rate_limits.forget_all()
    yield at
    clock.set_source(None)


@pytest.fixture
def in_redis(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Count in an empty Redis."""
    redis_server.ask("FLUSHALL")
    monkeypatch.setenv("ODOPORTAL_REDIS_URL", redis_server.url)
    get_settings.cache_clear()
    return redis_server


@pytest.fixture(params=["memory", "redis"])
def counting(request: pytest.FixtureRequest) -> None:
    """Count in memory, then in Redis."""
    if request.param == "redis":
        request.getfixturevalue("in_redis")


def each(ask: Callable[[], Awaitable[Any]], times: int) -> list[Any]:
    """Call `ask` several times in sequence and return the results."""

    async def run() -> list[Any]:
        return [await ask() for _ in range(times)]

    return asyncio.run(run())


def begun(key: str, now: Any, times: int = 1) -> list[bool]:
    return each(lambda: rate_limits.begin_attempt(key, now), times)


def hits(limit: Any, key: str, times: int = 1) -> list[bool]:
    return each(lambda: rate_limits.hit(limit, key), times)


@pytest.mark.asvs("6.1.1")
@pytest.mark.asvs("2.1.3")
def test_the_documented_numbers() -> None:
    assert [wait_after(n).total_seconds() for n in (0, 4, 5, 6, 7, 11, 12, 13, 10_000)] == [0, 0, 30, 60, 120, 1920, 3600, 3600, 3600]
    assert (SIGN_IN_PER_ADDRESS.amount, SIGN_IN_PER_ADDRESS.get_expiry()) == (30, 300)
    assert (RESET_PER_ACCOUNT.amount, RESET_PER_ACCOUNT.get_expiry()) == (3, 3600)
    assert (rate_limits.RESET_PER_ADDRESS.amount, rate_limits.RESET_PER_ADDRESS.get_expiry()) == (20, 3600)


@pytest.mark.asvs("6.3.1")
@pytest.mark.usefixtures("counting")
def test_the_wait_on_both_sides_of_its_end(now) -> None:
    start = now()
    assert begun("a", start, 6) == [True] * 5 + [False]
    assert begun("b", start) == [True]
    assert begun("a", start + timedelta(seconds=30) - SECOND) == [False]
    assert begun("a", start + timedelta(seconds=30)) == [True]
    assert begun("a", start + timedelta(seconds=89)) == [False]
    assert begun("a", start + timedelta(seconds=90)) == [True]


@pytest.mark.usefixtures("counting")
def test_each_failure_brings_its_wait_and_an_hour_is_the_longest(now) -> None:
    at = now()
    assert begun("a", at, 4) == [True] * 4
    for failures in range(5, 25):
        assert begun("a", at) == [True]
        assert begun("a", at + wait_after(failures) - SECOND) == [False]
        at += wait_after(failures)


@pytest.mark.usefixtures("counting")
def test_a_refused_try_does_not_lengthen_the_wait(now) -> None:
    begun("a", now(), 200)
    assert begun("a", now() + timedelta(seconds=30)) == [True]


@pytest.mark.usefixtures("counting")
def test_success_starts_anew_and_a_day_forgets(now) -> None:
    begun("a", now(), 5)
    each(lambda: rate_limits.reset("a"), 1)
    assert begun("a", now(), 6) == [True] * 5 + [False]
    assert begun("a", now() + FORGET_AFTER, 6) == [True] * 5 + [False]


@pytest.mark.case("F-09")
@pytest.mark.usefixtures("counting")
def test_a_try_that_led_to_nothing_is_uncounted(now) -> None:
    for _ in range(10):
        assert begun("a", now()) == [True]
        each(lambda: rate_limits.undo_failure("a"), 1)
    assert begun("a", now(), 6) == [True] * 5 + [False]
    each(lambda: rate_limits.undo_failure("a"), 1)
    assert begun("a", now()) == [True]
    each(lambda: rate_limits.undo_failure("nobody"), 1)


@pytest.mark.asvs("15.4.2")
@pytest.mark.usefixtures("counting")
def test_parallel_tries_are_all_counted(now) -> None:
    async def run() -> tuple[list[bool], list[bool]]:
        return (
            await asyncio.gather(*(rate_limits.begin_attempt("a", now()) for _ in range(200))),
            await asyncio.gather(*(rate_limits.hit(SIGN_IN_PER_ADDRESS, "203.0.113.9") for _ in range(200))),
        )

    allowed, counted = asyncio.run(run())
    assert (sum(allowed), sum(counted)) == (5, 30)


def test_memory_is_bounded(now) -> None:
    waits, windows = Backoff(most=10), MovingWindowStorage(most=10)
    for n in range(100):
        waits.begin(f"account:{n}", now())
        windows.acquire_entry(f"reset/{n}", 3, 60)
        assert len(waits._failures["account"]) <= 10
        assert len(windows._hits["reset"]) <= 10


def test_what_no_longer_counts_is_dropped_though_there_is_room(now) -> None:
    waits, windows = Backoff(), MovingWindowStorage()
    for n in range(3):
        waits.begin(f"account:{n}", now())
        windows.acquire_entry(f"reset/{n}", 3, 86_400)
        now.move(hours=8)
    # The first are a day old now, and the second do not count either.
    waits.undo_failure("account:1")
    windows.remove_newest("reset/1")
    waits.begin("account:new", now())
    windows.acquire_entry("reset/new", 3, 86_400)
    assert [*waits._failures["account"]] == ["account:2", "account:new"]
    assert [*windows._hits["reset"]] == ["reset/2", "reset/new"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Bound the stores in memory to a few keys of each kind; return how many."""
    monkeypatch.setattr(rate_limits._memory, "_most", 16)
    monkeypatch.setattr(rate_limits._backoff, "_most", 16)
    return 16


def test_a_flood_of_one_kind_washes_out_no_other(now, small: int) -> None:
    hits(RESET_PER_ACCOUNT, "victim", 3)
    hits(SIGN_IN_PER_ADDRESS, "victim", 30)
    begun("account:victim", now(), 5)
    begun("code:victim", now(), 2)
    other = RateLimitItemPerHour(10, 1, "made-up")
    for n in range(4 * small):
        hits(other, f"stranger {n}", 10)
        begun(f"browser:{n}", now(), 6)
    assert hits(RESET_PER_ACCOUNT, "victim") == hits(SIGN_IN_PER_ADDRESS, "victim") == begun("account:victim", now()) == [False]
    assert begun("code:victim", now(), 4) == [True] * 3 + [False]


def test_keys_that_are_made_up_wash_out_nobody_who_has_reached_the_limit(now, small: int) -> None:
    hits(RESET_PER_ACCOUNT, "victim", 3)
    begun("account:victim", now(), 5)
    for n in range(4 * small):
        hits(RESET_PER_ACCOUNT, f"stranger {n}", 2)
        begun(f"account:{n}", now(), 4)
    assert hits(RESET_PER_ACCOUNT, "victim") == begun("account:victim", now()) == [False]
    # The newest key is counted even when the store is full of keys with more hits.
    for n in range(4 * small):
        assert hits(RESET_PER_ACCOUNT, f"loud {n}", 4) == [True] * 3 + [False]


def test_what_no_longer_counts_goes_first(now, small: int) -> None:
    for n in range(small):
        hits(RESET_PER_ACCOUNT, f"before {n}", 3)
        begun(f"account:before {n}", now(), 7)
    now.move(hours=25)
    hits(RESET_PER_ACCOUNT, "now", 3)
    begun("account:now", now(), 5)
    for n in range(small // 2):
        hits(RESET_PER_ACCOUNT, f"after {n}", 1)
        begun(f"account:after {n}", now())
    assert hits(RESET_PER_ACCOUNT, "now") == begun("account:now", now()) == [False]


@pytest.mark.usefixtures("counting")
def test_the_networks_of_one_subscriber_are_limited_together() -> None:
    def tried(address: str, times: int = 1) -> list[bool]:
        return each(lambda: rate_limits.hit_address(SIGN_IN_PER_ADDRESS, address), times)

    assert tried("2001:db8:1:100::1", 31) == [True] * 30 + [False]
    assert tried("2001:db8:1:101::1", 31) == [True] * 30 + [False]
    assert tried("2001:db8:1:102::1") == [False], "the /56 has had twice as many"
    assert sum(sum(tried(f"2001:db8:1:{n}00::1", 30)) for n in range(2, 9)) == 180, "the /48 eight times as many"
    assert tried("2001:db8:2:100::1") == [True]
    each(lambda: rate_limits.undo_hit_address(SIGN_IN_PER_ADDRESS, "2001:db8:1:100::1"), 1)
    assert tried("2001:db8:1:900::1", 2) == [True, False], "what is refused by the last limit is not counted by the first"
    assert tried("203.0.113.9", 31) == [True] * 30 + [False]


@pytest.mark.usefixtures("counting")
def test_a_window_moves_with_the_clock(now) -> None:
    assert hits(RESET_PER_ACCOUNT, "a", 4) == [True] * 3 + [False]
    assert hits(RESET_PER_ACCOUNT, "b") == [True]
    now.move(seconds=3599)
    assert hits(RESET_PER_ACCOUNT, "a") == [False]
    now.move(seconds=1)
    assert hits(RESET_PER_ACCOUNT, "a", 4) == [True] * 3 + [False]


@pytest.mark.usefixtures("counting")
@pytest.mark.case("A-46", "F-22")
def test_a_clock_that_goes_back_frees_nobody_and_holds_nobody_longer(now) -> None:
    hits(RESET_PER_ACCOUNT, "a", 2)
    begun("b", now(), 5)
    now.move(hours=-7)
    assert hits(RESET_PER_ACCOUNT, "a", 2) == [True, False]
    assert begun("b", now()) == [False]
    now.move(seconds=29)
    assert begun("b", now()) == [False]
    now.move(seconds=1)
    assert begun("b", now(), 2) == [True, False], "and it is the sixth failure, which waits for a minute"
    now.move(minutes=59, seconds=29)
    assert hits(RESET_PER_ACCOUNT, "a") == [False]
    now.move(seconds=1)
    assert hits(RESET_PER_ACCOUNT, "a", 4) == [True] * 3 + [False]


@pytest.mark.case("F-22")
def test_clocks_of_two_machines_may_be_a_little_apart(in_redis: Server, now) -> None:
    hits(RESET_PER_ACCOUNT, "a", 3)
    begun("b", now(), 5)
    known = [in_redis.ask("LRANGE", *in_redis.ask("KEYS", "*window*"), 0, -1), in_redis.ask("HGETALL", *in_redis.ask("KEYS", "*wait*"))]
    now.move(seconds=-50)
    assert hits(RESET_PER_ACCOUNT, "a") == begun("b", now()) == [False]
    assert known == [
        in_redis.ask("LRANGE", *in_redis.ask("KEYS", "*window*"), 0, -1),
        in_redis.ask("HGETALL", *in_redis.ask("KEYS", "*wait*")),
    ]


WINDOW, WAIT = "odoportal:window:reset-account/a/3/1/hour", "odoportal:wait:a"
FOREIGN: list[tuple[str, ...]] = [
    ("SET", WINDOW, "7"),
    ("RPUSH", WINDOW, "garbage"),
    ("RPUSH", WINDOW, "1", "garbage", "\xff"),
    ("HSET", WINDOW, "count", "1"),
    ("SET", WAIT, "\x80\x04"),
    ("RPUSH", WAIT, "1"),
    ("HSET", WAIT, "count", "many", "last", "0", "until", "0"),
    ("HSET", WAIT, "count", "-5", "last", "0", "until", "0"),
    ("HSET", WAIT, "count", "nan", "last", "0", "until", "0"),
    ("HSET", WAIT, "count", "1", "last", "yesterday", "until", "0"),
    ("HSET", WAIT, "count", "1", "last", "0", "until", "never"),
]


@pytest.mark.case("F-24")
@pytest.mark.parametrize("written", FOREIGN)
def test_what_is_no_count_is_removed_and_told_once_and_nobody_else_notices(
    now, in_redis: Server, written: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    assert hits(RESET_PER_ACCOUNT, "a") == [True]
    assert WINDOW in in_redis.ask("KEYS", "*")
    in_redis.ask("FLUSHALL")
    in_redis.ask(*written)
    assert hits(RESET_PER_ACCOUNT, "a", 4) == [True] * 3 + [False]
    assert begun("a", now(), 6) == [True] * 5 + [False]
    assert caplog.text.count("redis_foreign") == 1
    assert "redis_away" not in caplog.text
    assert all(in_redis.ask("TTL", key) > 0 for key in in_redis.ask("KEYS", "*"))


@pytest.mark.case("F-24")
def test_a_pace_that_is_no_number_is_counted_anew(now, in_redis: Server, caplog: pytest.LogCaptureFixture) -> None:
    pace = FixedWindow(3, 600)
    each(lambda: pace.over("a"), 1)
    for foreign in ("garbage", str(2**63 - 1), "1.5"):
        in_redis.ask("SET", *in_redis.ask("KEYS", "*pace*"), foreign)
        assert each(lambda: pace.over("a"), 4) == [0, 0, 0, 1]
    assert caplog.text.count("redis_foreign") == 3


@pytest.mark.case("F-24")
def test_a_wait_that_nobody_brought_about_is_an_hour_at_most(now, in_redis: Server) -> None:
    in_redis.ask("HSET", WAIT, "count", "999999999", "last", "9e99", "until", "9e99")
    assert begun("a", now()) == [False]
    now.move(seconds=3599)
    assert begun("a", now()) == [False]
    now.move(seconds=1)
    assert begun("a", now()) == [True]


@pytest.mark.usefixtures("counting")
def test_what_is_given_back_can_be_used_again() -> None:
    hits(SIGN_IN_PER_ADDRESS, "a", 30)
    each(lambda: rate_limits.undo_hit(SIGN_IN_PER_ADDRESS, "a"), 1)
    each(lambda: rate_limits.undo_hit(SIGN_IN_PER_ADDRESS, "never seen"), 1)
    assert hits(SIGN_IN_PER_ADDRESS, "a", 2) == [True, False]


@pytest.mark.usefixtures("counting")
def test_events_are_counted_by_whom_and_within_a_span(now) -> None:
    first, other = FixedWindow(3, 600), FixedWindow(3, 600)
    assert each(lambda: first.over("a"), 5) == [0, 0, 0, 1, 2]
    assert each(lambda: first.over("b"), 1) == [0]
    together = get_settings().redis_url != ""
    assert each(lambda: other.over("a"), 1) == [3 if together else 0], "another process's events count where they are shared"


def test_every_key_in_redis_ends_by_itself(in_redis: Server, now) -> None:
    begun("of-account", now())
    hits(SIGN_IN_PER_ADDRESS, "203.0.113.9")
    each(lambda: FixedWindow(3, 10).over("of-session"), 1)
    lives = {key: in_redis.ask("TTL", key) for key in in_redis.ask("KEYS", "*")}
    assert {key.split(":")[1] for key in lives} == {"wait", "window", "pace"}
    assert all(0 < seconds <= FORGET_AFTER.total_seconds() for seconds in lives.values())


@pytest.mark.case("F-24")
def test_without_redis_no_try_is_let_through_and_events_are_counted_alone(
    now, in_redis: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shared, pace = redis_counters.RedisCounters(in_redis.url, rate_limits._BACKOFF_SETTINGS), FixedWindow(3, 600)
    monkeypatch.setattr(redis_counters, "connect", lambda url, waits: shared)
    assert hits(RESET_PER_ACCOUNT, "a") == [True]
    for fault in (in_redis.away, in_redis.hanging):
        with fault():
            for _ in range(3):
                with pytest.raises(redis_counters.RedisUnavailable):
                    hits(RESET_PER_ACCOUNT, "a")
                with pytest.raises(redis_counters.RedisUnavailable):
                    begun("a", now())
            # Undoing a count, which a success also does, never fails.
            each(lambda: rate_limits.reset("a"), 1)
            each(lambda: rate_limits.undo_failure("a"), 1)
            each(lambda: rate_limits.undo_hit(RESET_PER_ACCOUNT, "a"), 1)
            assert caplog.text.count("redis_away") == 1, "asked once, then nobody waits"
            assert caplog.text.count("not_uncounted") == 3
        shared._away_until = 1.0
        assert hits(RESET_PER_ACCOUNT, "b") == [True], "asked again after the rest"
        assert caplog.text.count("redis_back") == 1
        caplog.clear()
    with in_redis.away():
        assert each(lambda: rate_limits.hit(RESET_PER_ACCOUNT, "signed in", alone=True), 4) == [True] * 3 + [False]
        assert each(lambda: pace.over("a"), 4) == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_an_address_is_limited_by(address: str, key: str) -> None:
    assert address_key(address) == key
