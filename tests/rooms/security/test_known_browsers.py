"""Known browsers: attempts from elsewhere cannot lock them out, and only a token issued by the portal makes a browser known."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from odoportal.core import clock, database
from odoportal.core.identity import token_hash
from odoportal.limits import rate_limits
from odoportal.limits.counters import FREE_FAILURES
from odoportal.rooms.signin import known_browsers
from odoportal.rooms.signin.models import KnownBrowser
from tests.rooms.security.conftest import EMAIL, Browser, letters
from tests.rooms.security.test_second_step import code, set_up, step
from tests.rooms.signin.conftest import Clock, Hashes, add_person

DEVICE = "__Host-odo_device"
SESSION = "__Host-odo_session"
PLANTED = "A" * 43
HOST = {"domain": "portal.example.com", "path": "/"}


def known() -> set[tuple[int, str]]:
    """Return the known browsers as pairs of person and token hash."""
    with database.read_session() as session:
        return {(row.person_id, row.hash) for row in session.exec(select(KnownBrowser))}


def token(web: Browser) -> str:
    return web.client.cookies[DEVICE]


def again(web: Browser, typed: str, **more: str) -> Any:
    """Drop the session cookie and sign in again with both steps."""
    web.client.cookies.delete(SESSION)
    return step(web, typed, **more)


def attack(opened: Callable[[], Browser], tries: int = 20) -> None:
    """Attempt sign-ins with wrong passwords, each from another browser and address."""
    for _ in range(tries):
        assert opened().sign_in(password="wrong").status_code == 422


@pytest.mark.asvs("6.3.1")
@pytest.mark.case("A-07")
def test_strangers_keep_no_known_browser_out(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    phone = opened()
    attack(opened)
    assert phone.sign_in().status_code == 422, "a new browser waits"
    for _ in range(3):
        assert web.sign_in().status_code == 303
    now.move(seconds=30)
    assert phone.sign_in().status_code == 303, "after the documented wait the right password works"


@pytest.mark.case("A-07")
def test_neither_do_strangers_at_the_same_address(web: Browser) -> None:
    while web.client.post("/en/login", data={"email": "x@example.com", "password": "wrong"}).status_code == 422:
        pass
    assert web.sign_in().status_code == 303


@pytest.mark.asvs("6.3.1")
@pytest.mark.case("A-07")
def test_a_known_browser_has_a_growing_wait_of_its_own(web: Browser, opened: Callable[[], Browser], now: Clock, hashes: Hashes) -> None:
    for _ in range(FREE_FAILURES):
        assert web.sign_in(password="wrong").status_code == 422
    compared = hashes.compared
    assert web.sign_in().status_code == 422
    assert hashes.compared == compared + 1
    # Failures in the known browser do not make other browsers wait.
    assert opened().sign_in().status_code == 303
    now.move(seconds=29)
    assert web.sign_in().status_code == 422
    now.move(seconds=1)
    assert web.sign_in(password="wrong").status_code == 422
    now.move(seconds=59)
    assert web.sign_in().status_code == 422
    now.move(seconds=1)
    assert web.sign_in().status_code == 303


def test_a_known_browser_that_waits_is_counted_by_its_address(web: Browser, hashes: Hashes) -> None:
    for _ in range(FREE_FAILURES):
        web.sign_in(password="wrong")
    answers = [web.sign_in(password="wrong").status_code for _ in range(rate_limits.SIGN_IN_PER_ADDRESS.amount + 1)]
    assert answers == [422] * rate_limits.SIGN_IN_PER_ADDRESS.amount + [429]
    assert hashes.compared == FREE_FAILURES + rate_limits.SIGN_IN_PER_ADDRESS.amount


def test_another_password_by_mail_lets_the_browser_in_at_once(web: Browser) -> None:
    for _ in range(FREE_FAILURES + 1):
        web.sign_in(password="wrong")
    web.client.post("/en/forgot", data={"email": EMAIL})
    web.link(letters(EMAIL)[-1])
    assert web.client.post("/en/reset", data={"password": "sept tortues jaunes voyagent"}).status_code == 303
    assert web.sign_in(password="sept tortues jaunes voyagent").status_code == 303


@pytest.mark.asvs("6.3.8")
@pytest.mark.case("A-07")
def test_a_cookie_tells_nothing_of_an_account(web: Browser, opened: Callable[[], Browser], hashes: Hashes) -> None:
    """Statements, hashes and answer are the same for an unknown and a known email, with another person's cookie or a made-up one."""
    add_person("other@example.com")
    theirs = opened()
    theirs.sign_in("other@example.com")
    said: list[str] = []
    seen = []
    event.listen(database.engine(), "before_cursor_execute", lambda *given: said.append(given[2]))
    for email in ("nobody@example.com", EMAIL):
        for cookie in ("", PLANTED, token(theirs)):
            stranger = opened()
            if cookie:
                stranger.client.cookies.set(DEVICE, cookie, **HOST)
            said.clear()
            compared = hashes.compared
            answer = stranger.sign_in(email, "wrong")
            seen.append((tuple(said), hashes.compared - compared, answer.status_code, answer.text.replace(email, "")))
            assert DEVICE not in answer.headers.get("set-cookie", "")
    assert len(set(seen)) == 1
    assert seen[0][1] == 1


def test_somebody_else_s_known_browser_is_a_stranger(opened: Callable[[], Browser], web: Browser) -> None:
    add_person("evil@example.com")
    evil = opened()
    evil.sign_in("evil@example.com")
    for _ in range(FREE_FAILURES):
        evil.sign_in(password="wrong")
    assert evil.sign_in().status_code == 422, "counted by the account, like everybody's tries"


@pytest.mark.case("A-07")
def test_who_has_the_password_only_keeps_nobody_out_of_the_second_step(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    thief, phone = opened(), opened()
    for _ in range(FREE_FAILURES + 1):
        assert step(thief, "000000").status_code in {303, 422}
    assert step(phone, code(key)).status_code == 422
    assert again(web, code(key)).headers["location"] == "/en/"
    now.move(seconds=30)
    assert step(phone, code(key)).headers["location"] == "/en/"


def test_a_known_browser_s_codes_have_a_wait_of_their_own(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    for _ in range(FREE_FAILURES + 1):
        again(web, "000000")
    assert again(web, code(key)).status_code == 422
    assert step(opened(), code(key)).headers["location"] == "/en/"


@pytest.mark.asvs("6.5.1")
@pytest.mark.case("A-41")
def test_a_token_that_the_portal_did_not_give_is_never_adopted(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    before = known()
    victim = opened()
    victim.client.cookies.set(DEVICE, PLANTED, **HOST)
    assert victim.sign_in().status_code == 303
    assert victim.client.cookies.get(DEVICE, domain="portal.example.com") != PLANTED
    assert known() == before | {(maria, token_hash(token(victim)))}
    assert len(letters(EMAIL)) == 1


def test_a_token_that_somebody_else_was_given_is_not_adopted_either(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    evil = add_person("evil@example.com")
    attacker, victim = opened(), opened()
    attacker.sign_in("evil@example.com")
    victim.client.cookies.set(DEVICE, token(attacker), **HOST)
    victim.sign_in()
    assert (maria, token_hash(token(attacker))) not in known()
    # The rows of the old token moved to the new one, which the attacker does not have.
    assert {person for person, hashed in known() if hashed == token_hash(token(victim))} == {maria, evil}


def test_a_known_browser_keeps_its_token(web: Browser) -> None:
    before = token(web)
    web.sign_in()
    assert token(web) == before
    assert len(known()) == 1


def test_two_people_in_one_browser_are_each_known_in_it(web: Browser) -> None:
    add_person("other@example.com")
    for _ in range(3):
        assert web.sign_in("other@example.com").status_code == 303
        assert web.sign_in().status_code == 303
    assert letters() == []
    assert len(known()) == 2


@pytest.mark.asvs("6.5.1")
def test_the_token_that_replaces_the_second_step_is_new(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    copied = token(web)
    assert again(web, code(key), remember="1").status_code == 303
    assert token(web) != copied
    assert web.sign_in().headers["location"] == "/en/"
    thief = opened()
    thief.client.cookies.set(DEVICE, copied, **HOST)
    assert thief.sign_in().headers["location"] == "/en/code"
    assert "new browser" not in " ".join(letter.subject for letter in letters()).lower(), "it is the same browser"
    assert len(known()) == 1


def test_the_password_alone_makes_no_browser_known(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    set_up(web, now)
    phone = opened()
    assert DEVICE not in phone.sign_in().headers["set-cookie"]
    assert len(known()) == 1


def test_a_browser_is_known_for_a_year(web: Browser, maria: int) -> None:
    with database.read_session() as session:
        for later, is_known in ((known_browsers.KNOWN_FOR - timedelta(seconds=1), True), (known_browsers.KNOWN_FOR, False)):
            assert known_browsers.is_known(session, maria, token_hash(token(web)), clock.now() + later) is is_known
        assert not known_browsers.is_known(session, maria, "", clock.now())
