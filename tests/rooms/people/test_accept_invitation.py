"""The page of an invitation: opened, refused and accepted, by new and by existing people."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from odoportal.accounts.models import Account, Membership, Person, Role
from odoportal.core import clock, database
from odoportal.core.identity import Identity, token_hash
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import Busy
from odoportal.mail.outbox import Mail, token_of
from odoportal.rooms.people import service
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.signin import passwords, sessions
from tests.rooms.signin.conftest import add_person, now, portal  # noqa: F401 - fixtures
from tests.rooms.signin.test_routes import NEW, browser, follow, sign_in

INVITED = "nora@example.org"


@pytest.fixture
def web() -> Iterator[TestClient]:
    with browser() as client:
        yield client


@pytest.fixture
def owner() -> Identity:
    """Return the identity of a signed-in owner."""
    person_id = add_person()
    with database.write_session() as session:
        token = sessions.begin(session, person_id, clock.now(), False, sessions.Browser())
    with database.engine().connect() as connection:
        found = sessions.resolve(connection, token_hash(token), None, clock.now())
    assert found is not None
    return found


def link(owner: Identity, email: str = INVITED, role: Role = Role.BILLING, language: str = "en") -> str:
    """Invite an email and return the link from the mail."""
    with database.write_session() as session:
        service.invite(session, owner, email, role, language, clock.now())
        letter = session.exec(select(Mail).order_by(col(Mail.id).desc())).first()
        assert letter is not None
        return f"/{language}/join?token={token_of(letter.seed)}"


def role_of(email: str, number: str = "1042") -> str | None:
    with database.read_session() as session:
        held = select(Membership.role).join(Person).join(Account).where(Person.email == email, Account.number == number)
        return session.exec(held).first()


@pytest.mark.asvs("6.4.1")
def test_somebody_new_chooses_a_name_and_a_password(web: TestClient, owner: Identity) -> None:
    address = follow(web, link(owner))
    page = web.get(address)
    assert (page.status_code, page.headers["cache-control"], page.headers["referrer-policy"]) == (200, "no-store", "same-origin")
    for words in ("Maria Gagnon invites you to join the account Transport 1042 (1042).", "Your role will be: Billing.", INVITED):
        assert words in page.text
    assert web.get("/fr/join").status_code == 200
    for bad, words in (
        ({"name": "", "password": NEW}, "This field is required."),
        ({"name": "Nora", "password": ""}, "This field is required."),
        ({"name": "x" * 201, "password": NEW}, "Use at most 200 characters."),
        ({"name": "No\x07ra", "password": NEW}, "This contains characters that are not allowed."),
        ({"name": "\u202e\u200b", "password": NEW}, "This field is required."),
        ({"name": "Nora", "password": "short"}, "too short"),
        ({"name": "Nora Tremblay", "password": "nora tremblay 26"}, "mostly your name"),
    ):
        refused = web.post(address, data=bad)
        assert refused.status_code == 422, bad
        assert words in refused.text
    assert role_of(INVITED) is None
    more = {"password": NEW, "role": "owner", "email": "other@example.org"}
    done = web.post(address, data={"name": "  \u202eNora   Tremblay\u200b ", **more})
    assert (done.status_code, done.headers["location"]) == (303, "/en/login?set=1")
    assert role_of(INVITED) == "billing"
    assert role_of("other@example.org") is None
    again = web.post(address, data={"name": "Nora", "password": NEW})
    assert again.status_code == 410
    assert sign_in(web, INVITED, NEW).status_code == 303
    assert web.get("/en/home").text == INVITED


@pytest.mark.asvs("6.3.8")
def test_somebody_of_another_account_accepts_with_one_click_and_keeps_the_password(web: TestClient, owner: Identity) -> None:
    add_person("lise@example.com", accounts=("2000",), name="Lise")
    address = follow(web, link(owner, "lise@example.com", Role.READ_ONLY, "fr"))
    page = web.get(address)
    assert "il reste le même" in page.text
    assert 'name="password"' not in page.text
    # Not signed in, or signed in as another person: accepting signs no one in.
    with browser() as other:
        sign_in(other)
        before = other.get("/en/home").text
        follow(other, link(owner, "third@example.com"))
        assert "third@example.com" in other.get("/en/join").text
        assert other.get("/en/home").text == before
    done = web.post(address, data={"password": "another one, ignored"})
    assert done.headers["location"] == "/fr/login?joined=1"
    assert "L’invitation a été acceptée" in web.get("/fr/login?joined=1").text
    assert role_of("lise@example.com") == "read_only"
    assert web.get("/en/home").status_code == 401
    assert sign_in(web, "lise@example.com").status_code == 303
    # Signed in as the invited person: the account is shown.
    third = add_person("zoe@example.com", accounts=("1000",))
    assert third
    with browser() as zoe:
        sign_in(zoe, "zoe@example.com")
        there = follow(zoe, link(owner, "zoe@example.com"))
        assert zoe.post(there, data={"go": "1"}).headers["location"] == "/en/?account=1042"
        assert role_of("zoe@example.com") == "billing"


def test_somebody_with_no_account_left_can_come_back(web: TestClient, owner: Identity) -> None:
    add_person("back@example.com")
    with database.write_session() as session:
        service.remove(session, owner, "back@example.com", clock.now())
    assert sign_in(web, "back@example.com").status_code == 303
    assert web.get("/en/home").status_code == 401
    address = follow(web, link(owner, "back@example.com"))
    assert web.post(address, data={"go": "1"}).status_code == 303
    assert web.get("/en/home").text == "back@example.com"


def test_a_dead_link_says_so(web: TestClient, owner: Identity, now) -> None:  # noqa: F811
    addresses = [link(owner)]
    with database.write_session() as session:
        service.withdraw(session, owner, INVITED, clock.now())
    addresses += ["/en/join?token=" + "a" * 43, "/en/join?token=x", link(owner)]
    now.move(days=7)
    for address in addresses:
        page = web.get(follow(web, address))
        assert page.status_code == 410
        assert "This invitation is no longer valid" in page.text
        assert web.post("/en/join", data={"name": "N", "password": NEW}).status_code == 410
    with database.read_session() as session:
        assert len(session.exec(select(Person)).all()) == 1


def test_a_form_that_is_none_is_refused(web: TestClient, owner: Identity) -> None:
    address = follow(web, link(owner))
    assert web.post(address, json={"name": "N"}).status_code == 415
    with database.read_session() as session:
        assert len(session.exec(select(Invitation)).all()) == 1


@pytest.mark.asvs("2.4.1")
def test_passwords_that_are_tried_with_an_invitation_are_counted(web: TestClient, owner: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Password attempts with an invitation are limited (finding 9): they do not use up the invitation, and each costs much CPU time."""
    judged: list[str] = []
    judge = passwords.weakness_in_queue

    async def noted(password: str, *about: Any) -> Any:
        judged.append(about[0].name)
        return await judge(password, *about)

    monkeypatch.setattr(passwords, "weakness_in_queue", noted)
    address = follow(web, link(owner))
    most = rate_limits.CHOICES_PER_LINK.amount
    answers = [web.post(address, data={"name": "", "password": NEW}).status_code for _ in range(most + 2)]
    assert answers == [422] * most + [429] * 2
    assert len(judged) == most
    web.post(follow(web, link(owner, "long@example.org")), data={"name": "x" * 60_000, "password": NEW})
    assert len(judged[-1]) == 200


def test_where_too_much_waits_an_invitation_stays_open(web: TestClient, owner: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> str:
        raise Busy

    address = follow(web, link(owner))
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "hash_in_queue", full)
        answer = web.post(address, data={"name": "Nora Tremblay", "password": NEW})
        assert answer.status_code == 429
        assert "The portal is very busy" in answer.text
        assert 'value="Nora Tremblay"' in answer.text
        assert NEW not in answer.text
    assert web.post(address, data={"name": "Nora Tremblay", "password": NEW}).status_code == 303
