from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select

from odoportal.accounts.models import Membership, Person
from odoportal.core import database
from odoportal.core.identity import Identity, token_hash
from odoportal.rooms.signin import service, sessions
from odoportal.rooms.signin.models import BrowserSession
from tests.rooms.signin.conftest import START, add_person

SECOND = timedelta(seconds=1)


def sign_in(person: int, at=START, **more) -> str:
    with database.write_session() as session:
        stored = session.get_one(Person, person).password
        token = service.sign_in(session, person, stored, at, **more)
    assert token is not None
    return token


def who(token: str | None, at, account: str | None = None) -> Identity | None:
    with database.engine().connect() as connection:
        return service.resolve(connection, token_hash(token) if token else None, account, at)


def touch(token: str, at) -> None:
    with database.write_session() as session:
        service.touch(session, token_hash(token), at)


@pytest.mark.asvs("7.2.2")
def test_only_the_hash_of_a_token_is_stored(maria: int) -> None:
    token = sign_in(maria)
    assert len(token) >= 43
    with database.read_session() as session:
        row = session.exec(select(BrowserSession)).one()
    assert row.hash == token_hash(token)
    assert token not in str(row.model_dump())
    assert who(row.hash, START) is None


@pytest.mark.asvs("7.2.3")
def test_tokens_are_unique(maria: int) -> None:
    assert len({sign_in(maria) for _ in range(30)}) == 30


@pytest.mark.asvs("7.1.1")
def test_who_it_is(maria: int) -> None:
    found = who(sign_in(maria), START)
    assert found is not None
    assert (found.person_id, found.name, found.email, found.language, found.region) == (
        maria,
        "Maria Gagnon",
        "maria@transportgagnon.ca",
        "en",
        "en-CA",
    )
    assert (found.account.number, found.account.role) == ("1042", "owner")
    assert (found.ends_at, found.idle_end) == (START + timedelta(hours=12), START + timedelta(minutes=30))


@pytest.mark.asvs("7.3.1")
@pytest.mark.asvs("7.1.1")
@pytest.mark.case("A-44")
def test_the_idle_end(maria: int) -> None:
    token = sign_in(maria)
    assert who(token, START + sessions.IDLE - SECOND)
    assert who(token, START + sessions.IDLE) is None
    assert who(token, START + sessions.IDLE + SECOND) is None


@pytest.mark.asvs("7.3.2")
@pytest.mark.asvs("7.1.1")
@pytest.mark.case("A-45")
def test_the_absolute_end_whatever_is_done(maria: int) -> None:
    token, at = sign_in(maria), START
    while at < START + sessions.ABSOLUTE - timedelta(minutes=20):
        at += timedelta(minutes=20)
        touch(token, at)
    assert who(token, START + sessions.ABSOLUTE - SECOND)
    assert who(token, START + sessions.ABSOLUTE) is None
    touch(token, START + sessions.ABSOLUTE)
    assert who(token, START + sessions.ABSOLUTE + SECOND) is None


def test_keep_me_signed_in_has_no_idle_end(maria: int) -> None:
    token = sign_in(maria, keep=True)
    found = who(token, START + sessions.KEPT - SECOND)
    assert found is not None
    assert found.idle_end is None
    assert who(token, START + sessions.KEPT) is None


@pytest.mark.case("A-46", "A-49")
def test_touch_extends_once_a_minute_and_never_revives(maria: int) -> None:
    token = sign_in(maria)
    touch(token, START + timedelta(seconds=59))
    assert who(token, START + sessions.IDLE) is None
    touch(token, START + timedelta(seconds=60))
    assert who(token, START + sessions.IDLE)
    touch(token, START - timedelta(hours=1))
    assert who(token, START + sessions.IDLE)
    late = START + timedelta(seconds=60) + sessions.IDLE
    touch(token, late)
    assert who(token, late) is None


@pytest.mark.case("A-46")
def test_a_clock_that_goes_back_revives_nothing(maria: int) -> None:
    token = sign_in(maria)
    with database.write_session() as session:
        service.end_if_expired(session, token_hash(token), START + sessions.IDLE - SECOND)
    assert who(token, START)
    with database.write_session() as session:
        service.end_if_expired(session, token_hash(token), START + sessions.IDLE)
    assert who(token, START) is None


def test_sweep_takes_what_is_over_and_nothing_else(maria: int) -> None:
    idle, kept = sign_in(maria), sign_in(maria, keep=True)
    live = sign_in(maria, START + timedelta(hours=1))
    with database.write_session() as session:
        assert sessions.purge_expired(session, START + timedelta(hours=1)) == 1
    assert who(idle, START) is None
    assert who(kept, START)
    assert who(live, START + timedelta(hours=1))
    with database.write_session() as session:
        assert sessions.purge_expired(session, START + sessions.KEPT) == 2


@pytest.mark.asvs("7.4.1")
def test_sign_out_ends_this_one_and_end_all_every_one(maria: int) -> None:
    here, there, other = sign_in(maria), sign_in(maria), sign_in(add_person("b@example.com"))
    with database.write_session() as session:
        assert service.sign_out(session, token_hash(here))
        assert not service.sign_out(session, token_hash(here))
    assert who(here, START) is None
    assert who(there, START)
    with database.write_session() as session:
        assert service.end_all(session, maria) == 1
    assert who(there, START) is None
    assert who(other, START)


@pytest.mark.asvs("7.4.2")
def test_disabling_a_person_ends_it_at_once(maria: int) -> None:
    token = sign_in(maria)
    with database.write_session() as session:
        session.get_one(Person, maria).disabled_at = START
    assert who(token, START) is None


@pytest.mark.asvs("8.3.2")
def test_membership_is_read_each_time(maria: int) -> None:
    token = sign_in(maria)
    with database.write_session() as session:
        row = session.exec(select(Membership)).one()
        row.role = "read_only"
    found = who(token, START)
    assert found is not None
    assert found.account.role == "read_only"
    with database.write_session() as session:
        session.delete(session.exec(select(Membership)).one())
    assert who(token, START) is None


@pytest.mark.asvs("8.4.1")
def test_the_account_must_be_the_persons() -> None:
    both = sign_in(add_person("both@example.com", accounts=("1042", "999")))
    add_person("other@example.com", accounts=("7",))
    first, second = who(both, START), who(both, START, "1042")
    assert first is not None and second is not None
    assert (first.account.number, second.account.number) == ("999", "1042")
    assert [m.number for m in first.memberships] == ["999", "1042"]
    for wrong in ("7", "", "0999", "999 ", "nothing", "%"):
        assert who(both, START, wrong) is None


def test_garbage_is_nobody(maria: int) -> None:
    sign_in(maria)
    for token in (None, "", "x", "x" * 100_000, "\ud800", "' OR 1=1 --"):
        assert who(token, START) is None


@pytest.mark.sqlite("its query plan")
def test_resolving_takes_one_statement_on_indexes(maria: int) -> None:
    token, seen = sign_in(maria), []
    with database.engine().connect() as connection:
        event.listen(connection, "before_cursor_execute", lambda *args: seen.append((args[2], args[3])))
        assert service.resolve(connection, token_hash(token), None, START)
        plans = [row[-1] for sql, values in list(seen) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert len([sql for sql, _ in seen if sql.startswith("SELECT")]) == 1
    assert plans
    assert not [step for step in plans if step.startswith("SCAN")]


@pytest.mark.asvs("7.2.4")
def test_the_session_a_request_came_with_ends(maria: int) -> None:
    planted = sign_in(add_person("evil@example.com"))
    token = sign_in(maria, previous=token_hash(planted))
    assert who(planted, START) is None
    assert who(token, START)


@pytest.mark.asvs("7.1.2")
@pytest.mark.case("A-50")
def test_the_oldest_session_beyond_twenty_ends(maria: int) -> None:
    tokens = [sign_in(maria, START + n * SECOND, keep=True) for n in range(21)]
    other = sign_in(add_person("b@example.com"))
    at = START + timedelta(minutes=1)
    assert [who(token, at) is not None for token in tokens] == [False] + [True] * 20
    assert who(other, at)


def test_a_password_changed_while_it_was_compared_signs_nobody_in(maria: int) -> None:
    with database.write_session() as session:
        assert service.sign_in(session, maria, "v1$another", START) is None
        session.get_one(Person, maria).disabled_at = START
    with database.write_session() as session:
        stored = session.get_one(Person, maria).password
        assert service.sign_in(session, maria, stored, START) is None
        assert session.exec(select(BrowserSession)).all() == []
