"""The second step: setup, codes that work once, recovery codes, trusted browsers, and attempts to bypass it."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pyotp.totp import TOTP
from sqlmodel import select

from odoportal.accounts.models import Account, Person
from odoportal.commands import checks
from odoportal.core import clock, database
from odoportal.rooms.signin import passwords, service, two_factor
from odoportal.rooms.signin.models import Authenticator, RecoveryCode, SecondStep
from odoportal.rooms.signin.sessions import Browser as About
from odoportal.settings import get_settings
from tests.rooms.security.conftest import EMAIL, Browser, changes, letters
from tests.rooms.security.test_browsers import FIREFOX
from tests.rooms.signin.conftest import GOOD, Clock, add_person

NEW = "sept tortues jaunes voyagent"


def key_of(web: Browser) -> str:
    """Return the key that the page shows while an app is set up."""
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", web.page())
    assert found
    return found[1].replace(" ", "")


def code(key: str, steps: int = 0) -> str:
    """Return the code an app shows now, or `steps` time steps later."""
    return TOTP(key).at(clock.now() + timedelta(seconds=30 * steps))


def set_up(web: Browser, now: Clock) -> tuple[str, list[str]]:
    """Switch two-step sign-in on; return the key and the recovery codes."""
    assert web.form("totp_begin", current=GOOD)["ok"]
    key = key_of(web)
    done = web.form("totp_confirm", code=code(key))
    assert done["ok"], done
    now.move(minutes=2)
    return key, done["shown"]


def step(browser: Browser, typed: str, **more: str) -> Any:
    """Sign in with the password, then enter a code."""
    answer = browser.sign_in()
    assert answer.headers["location"].startswith("/en/code")
    assert not browser.inside
    return browser.client.post("/en/code", data={"code": typed, **more})


@pytest.mark.asvs("6.3.3")
def test_an_app_is_set_up_and_its_code_is_asked_after_the_password(
    web: Browser, opened: Callable[[], Browser], now: Clock, maria: int
) -> None:
    other = opened()
    other.sign_in()
    key, codes = set_up(web, now)
    assert (len(codes), len(set(codes))) == (10, 10)
    assert (web.inside, other.inside) == (True, False)
    assert [letter.subject for letter in letters(EMAIL)][-1] == "Two-step sign-in is on"
    assert changes()[-1] == ("two_step_on", maria, "203.0.113.0")
    page = web.page()
    assert "Recovery codes left: 10." in page
    assert key not in page.replace(" ", "")
    phone = opened()
    answer = step(phone, code(key))
    assert (answer.status_code, answer.headers["location"], phone.inside) == (303, "/en/", True)


@pytest.mark.asvs("7.2.4")
@pytest.mark.parametrize("script", [True, False])
def test_the_session_goes_on_under_another_token(web: Browser, thief: Callable[[str], Browser], script: bool) -> None:
    before = web.token
    assert web.form("totp_begin", current=GOOD)["ok"]
    assert web.token == before
    typed = code(key_of(web))
    if script:
        assert web.form("totp_confirm", code=typed)["renewed"]
    else:
        answer = web.client.post("/en/profile/security", data={"form": "totp_confirm", "once": "a" * 32, "code": typed})
        assert (answer.status_code, answer.text.count("This browser")) == (200, 1)
    assert (web.inside, thief(web.token).inside, thief(before).inside) == (True, True, False)


def test_who_has_a_second_factor_is_known_once_it_is_in_force(web: Browser, now: Clock, maria: int) -> None:
    other = add_person("other@example.com")
    web.form("totp_begin", current=GOOD)
    with database.read_session() as session:
        assert two_factor.people_with_second_factor(session, [maria, other]) == set()
    web.form("totp_confirm", code=code(key_of(web)))
    with database.read_session() as session:
        assert (two_factor.people_with_second_factor(session, [maria, other]), two_factor.people_with_second_factor(session, [other])) == (
            {maria},
            set(),
        )


def test_the_first_code_must_be_right_and_soon(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    assert web.form("totp_confirm", code="123456")["errors"]
    assert web.form("totp_begin", current="wrong")["errors"]
    assert "Set it up" in web.page()
    web.form("totp_begin", current=GOOD)
    key = key_of(web)
    assert web.form("totp_confirm", code=code(key, 2))["errors"]
    now.move(minutes=15)
    assert web.form("totp_confirm", code=code(key))["errors"]
    assert "Set it up" in web.page()
    assert opened().sign_in().headers["location"] == "/en/"


@pytest.mark.asvs("6.5.1")
def test_a_code_works_once(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    used = code(key)
    assert step(opened(), used).status_code == 303
    assert step(opened(), used).status_code == 422
    assert step(opened(), code(key, -1)).status_code == 422
    assert step(opened(), code(key, 1)).status_code == 303


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
@pytest.mark.asvs("6.5.5")
@pytest.mark.asvs("6.5.8")
def test_a_clock_may_be_one_step_off(web: Browser, opened: Callable[[], Browser], now: Clock, steps: int, taken: bool) -> None:
    key, _ = set_up(web, now)
    assert step(opened(), code(key, steps)).status_code == (303 if taken else 422)


@pytest.mark.asvs("6.5.1")
def test_of_twenty_at_the_same_time_with_one_code_one_gets_in(web: Browser, now: Clock, maria: int) -> None:
    key, _ = set_up(web, now)
    with database.write_session() as session:
        tokens = [two_factor.begin_step(session, session.get_one(Person, maria), False, clock.now()) for _ in range(20)]
    typed = code(key)

    def finish(token: str) -> bool:
        with database.write_session() as session:
            done = service.finish_sign_in(session, token, typed, clock.now(), browser=About(), previous=None, remember=False)
            return done.token is not None

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(finish, tokens)) == 1


@pytest.mark.asvs("6.5.2")
@pytest.mark.asvs("6.4.4")
def test_a_recovery_code_works_once_and_is_told(web: Browser, opened: Callable[[], Browser], now: Clock, maria: int) -> None:
    _, codes = set_up(web, now)
    typed = codes[3].upper().replace("-", " ")
    assert step(opened(), typed).status_code == 303
    assert letters(EMAIL)[-1].subject == "A recovery code was used"
    assert "Codes left: 9." in letters(EMAIL)[-1].text
    assert step(opened(), typed).status_code == 422
    assert ("code_used", maria, "203.0.113.1") in changes()
    with database.read_session() as session:
        kept = [row.hash for row in session.exec(select(RecoveryCode))]
    assert len(kept) == 9
    assert not any(code in "".join(kept) for code in codes)


@pytest.mark.parametrize(
    ("written", "joined"),
    [("{}", "\u2011"), ("{}", " – "), ("{}.", "-"), ("• {}", "-"), ("- {}", "-"), ("“{}”,", "-"), ("{}", "\u00ad"), ("＊{}", "\u00a0")],
)
def test_a_recovery_code_with_one_sign_more_is_right(
    web: Browser, opened: Callable[[], Browser], now: Clock, written: str, joined: str
) -> None:
    _, codes = set_up(web, now)
    assert step(opened(), written.format(codes[0].replace("-", joined))).status_code == 303


@pytest.mark.parametrize("written", ["{}.", "{0:.3}\u2011{0}", "•{}", "\uff10{}"])
def test_a_code_of_the_app_may_have_signs_and_no_other_digits(
    web: Browser, opened: Callable[[], Browser], now: Clock, written: str
) -> None:
    key, _ = set_up(web, now)
    shown = code(key)
    typed = written.replace("{0:.3}\u2011{0}", f"{shown[:3]}\u2011{shown[3:]}").format(shown)
    assert step(opened(), typed).status_code == (422 if typed.startswith("\uff10") else 303)


def test_new_recovery_codes_replace_the_old_ones(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    _, old = set_up(web, now)
    assert web.form("recovery", current="wrong")["errors"]
    new = web.form("recovery", current=GOOD)["shown"]
    assert not set(new) & set(old)
    assert step(opened(), old[0]).status_code == 422
    assert step(opened(), new[0]).status_code == 303


@pytest.mark.asvs("6.3.1")
@pytest.mark.asvs("6.3.5")
@pytest.mark.case("A-53")
def test_five_wrong_codes_end_the_step_and_are_told(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    thief = opened()
    thief.sign_in()
    answers = [thief.client.post("/en/code", data={"code": "000000"}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 4 + [303]
    assert answers[-1].headers["location"] == "/en/login?again=1"
    assert letters(EMAIL)[-1].subject == "Several incorrect codes when signing in"
    # A new second step gives no further tries: the person must wait, even with the correct code.
    assert step(thief, code(key)).status_code == 422
    now.move(seconds=30)
    assert step(opened(), code(key)).status_code == 303


def test_the_step_is_open_for_five_minutes_and_ends_with_the_password(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    late, outdated = opened(), opened()
    late.sign_in()
    now.move(minutes=5)
    assert late.client.post("/en/code", data={"code": code(key)}).headers["location"] == "/en/login?again=1"
    outdated.sign_in()
    assert web.form("new_password", current=GOOD, password=NEW)["ok"]
    assert outdated.client.post("/en/code", data={"code": code(key)}).headers["location"] == "/en/login?again=1"
    assert not outdated.inside


def test_without_a_first_step_there_is_no_second(opened: Callable[[], Browser], maria: int) -> None:
    nobody = opened()
    assert nobody.client.get("/en/code?next=/en/orders").headers["location"] == "/en/login?next=%2Fen%2Forders"
    assert nobody.client.post("/en/code", data={"code": "123456"}).headers["location"] == "/en/login?again=1"


def test_the_page_asked_for_is_gone_on_to_and_no_other_site(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    phone = opened()
    answer = phone.client.post("/en/login?next=/en/orders?page=2", data={"email": EMAIL, "password": GOOD})
    assert answer.headers["location"] == "/en/code?next=%2Fen%2Forders%3Fpage%3D2"
    page = phone.client.get(answer.headers["location"])
    assert 'autocomplete="one-time-code"' in page.text
    assert phone.client.post("/en/code?next=//evil.example", data={"code": code(key)}).headers["location"] == "/en/"


def test_a_remembered_browser_is_asked_no_code_for_thirty_days(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    phone = opened()
    assert step(phone, code(key), remember="1").status_code == 303
    now.move(days=29, hours=23, minutes=59)
    assert phone.sign_in().headers["location"] == "/en/"
    now.move(minutes=1)
    assert phone.sign_in().headers["location"] == "/en/code"
    # A browser without the cookie was never trusted.
    assert opened().sign_in().headers["location"] == "/en/code"


@pytest.mark.parametrize("how", ["password", "reset", "off and on"])
def test_what_was_remembered_is_forgotten(web: Browser, opened: Callable[[], Browser], now: Clock, how: str) -> None:
    key, _ = set_up(web, now)
    phone = opened()
    step(phone, code(key), remember="1")
    password = NEW
    if how == "password":
        assert web.form("new_password", current=GOOD, password=NEW)["ok"]
    elif how == "reset":
        phone.client.post("/en/forgot", data={"email": EMAIL})
        phone.link(letters(EMAIL)[-1])
        assert phone.client.post("/en/reset", data={"password": NEW}).status_code == 303
    else:
        assert web.form("totp_off", current=GOOD)["ok"]
        now.move(minutes=2)
        set_up(web, now)
        password = GOOD
    assert phone.sign_in(password=password).headers["location"] == "/en/code"


@pytest.mark.asvs("6.4.3")
def test_a_reset_by_mail_never_gets_around_it(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    set_up(web, now)
    thief = opened()
    thief.client.post("/en/forgot", data={"email": EMAIL})
    thief.link(letters(EMAIL)[-1])
    assert thief.client.post("/en/reset", data={"password": NEW}).status_code == 303
    assert thief.sign_in(password=NEW).headers["location"] == "/en/code"
    assert not thief.inside


def test_it_was_not_me_leaves_the_second_step(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    step(opened(), code(key))
    alert = next(letter for letter in letters(EMAIL) if letter.subject == "New sign-in to ODOportal")
    owner = opened()
    owner.link(alert)
    assert owner.client.post("/en/alert", data={"ok": "1"}).status_code == 303
    owner.link(letters(EMAIL)[-1])
    owner.client.post("/en/reset", data={"password": NEW})
    assert owner.sign_in(password=NEW).headers["location"] == "/en/code"


def disown(owner: Browser) -> None:
    """Report the sign-in by the link of the alert, and choose another password."""
    owner.link(next(letter for letter in letters(EMAIL) if letter.subject == "New sign-in to ODOportal"))
    assert owner.client.post("/en/alert", data={"ok": "1"}).status_code == 303
    owner.link(letters(EMAIL)[-1])
    assert owner.client.post("/en/reset", data={"password": NEW}).status_code == 303


def test_it_was_not_me_takes_back_the_app_and_the_codes_that_were_set_up_since(
    web: Browser, opened: Callable[[], Browser], now: Clock, maria: int
) -> None:
    thief = opened()
    thief.sign_in()
    _, codes = set_up(thief, now)
    owner = opened()
    disown(owner)
    assert [what for what, *_ in changes()] == ["two_step_on", "disowned", "two_step_off", "codes_removed", "password"]
    told = next(letter for letter in letters(EMAIL) if "someone else had signed in" in letter.text)
    assert "set up since then has been removed: Authenticator app Recovery codes Choose a new" in " ".join(told.text.split())
    assert owner.sign_in(password=NEW).headers["location"] == "/en/"
    with database.read_session() as session:
        assert not two_factor.people_with_second_factor(session, [maria])
        assert not session.exec(select(RecoveryCode)).all()
    assert len(codes) == 10


def test_it_was_not_me_takes_back_an_app_that_is_being_set_up(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    thief = opened()
    thief.sign_in()
    thief.form("totp_begin", current=GOOD)
    seen = key_of(thief)
    owner = opened()
    disown(owner)
    owner.sign_in(password=NEW)
    assert seen not in owner.page().replace(" ", "")
    assert list(owner.form("totp_confirm", code=code(seen))["errors"]) == ["code"]
    assert not any("has been removed:" in letter.text for letter in letters(EMAIL))


def test_it_was_not_me_takes_back_new_recovery_codes_and_leaves_the_app(
    web: Browser, opened: Callable[[], Browser], now: Clock, maria: int
) -> None:
    key, _ = set_up(web, now)
    thief = opened()
    step(thief, code(key))
    stolen = thief.form("recovery", current=GOOD)["shown"]
    owner = opened()
    disown(owner)
    assert [what for what, *_ in changes()][-3:] == ["disowned", "codes_removed", "password"]
    assert owner.sign_in(password=NEW).headers["location"] == "/en/code"
    now.move(minutes=2)
    assert owner.client.post("/en/code?recovery=1", data={"code": stolen[0]}).status_code == 422
    assert owner.client.post("/en/code", data={"code": code(key)}).status_code == 303


@pytest.mark.asvs("7.5.1")
def test_it_is_switched_off_with_the_password_and_told(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    set_up(web, now)
    assert list(web.form("totp_off", current="wrong")["errors"]) == ["current"]
    assert opened().sign_in().headers["location"] == "/en/code"
    assert web.form("totp_off", current=GOOD)["ok"]
    assert letters(EMAIL)[-1].subject == "Two-step sign-in is off"
    assert opened().sign_in().headers["location"] == "/en/"
    with database.read_session() as session:
        assert not session.exec(select(Authenticator)).all()
        assert not session.exec(select(RecoveryCode)).all()
        assert not session.exec(select(SecondStep)).all()


@pytest.mark.asvs("6.3.3")
def test_it_stays_on_while_an_account_requires_it(web: Browser, now: Clock) -> None:
    set_up(web, now)
    with database.write_session() as session:
        for account in session.exec(select(Account)):
            account.two_step = True
    assert "requires two-step sign-in" in web.form("totp_off", current=GOOD)["error"]
    with database.write_session() as session:
        assert session.exec(select(Authenticator)).all()
        for account in session.exec(select(Account)):
            account.two_step = False
    assert web.form("totp_off", current=GOOD)["ok"]


def test_setting_up_again_leaves_what_is_in_force(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    web.form("totp_begin", current=GOOD)
    assert step(opened(), code(key)).status_code == 303


def test_one_person_s_code_is_not_another_s(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, codes = set_up(web, now)
    add_person("other@example.com")
    other = opened()
    other.sign_in("other@example.com")
    assert other.form("totp_begin", current=GOOD)["ok"]
    assert key_of(other) != key
    assert other.form("totp_confirm", code=code(key_of(other)))["ok"]
    now.move(minutes=2)
    thief = opened()
    thief.sign_in("other@example.com")
    for typed in (code(key), codes[0]):
        assert thief.client.post("/en/code", data={"code": typed}).status_code == 422


@pytest.mark.parametrize("typed", ["", " ", "12345", "abc", "１２３４５６", "x" * 5000, "0" * 6, "😀"])
def test_odd_codes_are_wrong_codes(web: Browser, opened: Callable[[], Browser], now: Clock, typed: str) -> None:
    set_up(web, now)
    phone = opened()
    phone.client.headers["user-agent"] = FIREFOX
    assert step(phone, typed).status_code == 422
    assert not phone.inside


def test_the_database_makes_no_codes(web: Browser, now: Clock) -> None:
    key, _ = set_up(web, now)
    with database.read_session() as session:
        row = session.exec(select(Authenticator)).one()
    assert key not in {row.seed, row.seed.upper()}
    assert two_factor.secret_of(row.seed) == key
    assert two_factor.secret_of(row.seed + "x") != key


def test_what_is_over_is_swept_away(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    set_up(web, now)
    opened().sign_in()
    add_person("other@example.com")
    other = opened()
    other.sign_in("other@example.com")
    other.form("totp_begin", current=GOOD)
    with database.write_session() as session:
        assert two_factor.purge_expired(session, clock.now()) == 0
        assert two_factor.purge_expired(session, now.move(minutes=15)) == 2


def with_another_secret(monkeypatch: pytest.MonkeyPatch, maria: int) -> None:
    """Change the portal's secret, and set the person's password again under it."""
    monkeypatch.setenv("ODOPORTAL_SECRET", "t" * 40)
    get_settings.cache_clear()
    with database.write_session() as session:
        session.get_one(Person, maria).password = passwords.hash_password(GOOD)


def test_an_app_of_another_secret_is_told_and_a_recovery_code_leads_on(
    web: Browser, opened: Callable[[], Browser], now: Clock, maria: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, kept = set_up(web, now)
    monkeypatch.setenv("ODOPORTAL_SUPPORT_EMAIL", "help@odotrack.example")
    with_another_secret(monkeypatch, maria)
    checked = dict(checks.CHECKS)["second steps"]
    with pytest.raises(ValueError, match="1 people"):
        checked(get_settings())
    other = opened()
    other.sign_in()
    for page in (other.client.get("/en/code"), other.client.post("/en/code", data={"code": code(key)})):
        assert "Your authenticator app no longer works with the portal" in page.text
        assert "contact Odotrack: help@odotrack.example" in page.text
        assert "Recovery code" in page.text
        assert "Enter the 6-digit code" not in page.text
    assert "ne fonctionne plus avec le portail" in other.client.get("/fr/code").text
    assert other.client.post("/en/code", data={"code": kept[0]}).status_code == 303
    assert other.inside
    # Removing the app and setting it up again makes it work.
    assert other.form("totp_off", current=GOOD)["ok"]
    key, _ = set_up(other, now)
    assert checked(get_settings()) == "every authenticator app works with ODOPORTAL_SECRET"
    third = opened()
    third.sign_in()
    assert "no longer works" not in third.client.get("/en/code").text
    assert third.client.post("/en/code", data={"code": code(key)}).status_code == 303


def test_an_app_from_before_seeds_named_their_secret_works(web: Browser, opened: Callable[[], Browser], now: Clock, maria: int) -> None:
    set_up(web, now)
    with database.write_session() as session:
        app = session.get_one(Authenticator, maria)
        app.seed = "A" * 43
    answer = step(opened(), code(two_factor.secret_of("A" * 43)))
    assert answer.status_code == 303


def test_a_seed_does_not_hold_the_secret_nor_more_than_its_column(web: Browser, now: Clock, maria: int) -> None:
    set_up(web, now)
    with database.read_session() as session:
        seed = session.get_one(Authenticator, maria).seed
    assert len(seed) <= 64
    assert get_settings().secret.get_secret_value() not in seed


@pytest.mark.parametrize(
    ("method", "path", "cookie", "form"),
    [
        ("GET", "login", "__Host-odo_session", {}),
        ("POST", "code", "__Secure-odo_code", {"passkey": "begin"}),
        ("POST", "code", "__Secure-odo_code", {"code": "123456"}),
        ("POST", "email", "__Secure-odo_email", {"ok": "1"}),
        ("POST", "undo", "__Secure-odo_undo", {"ok": "1"}),
        ("POST", "alert", "__Secure-odo_alert", {"ok": "1"}),
        ("POST", "reset", "__Secure-odo_reset", {"password": GOOD}),
    ],
)
def test_a_token_that_is_made_up_never_takes_the_writer_s_turn(
    opened: Callable[[], Browser], method: str, path: str, cookie: str, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[str] = []
    writing = database.write_session
    monkeypatch.setattr(database, "write_session", lambda: (turns.append(path), writing())[1])
    answer = opened().client.request(method, f"/en/{path}", data=form, headers={"cookie": f"{cookie}=" + "a" * 43})
    assert answer.status_code in {200, 303, 410}
    assert turns == []
