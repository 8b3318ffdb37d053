"""Open sessions, the sign-in history, and the mail about a new browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from odoportal.accounts.models import Person
from odoportal.core import clock, database, i18n
from odoportal.mail.outbox import token_of
from odoportal.rooms.security.view import SESSIONS_SHOWN
from odoportal.rooms.signin import known_browsers, service
from odoportal.rooms.signin.models import BrowserSession
from tests.rooms.security.conftest import EMAIL, Browser, changes, letters, stored
from tests.rooms.security.test_email import ask, confirm
from tests.rooms.signin.conftest import GOOD, add_person

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"


def keys(web: Browser) -> list[str]:
    """Return the keys of the sessions that the page can end."""
    page = web.page().partition("Open sessions")[2].partition("End all other sessions")[0]
    return re.findall(r'name="key" value="(\w+)"', page)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        (EDGE, "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) EdgA/140.0", "Edge on Android"),
        ("curl/8.0", "Unknown browser"),
        ("<b>Linux", "Linux"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_in_words(agent: str, said: str) -> None:
    with i18n.use("en"):
        assert known_browsers.browser_label(agent) == said


def test_the_first_sessions_are_shown_and_the_others_on_request(web: Browser, opened: Callable[[], Browser]) -> None:
    for _ in range(SESSIONS_SHOWN - 1):
        opened().sign_in()
    assert "Show all" not in web.page()
    opened().sign_in()
    shown, _, more = web.page().partition("Open sessions")[2].partition("Show all 6")
    assert (shown.count("Last used"), more.count("Last used")) == (SESSIONS_SHOWN, 1)
    assert "This browser" in shown
    assert len(keys(web)) == SESSIONS_SHOWN, "each of the others can be ended"


@pytest.mark.asvs("7.5.2")
@pytest.mark.case("A-47")
def test_one_session_is_ended_and_the_others_stay(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    phone, other = opened(), opened()
    phone.client.headers["user-agent"] = IPHONE
    phone.sign_in()
    other.sign_in()
    page = web.page()
    assert "Safari on iPhone" in page
    assert page.count("This browser") == 1
    before = set(keys(web))
    assert len(before) == 2
    other.client.post("/en/login", data={})
    for key in before:
        browsers_in = (phone.inside, other.inside)
        assert web.form("end_session", key=key)["ok"]
        assert sum((phone.inside, other.inside)) == sum(browsers_in) - 1
    assert web.inside
    assert keys(web) == []
    assert [what for what, *_ in changes()] == ["session", "session"]


@pytest.mark.asvs("8.2.2")
def test_nobody_ends_somebody_else_s_session(web: Browser, opened: Callable[[], Browser]) -> None:
    stranger = opened()
    add_person("other@example.com")
    stranger.sign_in("other@example.com")
    again = opened()
    again.sign_in("other@example.com")
    (theirs,) = keys(stranger)
    refused = web.form("end_session", key=theirs)
    assert refused["ok"] is False
    assert refused == web.form("end_session", key="0" * 24)
    assert again.inside


def test_no_page_holds_what_a_session_is_found_by(web: Browser) -> None:
    with database.read_session() as session:
        hashes = session.exec(select(BrowserSession.hash)).all()
    page = web.page()
    assert hashes
    assert not any(hash_ in page for hash_ in hashes)


def test_all_others_are_ended_at_once(web: Browser, opened: Callable[[], Browser]) -> None:
    others = [opened(), opened()]
    for other in others:
        other.sign_in()
    assert web.form("end_others")["ok"]
    assert [b.inside for b in (web, *others)] == [True, False, False]
    assert web.form("end_others")["ok"]
    assert len(changes()) == 1


@pytest.mark.asvs("6.3.5")
def test_a_sign_in_with_a_new_browser_is_told_and_with_a_known_one_is_not(web: Browser, opened: Callable[[], Browser]) -> None:
    assert letters() == []
    web.sign_in()
    assert letters() == []
    phone = opened()
    phone.client.headers["user-agent"] = IPHONE
    phone.sign_in()
    (letter,) = letters(EMAIL)
    assert letter.subject == "New sign-in to ODOportal"
    assert "Safari on iPhone, network address 203.0.113.1" in letter.text
    phone.sign_in()
    assert len(letters()) == 1


@pytest.mark.asvs("6.3.5")
@pytest.mark.parametrize("purged", [True, False])
def test_after_ninety_days_away_only_a_new_browser_is_told(web: Browser, opened: Callable[[], Browser], now: Any, purged: bool) -> None:
    def away(days: int) -> None:
        now.move(days=days)
        if purged:
            with database.write_session() as session:
                known_browsers.purge_expired(session, clock.now())

    away(days=91)
    opened().sign_in()
    assert len(letters(EMAIL)) == 1
    away(days=91)
    web.sign_in()
    assert len(letters(EMAIL)) == 1
    away(days=365)
    web.sign_in()
    assert len(letters(EMAIL)) == 2


def test_a_wrong_password_with_a_new_browser_is_no_sign_in(web: Browser, opened: Callable[[], Browser]) -> None:
    opened().sign_in(password="wrong")
    assert letters() == []
    assert web.page().count("<tr>") == 2


def test_a_browser_known_to_one_person_is_new_to_another(web: Browser) -> None:
    add_person("other@example.com")
    web.sign_in("other@example.com")
    web.sign_in("other@example.com")
    assert letters() == []
    web.sign_in()
    assert letters() == []


@pytest.mark.asvs("7.4.3")
def test_it_was_not_me_ends_everything_and_forces_another_password(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    thief = opened()
    thief.sign_in()
    owner, (letter,) = opened(), letters(EMAIL)
    page = owner.link(letter)
    assert (page.status_code, thief.inside) == (200, True)
    assert owner.client.post("/en/alert", data={"ok": "1"}).headers["location"] == "/en/login?disowned=1"
    assert not thief.inside
    assert not web.inside
    assert thief.sign_in().status_code == 422
    assert "/en/reset?token=" in letters(EMAIL)[-1].text
    assert owner.link(letter).status_code == 410
    assert changes() == [("disowned", maria, "203.0.113.2")]


def test_it_was_not_me_also_puts_back_an_email_that_was_changed_since(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    thief, owner = opened(), opened()
    thief.sign_in()
    (alert,) = letters(EMAIL)
    confirm(thief, ask(thief))
    assert stored(maria).email != EMAIL
    owner.link(alert)
    owner.client.post("/en/alert", data={"ok": "1"})
    assert stored(maria).email == EMAIL
    assert letters()[-1].to == EMAIL


def test_a_sign_in_or_another_password_leaves_the_alert_s_link_alone(web: Browser, opened: Callable[[], Browser], now: Any) -> None:
    thief = opened()
    thief.sign_in()
    (alert,) = letters(EMAIL)
    thief.form("new_password", current=GOOD, password="sept tortues jaunes voyagent")
    thief.sign_in(password="sept tortues jaunes voyagent")
    now.move(days=6, hours=23, minutes=59)
    assert opened().link(alert).status_code == 200
    now.move(minutes=1)
    assert opened().link(alert).status_code == 410


def test_an_alert_s_link_sets_no_password(web: Browser, opened: Callable[[], Browser]) -> None:
    opened().sign_in()
    (alert,) = letters(EMAIL)
    answer = opened().client.get(f"/en/reset?token={token_of(alert.seed)}")
    assert answer.status_code == 303
    browser = opened()
    browser.client.get(f"/en/reset?token={token_of(alert.seed)}")
    assert browser.client.post("/en/reset", data={"password": "sept tortues jaunes voyagent"}).status_code == 410


def test_history_is_kept_for_ninety_days(web: Browser, now: Any) -> None:
    with i18n.use("en"):
        assert web.page().count("testclient") == 0
    now.move(days=89, hours=23)
    with database.write_session() as session:
        assert known_browsers.purge_expired(session, clock.now()) == 0
    now.move(hours=1)
    with database.write_session() as session:
        assert known_browsers.history(session, 1, clock.now()) == []
        assert known_browsers.purge_expired(session, clock.now()) == 1
        assert known_browsers.purge_expired(session, now.move(days=275)) == 1


def test_a_disabled_person_reports_nothing(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    opened().sign_in()
    (alert,) = letters(EMAIL)
    with database.write_session() as session:
        session.get_one(Person, maria).disabled_at = clock.now()
    assert opened().link(alert).status_code == 410


def test_a_sign_in_in_code_is_noted_too(maria: int) -> None:
    with database.write_session() as session:
        assert service.sign_in(session, maria, session.get_one(Person, maria).password, clock.now())
    with database.read_session() as session:
        assert len(known_browsers.history(session, maria, clock.now())) == 1
