"""Requiring two-step sign-in of all members: who may, what it needs, and who is notified."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import select

from odoportal.accounts.models import Account, Change, Person
from odoportal.core import clock, database, i18n
from odoportal.core.identity import HELD_BACK, Identity, NotAllowed
from odoportal.forms.handling import FormResult, SentForm
from odoportal.mail.outbox import Mail
from odoportal.rooms.people import forms, service
from odoportal.rooms.people.view import people_view
from odoportal.rooms.signin import sessions, two_factor
from odoportal.rooms.signin.confirmation import ConfirmationUnlessFresh
from odoportal.rooms.signin.models import Authenticator
from odoportal.rooms.signin.sessions import Browser
from tests.making import NOON

People = dict[str, Identity]


def has_one(who: Identity) -> None:
    with database.write_session() as session:
        session.add(Authenticator(person_id=who.person_id, seed="seed", created_at=NOON, confirmed_at=NOON))


def require(who: Identity, on: bool = True) -> bool:
    with database.write_session() as session:
        return service.require_two_step(session, who, on, NOON, "203.0.113.9")


def letters() -> list[str]:
    with database.read_session() as session:
        return sorted(mail.to for mail in session.exec(select(Mail)))


def test_it_is_required_once_and_whoever_has_none_is_told(people: People) -> None:
    owner = people["owner"]
    has_one(owner)
    has_one(people["billing"])
    assert require(owner)
    assert not require(owner)
    assert letters() == ["operations@example.com", "read_only@example.com"]
    with database.read_session() as session:
        assert [(c.what, c.address) for c in session.exec(select(Change))] == [("two_step_required", "203.0.113.9")]
        assert [a.two_step for a in session.exec(select(Account).order_by("number"))] == [True, False]
    assert require(owner, on=False)
    assert len(letters()) == 2


@pytest.mark.parametrize("role", ["billing", "operations", "read_only", "stranger"])
@pytest.mark.asvs("8.3.1")
def test_only_an_owner_may(people: People, role: str) -> None:
    has_one(people[role])
    if role == "stranger":
        assert require(people[role])
        with database.read_session() as session:
            assert [a.two_step for a in session.exec(select(Account).order_by("number"))] == [False, True]
        return
    with pytest.raises(NotAllowed):
        require(people[role])


def test_an_owner_without_a_second_factor_cannot_lock_himself_out(people: People) -> None:
    with pytest.raises(service.NoSecondFactor):
        require(people["owner"])
    assert letters() == []


@pytest.mark.asvs("6.3.3")
def test_resolving_holds_back_whoever_has_none_and_nobody_else(people: People, store: Engine) -> None:
    owner, billing = people["owner"], people["billing"]
    has_one(owner)
    with database.write_session() as session:
        tokens = {who.email: sessions.begin(session, who.person_id, NOON, False, Browser()) for who in (owner, billing)}
    require(owner)

    def role(who: Identity) -> str:
        with store.connect() as connection:
            found = sessions.resolve(connection, sessions.token_hash(tokens[who.email]), None, NOON)
        assert found is not None
        return found.account.role

    assert (role(owner), role(billing)) == ("owner", HELD_BACK)
    has_one(billing)
    assert role(billing) == "billing"


def _send(who: Identity, form: str, session_hash: str, password: str | None = None) -> FormResult:
    values = ConfirmationUnlessFresh(current=SecretStr(password) if password is not None else None)
    return asyncio.run(_work(SentForm(form, _in(who, session_hash), "en", values, "", "", "a" * 32, "203.0.113.77", "")))


async def _work(sent: SentForm[ConfirmationUnlessFresh]) -> FormResult:
    with i18n.use("en"):
        return await forms.HANDLERS[sent.form].run(sent)


def _in(who: Identity, session_hash: str) -> Identity:
    from dataclasses import replace

    return replace(who, session=session_hash)


@pytest.mark.asvs("7.5.3")
def test_an_older_sign_in_is_asked_for_the_password_again(people: People) -> None:
    owner = people["owner"]
    has_one(owner)
    with database.write_session() as session:
        hashed = sessions.token_hash(sessions.begin(session, owner.person_id, NOON, False, Browser()))
    clock.set_source(lambda: NOON + timedelta(minutes=6))
    assert _send(owner, "require", hashed).errors == {"current": "This field is required."}
    assert "current" in _send(owner, "require", hashed, "wrong").errors
    clock.set_source(lambda: NOON + timedelta(minutes=5))
    assert _send(owner, "require", hashed).go.endswith("/profile/people?done=require")


def test_the_last_factor_stays_while_it_is_required(people: People) -> None:
    owner = people["owner"]
    has_one(owner)
    require(owner)
    with database.read_session() as session, i18n.use("en"):
        assert two_factor.required_by(session, owner.person_id) == "Transport 1042"
        assert two_factor.required_by(session, people["stranger"].person_id) == ""
    require(owner, on=False)
    with database.read_session() as session:
        assert two_factor.required_by(session, owner.person_id) == ""


def test_the_list_says_who_has_one_and_when_each_signed_in_last(people: People) -> None:
    has_one(people["owner"])
    with database.write_session() as session:
        session.get_one(Person, people["billing"].person_id).signed_in_at = NOON
    with i18n.use("en"), database.read_session() as session:
        view = people_view(session, people["owner"], {}, NOON)
    assert {row.name: row.two_step for row in view.people} == {"Owner": True, "Billing": False, "Operations": False, "Read_Only": False}
    assert {row.name: row.seen.startswith("2020") for row in view.people if row.name == "Billing"} == {"Billing": True}
    assert (view.required, view.mine) == (False, True)
