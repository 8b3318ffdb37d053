"""Passkeys: registration, use as a second step and in place of the password, and the checks on what they are bound to."""

import html
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import select

from odoportal.accounts.models import Person
from odoportal.core import clock, database
from odoportal.rooms.signin import passkeys, service, staff, two_factor
from odoportal.rooms.signin.models import Passkey, PasskeyCeremony, RecoveryCode, SignIn
from odoportal.rooms.signin.sessions import Browser as About
from tests.rooms.security.authenticator import Device, b64, unb64
from tests.rooms.security.conftest import EMAIL, Browser, changes, letters
from tests.rooms.security.test_second_step import NEW, code, set_up
from tests.rooms.signin.conftest import GOOD, Clock, add_person

OTHER = "other@example.com"
EMPTY = '{"id": "a", "rawId": "a", "response": {}, "type": "public-key"}'
GARBAGE = ["", "{}", "[]", "null", '"x"', "[" * 9000, EMPTY, "x" * 60_000, "\x00"]


def task_of(web: Browser) -> dict[str, Any]:
    """Return the creation options on the page."""
    found = re.search(r'data-task="([^"]+)"', web.page())
    assert found, "no passkey is being added"
    return json.loads(html.unescape(found[1]))


def register(web: Browser, device: Device, name: str = "My phone") -> dict[str, Any]:
    """Add a passkey and return the answer to the form."""
    assert web.form("passkey_begin", current=GOOD)["ok"]
    done = web.form("passkey_add", name=name, credential=device.create(task_of(web)))
    assert done["ok"], done
    return done


def task(browser: Browser, page: str = "login") -> dict[str, Any]:
    """Return the request options of a sign-in page."""
    answer = browser.client.post(f"/en/{page}", data={"passkey": "begin"}, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def enter(browser: Browser, signed: str, page: str = "login", **more: str) -> Any:
    """Submit the device's signed answer."""
    return browser.client.post(f"/en/{page}", data={"passkey": signed, **more})


def stored_keys() -> list[Passkey]:
    with database.read_session() as session:
        return list(session.exec(select(Passkey).order_by("id")))


@pytest.mark.asvs("6.3.3")
@pytest.mark.asvs("6.3.7")
def test_a_passkey_is_added_with_the_password_and_told(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    assert list(web.form("passkey_begin", current="wrong")["errors"]) == ["current"]
    assert "data-task" not in web.page()
    other = opened()
    other.sign_in()
    before = web.token
    done = register(web, Device(), "  My   phone ")
    assert (len(done["shown"]), done["renewed"], web.inside, other.inside, web.token != before) == (10, True, True, False, True)
    (key,) = stored_keys()
    assert (key.person_id, key.name, key.used_at) == (maria, "My phone", None)
    assert [letter.subject for letter in letters(EMAIL)][-1] == "A passkey was added"
    assert "“My phone”" in letters(EMAIL)[-1].text
    assert changes()[-1] == ("passkey_added", maria, "203.0.113.0")
    page = web.page()
    assert "My phone" in page
    assert "Not used yet" in page
    assert "Recovery codes left: 10." in page


def test_what_the_device_learns_is_random_and_names_what_it_has(web: Browser, maria: int) -> None:
    device = Device()
    register(web, device)
    web.form("passkey_begin", current=GOOD)
    made = task_of(web)
    assert made["rp"]["id"] == "portal.example.com"
    assert made["user"]["id"] == b64(device.keys[0].handle)
    assert len(device.keys[0].handle) == 32
    assert [known["id"] for known in made["excludeCredentials"]] == [b64(device.keys[0].id)]
    assert (made["authenticatorSelection"]["userVerification"], made["authenticatorSelection"]["residentKey"]) == ("required", "required")
    add_person(OTHER)
    with database.write_session() as session:
        passkeys.begin_registration(session, maria + 1, "t", clock.now())
    with database.read_session() as session:
        handles = {row.handle for row in session.exec(select(PasskeyCeremony))}
    assert len(handles) == 2


def test_a_second_passkey_hands_out_no_codes_and_ends_no_session(web: Browser, opened: Callable[[], Browser]) -> None:
    register(web, Device())
    phone = opened()
    device = Device()
    assert register(web, device, "")["shown"] == []
    assert [key.name for key in stored_keys()] == ["My phone", "Unknown browser"]
    enter(phone, device.get(task(phone)))
    register(web, Device())
    assert phone.inside


@pytest.mark.parametrize("bent", [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"verifies": False}])
def test_what_does_not_fit_is_not_added(web: Browser, bent: dict[str, Any]) -> None:
    assert web.form("passkey_begin", current=GOOD)["ok"]
    assert not web.form("passkey_add", name="", credential=Device(**bent).create(task_of(web)))["ok"]
    assert stored_keys() == []
    assert letters() == []


def test_a_challenge_of_adding_is_used_once_and_soon_and_by_its_own_session(
    web: Browser, opened: Callable[[], Browser], now: Clock
) -> None:
    web.form("passkey_begin", current=GOOD)
    made = task_of(web)
    other = opened()
    other.sign_in()
    assert not other.form("passkey_add", credential=Device().create(made))["ok"]
    assert web.form("passkey_add", credential=Device().create({**made, "challenge": b64(b"0" * 32)}))["ok"] is False
    assert web.form("passkey_add", credential=Device().create(made))["ok"] is False, "the first try used the challenge up"
    web.form("passkey_begin", current=GOOD)
    made = task_of(web)
    now.move(minutes=5)
    assert "data-task" not in web.page()
    assert web.form("passkey_add", credential=Device().create(made))["ok"] is False
    assert stored_keys() == []


def test_a_key_that_is_known_already_is_nobody_elses(web: Browser, opened: Callable[[], Browser]) -> None:
    device = Device()
    register(web, device)
    add_person(OTHER)
    other = opened()
    other.sign_in(OTHER)
    other.form("passkey_begin", current=GOOD)
    thief = Device()
    sent = thief.create(task_of(other))
    parts = json.loads(sent)
    # Register the credential id of the existing passkey with the attacker's own public key.
    raw = parts["response"]["attestationObject"]
    own = thief.keys[0].id
    bent = b64(unb64(raw).replace(own, device.keys[0].id))
    parts["response"]["attestationObject"], parts["id"], parts["rawId"] = bent, b64(device.keys[0].id), b64(device.keys[0].id)
    assert not other.form("passkey_add", credential=json.dumps(parts))["ok"]
    assert len(stored_keys()) == 1


@pytest.mark.parametrize("keep", ["", "1"])
def test_a_passkey_signs_in_without_password_and_second_step(
    web: Browser, opened: Callable[[], Browser], now: Clock, maria: int, keep: str
) -> None:
    device = Device()
    set_up(web, now)
    register(web, device)
    phone = opened()
    asked = task(phone)
    assert asked.get("allowCredentials", []) == []
    assert asked["userVerification"] == "required"
    answer = phone.client.post("/en/login?next=/en/orders", data={"passkey": device.get(asked), "keep": keep})
    assert (answer.status_code, answer.headers["location"], phone.inside) == (303, "/en/orders", True)
    (cookie,) = [cookie for cookie in phone.client.cookies.jar if cookie.value == phone.token]
    assert (cookie.expires is not None) is bool(keep)
    assert stored_keys()[0].used_at == clock.now()
    with database.read_session() as session:
        assert session.exec(select(SignIn.way).order_by("id")).all()[-1] == "passkey"
    assert "Passkey</p></td>" in web.page()


@pytest.mark.asvs("6.5.1")
def test_an_answer_is_taken_once(web: Browser, opened: Callable[[], Browser]) -> None:
    device = Device(counts=False)
    register(web, device)
    phone, thief = opened(), opened()
    signed = device.get(task(phone))
    thief.client.cookies.update(phone.client.cookies)
    assert enter(phone, signed).status_code == 303
    for again in (phone, thief):
        assert enter(again, signed).status_code == 422
    assert not thief.inside


def test_a_challenge_belongs_to_its_browser_its_purpose_and_five_minutes(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    device = Device()
    register(web, device)
    phone, thief, late = opened(), opened(), opened()
    signed = device.get(task(phone))
    task(thief)
    assert enter(thief, signed).status_code == 422
    assert enter(opened(), signed).status_code == 422
    thief.sign_in()
    assert enter(thief, device.get(task(phone)), "code").status_code == 422
    signed = device.get(task(late))
    now.move(minutes=5)
    assert enter(late, signed).status_code == 422
    assert not any(browser.inside for browser in (phone, thief, late))


@pytest.mark.parametrize(
    "bent",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://portal.example.com.evil.example"},
        {"origin": "http://portal.example.com"},
        {"site": "example.com"},
        {"verifies": False},
    ],
)
def test_an_answer_for_another_site_or_without_its_person_is_refused(
    web: Browser, opened: Callable[[], Browser], bent: dict[str, Any]
) -> None:
    device = Device()
    register(web, device)
    phone = opened()
    bad = Device(**bent, keys=device.keys)
    assert enter(phone, bad.get(task(phone))).status_code == 422
    assert not phone.inside
    assert enter(phone, device.get(task(phone))).status_code == 303


@pytest.mark.parametrize("bent", [{"userHandle": None}, {"userHandle": b64(b"7")}, {"signature": b64(b"0" * 70)}, {"clientDataJSON": ""}])
def test_a_bent_answer_is_refused(web: Browser, opened: Callable[[], Browser], bent: dict[str, Any]) -> None:
    device = Device()
    register(web, device)
    phone = opened()
    assert enter(phone, device.get(task(phone), **bent)).status_code == 422
    assert not phone.inside


@pytest.mark.parametrize("signed", GARBAGE)
def test_what_no_device_makes_is_an_answer_and_no_fault(web: Browser, opened: Callable[[], Browser], signed: str) -> None:
    register(web, Device())
    phone = opened()
    task(phone)
    assert enter(phone, signed).status_code == 422
    phone.sign_in()
    task(phone, "code")
    assert enter(phone, signed, "code").status_code == 422
    web.form("passkey_begin", current=GOOD)
    assert web.form("passkey_add", credential=signed)["error"]


def test_a_challenge_is_for_one_purpose_and_one_person(web: Browser, maria: int) -> None:
    device, other = Device(), add_person(OTHER)
    register(web, device)
    with database.write_session() as session:
        asked = json.loads(passkeys.authentication_options(session, passkeys.ChallengePurpose.STEP, "token", clock.now(), maria))
        assert passkeys.verify(session, passkeys.ChallengePurpose.SIGN_IN, passkeys.Answer("token", device.get(asked)), clock.now()) is None
        asked = json.loads(passkeys.authentication_options(session, passkeys.ChallengePurpose.STEP, "token", clock.now(), other))
        assert passkeys.verify(session, passkeys.ChallengePurpose.STEP, passkeys.Answer("token", device.get(asked)), clock.now()) is None
        passkeys.begin_registration(session, maria, "token", clock.now())
        made = json.loads(passkeys.registration_options(session, session.get_one(Person, maria), "token", clock.now()))
        assert passkeys.registration_options(session, session.get_one(Person, other), "token", clock.now()) == ""
        assert passkeys.add(session, other, passkeys.Answer("token", Device().create(made)), "Thief", clock.now()) is None


def test_of_two_answers_that_find_the_same_counter_one_is_taken(web: Browser, maria: int, monkeypatch: pytest.MonkeyPatch) -> None:
    device, verify = Device(), passkeys.verify_authentication_response
    register(web, device)
    with database.write_session() as session:
        asked = json.loads(passkeys.authentication_options(session, passkeys.ChallengePurpose.STEP, "token", clock.now(), maria))

        def overtaken(**given: Any) -> Any:
            proved = verify(**given)
            session.connection().execute(update(Passkey).values(sign_count=99))
            return proved

        monkeypatch.setattr(passkeys, "verify_authentication_response", overtaken)
        assert passkeys.verify(session, passkeys.ChallengePurpose.STEP, passkeys.Answer("token", device.get(asked)), clock.now()) is None
    assert stored_keys()[0].sign_count == 99


def test_a_counter_that_goes_back_is_refused(web: Browser, opened: Callable[[], Browser]) -> None:
    device = Device()
    register(web, device)
    phone, clone = opened(), opened()
    assert enter(phone, device.get(task(phone))).status_code == 303
    device.keys[0].count -= 1
    assert enter(clone, device.get(task(clone))).status_code == 422
    assert enter(clone, device.get(task(clone))).status_code == 303


@pytest.mark.asvs("6.5.1")
def test_of_ten_at_the_same_time_with_one_answer_one_gets_in(web: Browser) -> None:
    device = Device()
    register(web, device)
    with database.write_session() as session:
        asked = json.loads(passkeys.authentication_options(session, passkeys.ChallengePurpose.SIGN_IN, "token", clock.now()))
    answer = passkeys.Answer("token", device.get(asked))

    def finish(_: int) -> bool:
        with database.write_session() as session:
            done = service.sign_in_by_passkey(session, answer, clock.now(), keep=False, browser=About(), previous=None)
            return done.token is not None

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(finish, range(10))) == 1


@pytest.mark.asvs("6.3.4")
@pytest.mark.asvs("7.4.2")
def test_a_disabled_person_is_refused_like_an_unknown_key(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    device, unknown = Device(), Device()
    register(web, device)
    unknown.keys = [type(device.keys[0])(handle=b"x" * 32)]
    with database.write_session() as session:
        staff.disable(session, EMAIL, clock.now())
    phone = opened()
    known = enter(phone, device.get(task(phone)))
    stranger = enter(phone, unknown.get(task(phone)))
    assert (known.status_code, stranger.status_code) == (422, 422)
    assert known.text == stranger.text
    assert not phone.inside


@pytest.mark.asvs("6.3.1")
def test_tries_are_limited_by_address_as_for_passwords(web: Browser, opened: Callable[[], Browser]) -> None:
    device = Device()
    register(web, device)
    phone = opened()
    for _ in range(20):
        assert enter(phone, device.get(task(phone))).status_code == 303, "whoever gets in has not tried in vain"
    thief = opened()
    for _ in range(15):
        task(thief)
        assert enter(thief, "{}").status_code == 422
    refused = thief.client.post("/en/login", data={"passkey": "begin"})
    assert (refused.status_code, "several times" in refused.json()["error"]) == (429, True)
    assert enter(thief, "{}").status_code == 429
    assert thief.sign_in().status_code == 429
    assert phone.sign_in().headers["location"] == "/en/code"


def test_a_passkey_is_the_second_step_after_the_password(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    device = Device()
    register(web, device)
    phone = opened()
    assert phone.sign_in().headers["location"] == "/en/code"
    page = phone.client.get("/en/code").text
    assert "Confirm with your passkey" in page
    assert 'id="code"' not in page
    assert "use a recovery code" in page.lower()
    asked = task(phone, "code")
    assert [known["id"] for known in asked["allowCredentials"]] == [b64(device.keys[0].id)]
    answer = enter(phone, device.get(asked), "code", remember="1")
    assert (answer.status_code, phone.inside) == (303, True)
    with database.read_session() as session:
        assert session.exec(select(SignIn.way).order_by("id")).all()[-1] == "both"
    assert phone.sign_in().headers["location"] == "/en/", "this browser is remembered"


def test_beside_an_app_either_is_taken(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    key, _ = set_up(web, now)
    device = Device()
    register(web, device)
    phone, office = opened(), opened()
    phone.sign_in()
    page = phone.client.get("/en/code").text
    assert 'id="code"' in page
    assert "data-passkey=" in page
    assert enter(phone, device.get(task(phone, "code")), "code").status_code == 303
    office.sign_in()
    assert office.client.post("/en/code", data={"code": code(key)}).status_code == 303


def test_somebody_elses_passkey_is_no_second_step(web: Browser, opened: Callable[[], Browser]) -> None:
    register(web, Device())
    add_person(OTHER)
    thief, own = opened(), Device()
    thief.sign_in(OTHER)
    register(thief, own)
    thief.sign_in()
    asked = task(thief, "code")
    answer = enter(thief, own.get(asked), "code")
    assert answer.status_code == 422
    assert "This passkey was not accepted." in answer.text


@pytest.mark.asvs("6.3.1")
@pytest.mark.asvs("6.3.5")
def test_five_wrong_answers_end_the_second_step(web: Browser, opened: Callable[[], Browser]) -> None:
    register(web, Device())
    thief = opened()
    thief.sign_in()
    answers = [enter(thief, "{}", "code") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 4 + [303]
    assert letters(EMAIL)[-1].subject == "Several incorrect codes when signing in"
    assert thief.client.post("/en/code", data={"passkey": "begin"}).status_code == 410


@pytest.mark.asvs("6.4.3")
def test_a_reset_by_mail_never_gets_around_it(web: Browser, opened: Callable[[], Browser]) -> None:
    shown = register(web, Device())["shown"]
    thief = opened()
    thief.client.post("/en/forgot", data={"email": EMAIL})
    thief.link(letters(EMAIL)[-1])
    assert thief.client.post("/en/reset", data={"password": NEW}).status_code == 303
    assert thief.sign_in(password=NEW).headers["location"] == "/en/code"
    assert not thief.inside
    assert thief.client.post("/en/code?recovery=1", data={"code": shown[0]}).status_code == 303


def test_a_reported_sign_in_takes_what_was_added_since_and_waits_for_a_password(
    web: Browser, opened: Callable[[], Browser], now: Clock
) -> None:
    own = Device()
    register(web, own, "Own")
    now.move(minutes=1)
    thief, his = opened(), Device()
    thief.sign_in()
    enter(thief, own.get(task(thief, "code")), "code")
    register(thief, his, "Thief")
    alert = next(letter for letter in letters(EMAIL) if letter.subject == "New sign-in to ODOportal")
    owner = opened()
    owner.link(alert)
    assert owner.client.post("/en/alert", data={"ok": "1"}).status_code == 303
    assert [key.name for key in stored_keys()] == ["Own"]
    assert enter(thief, his.get(task(thief), his.keys[0])).status_code == 422
    assert enter(owner, own.get(task(owner))).status_code == 422, "not before there is a new password"
    owner.link(letters(EMAIL)[-1])
    owner.client.post("/en/reset", data={"password": NEW})
    assert enter(owner, own.get(task(owner))).status_code == 303


def test_a_passkey_is_renamed_and_removed_and_the_last_one_leaves_no_second_step(
    web: Browser, opened: Callable[[], Browser], maria: int
) -> None:
    device = Device()
    register(web, device)
    key = str(stored_keys()[0].id)
    assert web.form("passkey_rename", which=key, name="Blue phone")["ok"]
    assert list(web.form("passkey_rename", which=key, name="")["errors"]) == ["name"]
    assert list(web.form("passkey_remove", which=key, current="wrong")["errors"]) == ["current"]
    assert "Blue phone" in web.page()
    assert web.form("passkey_remove", which=key, current=GOOD)["ok"]
    assert letters(EMAIL)[-1].subject == "A passkey was removed"
    assert [what for what, _, _ in changes()][-2:] == ["passkey_renamed", "passkey_removed"]
    with database.read_session() as session:
        assert (session.exec(select(RecoveryCode)).all(), two_factor.people_with_second_factor(session, [maria])) == ([], set())
    phone = opened()
    assert enter(phone, device.get(task(phone))).status_code == 422
    assert phone.sign_in().headers["location"] == "/en/"


@pytest.mark.parametrize("form", ["passkey_rename", "passkey_remove"])
def test_somebody_elses_passkey_is_neither_renamed_nor_removed(web: Browser, opened: Callable[[], Browser], form: str) -> None:
    register(web, Device())
    add_person(OTHER)
    other = opened()
    other.sign_in(OTHER)
    fields = {"current": GOOD} if form == "passkey_remove" else {"name": "Mine"}
    for which in (str(stored_keys()[0].id), "0", "9" * 9):
        assert other.form(form, which=which, **fields)["error"] == "This passkey has already been removed."
    assert list(other.form(form, which="9" * 10, **fields)["errors"]) == ["which"]
    assert [key.name for key in stored_keys()] == ["My phone"]


def test_without_the_app_the_passkeys_stay(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    set_up(web, now)
    register(web, Device())
    assert web.form("totp_off", current=GOOD)["ok"]
    assert "one of your passkeys after your password" in letters(EMAIL)[-1].text
    assert "Recovery codes left: 10." in web.page()
    assert opened().sign_in().headers["location"] == "/en/code"


def test_the_staff_takes_passkeys_away_too(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    register(web, Device())
    with database.write_session() as session:
        assert staff.reset_two_factor(session, EMAIL, clock.now())
        assert not staff.reset_two_factor(session, EMAIL, clock.now())
    assert (stored_keys(), web.inside) == ([], False)
    assert ("passkey_removed", maria, "") in changes()
    assert opened().sign_in().headers["location"] == "/en/"


def test_there_are_twenty_at_most(web: Browser, maria: int) -> None:
    with database.write_session() as session:
        for n in range(20):
            row = Passkey(person_id=maria, handle="h", credential=f"c{n}", public_key="", name="n", added_at=clock.now())
            session.add(row)
    assert "the maximum number of passkeys" in web.form("passkey_begin", current=GOOD)["error"]


def test_what_is_over_goes(web: Browser, opened: Callable[[], Browser], now: Clock) -> None:
    task(opened())
    now.move(minutes=5)
    with database.write_session() as session:
        assert passkeys.purge_expired(session, clock.now()) >= 1
        assert session.exec(select(PasskeyCeremony)).all() == []
        assert session.exec(select(Person)).all()
