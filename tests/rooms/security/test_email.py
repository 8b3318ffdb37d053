"""Changes of a person's email: requested with the password, confirmed from the new mailbox, undone from the old one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from odoportal.accounts.models import Person
from odoportal.core import clock, database
from odoportal.mail.outbox import Mail, token_of
from odoportal.rooms.signin import email_change
from tests.rooms.security.conftest import EMAIL, Browser, changes, letters, stored
from tests.rooms.signin.conftest import GOOD, add_person

NEW = "maria.gagnon@example.com"


def ask(web: Browser, address: str = NEW) -> Mail:
    """Request another email and return the mail to it."""
    assert web.form("email", address=address, current=GOOD)["ok"]
    return letters(address)[-1]


def confirm(browser: Browser, letter: Mail) -> Any:
    """Open a mail's link and press the button of its page."""
    page = browser.link(letter)
    return (
        browser.client.post(f"/en/{'email' if 'email?' in letter.text else 'undo'}", data={"ok": "1"}) if page.status_code == 200 else page
    )


def test_an_email_changes_when_the_new_mailbox_says_so(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    letter = ask(web)
    assert NEW in web.page()
    assert "with the link that we sent to it" in web.page()
    phone = opened()
    page = phone.link(letter)
    assert (page.status_code, NEW in page.text, EMAIL in page.text) == (200, True, True)
    # Mail scanners open links, so opening it must change nothing.
    assert stored(maria).email == EMAIL
    assert phone.client.post("/en/email", data={"ok": "1"}).headers["location"] == "/en/login?email=1"
    assert (stored(maria).email, stored(maria).email_key) == (NEW, NEW)
    assert web.inside
    assert phone.sign_in().status_code == 422
    assert phone.sign_in(NEW).status_code == 303
    assert changes() == [("email", maria, "203.0.113.1")]
    assert [letter.to for letter in letters()][:3] == [NEW, EMAIL, NEW]


def test_who_is_signed_in_where_the_link_is_opened_goes_back_to_the_page(web: Browser) -> None:
    assert confirm(web, ask(web)).headers["location"] == "/en/profile/security"


@pytest.mark.asvs("6.3.7")
@pytest.mark.asvs("7.5.1")
@pytest.mark.case("A-32")
def test_the_old_mailbox_takes_it_back_and_whoever_was_in_is_out(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    confirm(web, ask(web))
    second = ask(web, "third@example.com")
    owner = opened()
    notice = letters(EMAIL)[-1]
    assert notice.subject == "Your email address for ODOportal was changed"
    confirm(web, second)
    answer = confirm(owner, notice)
    assert answer.headers["location"] == "/en/login?undone=1"
    assert stored(maria).email == EMAIL
    assert not web.inside
    assert web.sign_in().status_code == web.sign_in("third@example.com").status_code == 422
    reset = letters(EMAIL)[-1]
    assert "/en/reset?token=" in reset.text
    assert owner.link(reset).status_code == 200
    assert owner.client.post("/en/reset", data={"password": "sept tortues jaunes voyagent"}).status_code == 303
    assert owner.sign_in(password="sept tortues jaunes voyagent").status_code == 303
    assert owner.link(notice).status_code == 410


@pytest.mark.parametrize(("field", "value"), [("current", ""), ("current", "wrong"), ("address", "no email"), ("address", EMAIL.upper())])
def test_what_is_refused_writes_no_letter(web: Browser, field: str, value: str) -> None:
    answer = web.form("email", **{"address": NEW, "current": GOOD, field: value})
    assert list(answer["errors"]) == [field]
    assert letters() == []


@pytest.mark.asvs("6.3.8")
def test_somebody_else_s_email_gets_the_same_answer_and_is_not_given(web: Browser, maria: int) -> None:
    add_person("other@example.com")
    free, taken = (web.form("email", address=address, current=GOOD) for address in (NEW, "other@example.com"))
    assert free["notice"].replace(NEW, "") == taken["notice"].replace("other@example.com", "")
    assert [letter.subject for letter in letters("other@example.com")] == ["You already have access to ODOportal"]
    assert letters("other@example.com")[0].seed == ""


def test_of_two_who_ask_for_the_same_one_the_first_to_confirm_has_it(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    other = opened()
    add_person("other@example.com")
    other.sign_in("other@example.com")
    mine, theirs = ask(web), ask(other)
    assert confirm(other, theirs).status_code == 303
    assert confirm(web, mine).status_code == 410
    assert stored(maria).email == EMAIL


def test_a_link_works_once_for_a_day_and_only_the_latest(web: Browser, opened: Callable[[], Browser], now: Any) -> None:
    first = ask(web)
    second = ask(web)
    phone = opened()
    assert phone.link(first).status_code == 410
    now.move(hours=24)
    assert phone.link(second).status_code == 410
    web.sign_in()
    third = ask(web)
    now.move(hours=23, minutes=59, seconds=59)
    assert confirm(phone, third).status_code == 303
    assert phone.link(third).status_code == 410
    assert phone.client.post("/en/email", data={"ok": "1"}).status_code == 410


def test_the_way_back_is_open_for_seven_days(web: Browser, opened: Callable[[], Browser], now: Any) -> None:
    confirm(web, ask(web))
    notice = letters(EMAIL)[-1]
    phone = opened()
    now.move(days=6, hours=23, minutes=59)
    assert phone.link(notice).status_code == 200
    now.move(minutes=1)
    assert phone.client.post("/en/undo", data={"ok": "1"}).status_code == 410


def test_a_reset_link_to_the_old_mailbox_dies(web: Browser, opened: Callable[[], Browser]) -> None:
    late = opened()
    late.client.post("/en/forgot", data={"email": EMAIL})
    reset = letters(EMAIL)[-1]
    confirm(web, ask(web))
    assert late.link(reset).status_code == 410


def test_of_twenty_tries_with_one_link_one_changes_the_email(web: Browser, maria: int) -> None:
    token = token_of(ask(web).seed)

    def use(_: int) -> Person | None:
        with database.write_session() as session:
            return email_change.confirm(session, token, clock.now(), "203.0.113.9")

    with ThreadPoolExecutor(20) as pool:
        assert sum(person is not None for person in pool.map(use, range(20))) == 1
    assert len(changes()) == 1


def test_a_disabled_person_confirms_and_undoes_nothing(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    letter = ask(web)
    with database.write_session() as session:
        session.get_one(Person, maria).disabled_at = clock.now()
    assert opened().link(letter).status_code == 410


@pytest.mark.asvs("2.4.1")
def test_letters_to_other_mailboxes_are_few(web: Browser) -> None:
    answers = [web.form("email", address=f"a{n}@example.com", current=GOOD) for n in range(6)]
    assert [answer["ok"] for answer in answers] == [True] * 5 + [False]


def test_what_nobody_can_use_any_more_is_swept_away(web: Browser, now: Any) -> None:
    confirm(web, ask(web))
    web.form("email", address="b@example.com", current=GOOD)
    with database.write_session() as session:
        assert email_change.purge_expired(session, now.move(days=30, hours=23)) == 0
        assert email_change.purge_expired(session, now.move(hours=2)) == 1
        assert email_change.purge_expired(session, now.move(days=7)) == 1
