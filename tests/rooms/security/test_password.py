"""Password changes: the confirmation, the rules, the other sessions, and the notice."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from odoportal.accounts.models import Change
from odoportal.core import clock, database
from odoportal.limits.counters import FREE_FAILURES
from odoportal.limits.work_queue import RETRY_SECONDS, Busy
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.models import BrowserSession
from tests.rooms.security.conftest import EMAIL, Browser, changes, letters, stored
from tests.rooms.signin.conftest import GOOD, add_person

NEW = "sept tortues jaunes voyagent"


@pytest.mark.asvs("6.2.2")
@pytest.mark.asvs("7.4.3")
@pytest.mark.asvs("6.3.7")
def test_another_password_ends_every_other_session_and_is_told(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    other, stranger = opened(), opened()
    add_person("other@example.com")
    assert other.sign_in().status_code == stranger.sign_in("other@example.com").status_code == 303
    done = web.form("new_password", current=GOOD, password=NEW)
    assert (done["ok"], done["notice"]) == (True, "Your password has been changed. Every other browser has been signed out.")
    assert (web.inside, other.inside, stranger.inside) == (True, False, True)
    assert other.sign_in().status_code == 422
    assert other.sign_in(password=NEW).status_code == 303
    (letter,) = [letter for letter in letters(EMAIL) if letter.subject == "Your ODOportal password was changed"]
    assert "and every other browser was signed out." in letter.text
    assert changes() == [("password", maria, "203.0.113.0")]


@pytest.mark.asvs("7.2.4")
@pytest.mark.parametrize("keep", ["", "1"])
def test_the_session_goes_on_under_another_token(
    opened: Callable[[], Browser], maria: int, thief: Callable[[str], Browser], keep: str
) -> None:
    web = opened()
    web.sign_in(keep=keep)
    before = web.token
    done = web.form("new_password", current=GOOD, password=NEW)
    assert (done["renewed"], web.inside, thief(web.token).inside, thief(before).inside) == (True, True, True, False)
    (cookie,) = [cookie for cookie in web.client.cookies.jar if cookie.value == web.token]
    assert (cookie.expires is not None) is bool(keep)
    with database.read_session() as session:
        (row,) = session.exec(select(BrowserSession)).all()
    assert (row.person_id, row.keep, row.created_at) == (maria, bool(keep), clock.now())


def test_what_is_refused_leaves_the_token(web: Browser) -> None:
    before = web.token
    assert not web.form("new_password", current="wrong", password=NEW)["ok"]
    assert (web.token, web.inside) == (before, True)


@pytest.mark.asvs("6.2.3")
def test_without_the_present_password_nothing_changes_and_guessing_waits(web: Browser, maria: int, now: object) -> None:
    before = stored(maria).password
    assert web.form("new_password", password=NEW)["errors"] == {"current": "This field is required."}
    assert web.form("new_password", current="", password=NEW)["errors"] == {"current": "This field is required."}
    for _ in range(5):
        assert list(web.form("new_password", current="wrong", password=NEW)["errors"]) == ["current"]
    assert "too many tries" in web.form("new_password", current=GOOD, password=NEW)["errors"]["current"]
    assert stored(maria).password == before
    assert (letters(), changes(), web.inside) == ([], [], True)
    now.move(seconds=30)  # type: ignore[attr-defined]
    assert web.form("new_password", current=GOOD, password=NEW)["ok"]


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("", "required"),
        ("short", "too short"),
        ("x" * 129, "too long"),
        ("maria gagnon odo", "mostly your name"),
        (GOOD, "your current password"),
    ],
)
@pytest.mark.asvs("6.2.1")
def test_the_rules_of_a_new_password(web: Browser, new: str, says: str) -> None:
    assert says in web.form("new_password", current=GOOD, password=new)["errors"]["password"]
    assert letters() == []


def test_the_same_form_sent_again_after_a_lost_answer_is_done_once(web: Browser) -> None:
    key = "0123456789abcdef" * 2
    first = web.form("new_password", once=key, current=GOOD, password=NEW)
    # The repeated answer renews nothing: the browser already has the cookie with its new session token.
    assert web.form("new_password", once=key, current=GOOD, password=NEW) == {**first, "renewed": False}
    assert first["ok"]
    assert len(letters()) == 1


def test_a_reset_link_from_before_dies(web: Browser, opened: Callable[[], Browser]) -> None:
    late = opened()
    late.client.post("/en/forgot", data={"email": EMAIL})
    (letter,) = letters()
    assert web.form("new_password", current=GOOD, password=NEW)["ok"]
    assert late.link(letter).status_code == 410


def test_another_password_by_a_mailed_link_is_noted_as_the_person_s(opened: Callable[[], Browser], maria: int) -> None:
    browser = opened()
    browser.client.post("/en/forgot", data={"email": EMAIL})
    browser.link(letters(EMAIL)[-1])
    assert browser.client.post("/en/reset", data={"password": NEW}).status_code == 303
    with database.read_session() as session:
        noted = session.exec(select(Change).order_by("id")).all()
    assert [(row.what, row.person_id, row.subject_id, row.account_id is None, row.address) for row in noted] == [
        ("password", maria, maria, True, "203.0.113.0"),
        ("password", maria, maria, False, ""),
    ]


def test_the_page_says_the_rules_and_holds_no_secret(web: Browser) -> None:
    page = web.page()
    assert "From 15 to 128 characters." in page
    assert 'autocomplete="current-password"' in page
    assert 'autocomplete="new-password"' in page
    assert "v1$" not in page


@pytest.mark.parametrize("json", [True, False])
def test_where_too_much_waits_it_is_said_and_nothing_is_done(web: Browser, maria: int, json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> bool:
        raise Busy

    before = stored(maria).password
    sent = {"form": "new_password", "key": "", "version": "", "once": "ab" * 16, "current": GOOD, "password": NEW}
    headers = {"accept": "application/json"} if json else {}
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "matches_in_queue", full)
        for _ in range(FREE_FAILURES + 1):
            answer = web.client.post("/en/profile/security", data=sent, headers=headers)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, RETRY_SECONDS)
            assert "The portal is very busy" in answer.text
    assert stored(maria).password == before
    assert web.client.post("/en/profile/security", data=sent, headers={"accept": "application/json"}).json()["ok"]
