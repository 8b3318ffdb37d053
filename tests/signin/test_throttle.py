from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from odoportal.foundation import throttle
from odoportal.foundation.throttle import RESET_PER_ACCOUNT, SIGN_IN_PER_ADDRESS, Waits, address_key, wait_after

SECOND = timedelta(seconds=1)


@pytest.mark.asvs("6.1.1")
def test_the_documented_numbers() -> None:
    assert [wait_after(n).total_seconds() for n in (0, 4, 5, 6, 7, 11, 12, 13, 10_000)] == [0, 0, 30, 60, 120, 1920, 3600, 3600, 3600]
    assert (SIGN_IN_PER_ADDRESS.amount, SIGN_IN_PER_ADDRESS.get_expiry()) == (30, 300)
    assert (RESET_PER_ACCOUNT.amount, RESET_PER_ACCOUNT.get_expiry()) == (3, 3600)
    assert (throttle.RESET_PER_ADDRESS.amount, throttle.RESET_PER_ADDRESS.get_expiry()) == (20, 3600)


@pytest.mark.asvs("6.3.1")
def test_the_wait_on_both_sides_of_its_end(now) -> None:
    waits = Waits()
    assert [waits.begin("a", now()) for _ in range(6)] == [True] * 5 + [False]
    assert waits.begin("b", now())
    assert not waits.begin("a", now() + timedelta(seconds=30) - SECOND)
    assert waits.begin("a", now() + timedelta(seconds=30))
    assert not waits.begin("a", now() + timedelta(seconds=89))
    assert waits.begin("a", now() + timedelta(seconds=90))


def test_a_refused_try_does_not_lengthen_the_wait(now) -> None:
    waits = Waits()
    for _ in range(200):
        waits.begin("a", now())
    assert waits.begin("a", now() + timedelta(seconds=30))


def test_success_starts_anew_and_a_day_forgets(now) -> None:
    waits = Waits()
    for _ in range(5):
        waits.begin("a", now())
    waits.forgive("a")
    assert [waits.begin("a", now()) for _ in range(6)] == [True] * 5 + [False]
    later = now() + throttle.FORGET_AFTER
    assert [waits.begin("a", later) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.case("F-09")
def test_a_try_that_led_to_nothing_is_uncounted(now) -> None:
    waits = Waits()
    for _ in range(10):
        assert waits.begin("a", now())
        waits.take_back("a")
    assert [waits.begin("a", now()) for _ in range(5)] == [True] * 5
    assert not waits.begin("a", now())
    waits.take_back("a")
    assert waits.begin("a", now())
    waits.take_back("nobody")


@pytest.mark.asvs("15.4.2")
def test_parallel_tries_are_all_counted(now) -> None:
    waits = Waits()
    with ThreadPoolExecutor(16) as pool:
        allowed = list(pool.map(lambda _: waits.begin("a", now()), range(200)))
        hits = list(pool.map(lambda _: throttle.hit(SIGN_IN_PER_ADDRESS, "203.0.113.9"), range(200)))
    assert sum(allowed) == 5
    assert sum(hits) == 30


def test_memory_is_bounded(now) -> None:
    waits, memory = Waits(most=10), throttle._Memory(most=10)
    for n in range(100):
        waits.begin(str(n), now())
        memory.acquire_entry(str(n), 3, 60)
    assert len(waits._failures) == 10
    assert len(memory._hits) == 10


def test_a_window_moves_with_the_clock(now) -> None:
    assert all(throttle.hit(RESET_PER_ACCOUNT, "a") for _ in range(3))
    assert not throttle.hit(RESET_PER_ACCOUNT, "a")
    assert throttle.hit(RESET_PER_ACCOUNT, "b")
    now.move(seconds=3599)
    assert not throttle.hit(RESET_PER_ACCOUNT, "a")
    now.move(seconds=1)
    assert throttle.hit(RESET_PER_ACCOUNT, "a")


def test_a_clock_that_goes_back_frees_nobody(now) -> None:
    for _ in range(3):
        throttle.hit(RESET_PER_ACCOUNT, "a")
    now.move(hours=-1)
    assert not throttle.hit(RESET_PER_ACCOUNT, "a")


def test_what_is_given_back_can_be_used_again() -> None:
    for _ in range(30):
        throttle.hit(SIGN_IN_PER_ADDRESS, "a")
    throttle.give_back(SIGN_IN_PER_ADDRESS, "a")
    throttle.give_back(SIGN_IN_PER_ADDRESS, "never seen")
    assert throttle.hit(SIGN_IN_PER_ADDRESS, "a")
    assert not throttle.hit(SIGN_IN_PER_ADDRESS, "a")


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
