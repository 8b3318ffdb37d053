"""The password asked again of somebody who is signed in: counted with the tries to sign in."""

import asyncio
from datetime import timedelta

import pytest

from odoportal.foundation import database, throttle
from odoportal.foundation.counters import FREE_FAILURES
from odoportal.foundation.identity import digest
from odoportal.signin import attempts, sessions
from tests.signin.conftest import GOOD, START, Hashes

EMAIL = "maria@transportgagnon.ca"
HERE = "203.0.113.5"


def confirm(*typed: str) -> list[bool]:
    async def each() -> list[bool]:
        return [await attempts.confirm(EMAIL, password, HERE, START) for password in typed]

    return asyncio.run(each())


@pytest.mark.asvs("7.5.3")
def test_the_right_password_is_right_and_another_is_not(maria: int) -> None:
    assert confirm(GOOD, f"{GOOD} ", "", GOOD) == [True, False, False, True]


@pytest.mark.asvs("6.3.1")
def test_it_cannot_be_guessed_here_either(maria: int, hashes: Hashes) -> None:
    assert not any(confirm(*["wrong"] * FREE_FAILURES, GOOD))
    # Whoever waits costs a comparison, too, and is not let in at the door of sign-in.
    assert hashes.compared == FREE_FAILURES + 1
    tried = attempts.Try(EMAIL, GOOD, False, sessions.Browser("", HERE), None)
    assert asyncio.run(attempts.attempt(tried, START)).token is None


@pytest.mark.asvs("6.3.1")
def test_a_crowded_address_is_refused_before_anything_is_compared(maria: int, hashes: Hashes) -> None:
    async def crowd() -> None:
        while await throttle.hit(throttle.SIGN_IN_PER_ADDRESS, HERE):
            pass

    asyncio.run(crowd())
    assert confirm(GOOD) == [False]
    assert hashes.compared == 0


def test_right_ones_use_nothing_up(maria: int) -> None:
    assert all(confirm(*[GOOD] * 40))


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (300, True), (301, False)])
@pytest.mark.asvs("7.5.3")
def test_a_session_is_fresh_for_five_minutes(maria: int, seconds: int, fresh: bool) -> None:
    with database.writing() as session:
        token = sessions.begin(session, maria, START, False, sessions.Browser())
    with database.reading() as session:
        assert sessions.is_fresh(session, digest(token), START + timedelta(seconds=seconds)) is fresh
        assert not sessions.is_fresh(session, digest("ended"), START)
