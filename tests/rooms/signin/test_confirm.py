"""Confirmations with the password: limited by session, and by person over all sessions."""

import asyncio
from datetime import datetime, timedelta

import pytest

from odoportal.core import clock, database
from odoportal.core.identity import Identity, token_hash
from odoportal.limits import rate_limits
from odoportal.limits.counters import FREE_FAILURES
from odoportal.rooms.signin import attempts, sessions
from tests.rooms.signin.conftest import GOOD, START, Hashes

EMAIL = "maria@transportgagnon.ca"
HERE = "203.0.113.5"


def signed_in(person_id: int, now: datetime = START) -> Identity:
    """Begin a session for the person and return its identity."""
    with database.write_session() as session:
        token = sessions.begin(session, person_id, now, False, sessions.Browser())
    with database.engine().connect() as connection:
        who = sessions.resolve(connection, token_hash(token), None, now)
    assert who
    return who


def confirm(who: Identity, *typed: str, now: datetime = START) -> list[bool]:
    async def each() -> list[bool]:
        return [await attempts.confirm(who, password, HERE, now) for password in typed]

    return asyncio.run(each())


@pytest.mark.asvs("7.5.3")
def test_the_right_password_is_right_and_another_is_not(maria: int) -> None:
    assert confirm(signed_in(maria), GOOD, f"{GOOD} ", "", GOOD) == [True, False, False, True]


@pytest.mark.asvs("6.3.1")
def test_it_cannot_be_guessed_here_either(maria: int, hashes: Hashes) -> None:
    who = signed_in(maria)
    assert not any(confirm(who, *["wrong"] * FREE_FAILURES, GOOD))
    assert hashes.compared == FREE_FAILURES
    assert confirm(who, GOOD, now=START + timedelta(seconds=29)) == [False]
    assert confirm(who, GOOD, now=START + timedelta(seconds=30)) == [True]


@pytest.mark.asvs("6.3.1")
@pytest.mark.case("A-07")
def test_what_is_tried_elsewhere_keeps_nobody_from_it_and_it_keeps_nobody_from_signing_in(maria: int) -> None:
    who, stolen = signed_in(maria), signed_in(maria)

    async def elsewhere() -> list[attempts.AttemptResult]:
        tried = [attempts.SignInForm(EMAIL, "wrong", False, sessions.Browser("", f"198.51.100.{n}"), None) for n in range(20)]
        return [await attempts.attempt(one, START) for one in tried]

    asyncio.run(elsewhere())
    confirm(stolen, *["wrong"] * 20)
    assert confirm(who, GOOD) == [False], "twenty in five minutes, over all sessions"
    assert confirm(who, GOOD, now=START + timedelta(minutes=5)) == [False]
    clock.set_source(lambda: START + timedelta(minutes=5))
    assert confirm(who, GOOD, now=START + timedelta(minutes=5)) == [True]


@pytest.mark.asvs("6.3.1")
def test_a_person_is_asked_so_often_in_five_minutes_whatever_the_session(maria: int, hashes: Hashes) -> None:
    typed = [confirm(signed_in(maria), *["wrong"] * FREE_FAILURES) for _ in range(6)]
    assert not any(map(any, typed))
    assert hashes.compared == rate_limits.CONFIRMS_PER_PERSON.amount


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (300, True), (301, False)])
@pytest.mark.asvs("7.5.3")
def test_a_session_is_fresh_for_five_minutes(maria: int, seconds: int, fresh: bool) -> None:
    with database.write_session() as session:
        token = sessions.begin(session, maria, START, False, sessions.Browser())
    with database.read_session() as session:
        assert sessions.is_fresh(session, token_hash(token), START + timedelta(seconds=seconds)) is fresh
        assert not sessions.is_fresh(session, token_hash("ended"), START)
