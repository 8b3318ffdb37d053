"""Data exports (made once per request, downloadable for a day) and requests to close an account."""

import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.models import Account, Change, Membership, Person
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity, NotAllowed
from odoportal.mail.outbox import Mail
from odoportal.rooms.privacy import contents, service
from odoportal.rooms.privacy.models import DataFile
from odoportal.rooms.privacy.view import DataView, data_view
from tests.making import NOON
from tests.making import identity_of as somebody

BY = Actor(1, "203.0.113.5")


@pytest.fixture
def who(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    """Return an owner of account 1, with the clock fixed at noon."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    with database.write_session() as session:
        session.add(Account(number="1042", name="Transport 1042", created_at=NOON))
        session.add(Person(email="maria@example.com", email_key="maria@example.com", name="Maria Gagnon", created_at=NOON))
        session.flush()
        session.add(Membership(account_id=1, person_id=1, role="owner"))
    return somebody(1)


def as_role(who: Identity, role: str) -> Identity:
    """Return the same person with another role, and store that role."""
    with database.write_session() as session:
        session.get_one(Membership, (1, 1)).role = role
    return replace(who, account=replace(who.account, role=role))


def ask(who: Identity) -> None:
    with database.write_session() as session, i18n.use("en"):
        service.request_export(session, who, "en", NOON)


def files() -> list[DataFile]:
    with database.read_session() as session:
        return list(session.exec(select(DataFile)))


def letters() -> list[str]:
    with database.read_session() as session:
        return [f"{mail.to}: {mail.subject}" for mail in session.exec(select(Mail).order_by(Mail.id))]  # pyright: ignore


def ready(who: Identity, at: Any = NOON) -> DataFile | None:
    with database.read_session() as session:
        return service.ready(session, who, at)


def shown(who: Identity) -> DataView:
    with database.read_session() as session, i18n.use("en"):
        return data_view(session, who, "en", NOON)


def test_the_link_to_a_file_encodes_the_number_of_the_account(who: Identity) -> None:
    with database.write_session() as session:
        session.get_one(Account, 1).number = "R&D 10#"
    who = replace(who, account=replace(who.account, number="R&D 10#"))
    ask(who)
    service.make_next(NOON)
    assert shown(who).href == "/en/profile/data.zip?account=R%26D+10%23"
    with database.read_session() as session:
        (mail,) = session.exec(select(Mail))
    assert "/profile/data?account=R%26D+10%23\n" in mail.text


def test_asked_twice_it_is_made_once_told_once_and_there_for_a_day(who: Identity, data_folder: Path) -> None:
    ask(who)
    ask(who)
    assert (len(files()), ready(who), shown(who).waiting != "") == (1, None, True)
    assert service.make_next(NOON)
    assert not service.make_next(NOON)
    assert letters() == ["maria@example.com: Vos données sont prêtes"]
    file = ready(who)
    assert file is not None
    with zipfile.ZipFile(data_folder / "people" / file.name) as packed:
        assert {"person.json", "account.csv", "READ ME.txt"} <= set(packed.namelist())
    assert (data_folder / "people" / file.name).stat().st_mode & 0o077 == 0
    assert "by 2020-09-25" in shown(who).until
    assert ready(who, NOON + timedelta(hours=23, minutes=59)) is not None
    assert ready(who, NOON + timedelta(hours=24)) is None


def test_asked_again_when_it_is_there_a_new_one_takes_its_place(who: Identity) -> None:
    ask(who)
    service.make_next(NOON)
    ask(who)
    assert (len(files()), ready(who)) == (2, None)
    service.make_next(NOON)
    assert ready(who) == files()[1]


@pytest.mark.asvs("8.3.2")
def test_who_is_no_owner_any_more_does_not_get_the_account_s(who: Identity, data_folder: Path) -> None:
    ask(who)
    service.make_next(NOON)
    lowered = as_role(who, "billing")
    assert ready(lowered) is None
    ask(lowered)
    service.make_next(NOON)
    file = ready(lowered)
    assert file is not None
    with zipfile.ZipFile(data_folder / "people" / file.name) as packed:
        assert packed.read("account.json") == b"[]\n"


@pytest.mark.asvs("8.2.2")
def test_it_is_nobody_else_s(who: Identity) -> None:
    ask(who)
    service.make_next(NOON)
    assert ready(replace(who, person_id=2)) is None
    assert ready(replace(who, account=replace(who.account, account_id=2))) is None


def test_whoever_left_the_account_meanwhile_gets_nothing(who: Identity) -> None:
    ask(who)
    with database.write_session() as session:
        session.delete(session.get_one(Membership, (1, 1)))
    assert not service.make_next(NOON)
    assert files()[0].failed_at == NOON
    assert letters() == []


def test_what_fails_is_tried_three_times_and_then_told(who: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("x", {}, Exception("away"))

    ask(who)
    monkeypatch.setattr(contents, "write", fails)
    at = NOON
    for _ in range(3):
        with pytest.raises(OperationalError):
            service.make_next(at)
        assert not service.make_next(at), "not before its time"
        at += service.RETRY_AFTER
    assert not service.make_next(at)
    assert (shown(who).failed != "", letters()) == (True, [])
    ask(who)
    assert shown(who).waiting != ""


def test_what_is_over_goes_and_so_does_what_nobody_knows(who: Identity, data_folder: Path) -> None:
    ask(who)
    service.make_next(NOON)
    stray = data_folder / "people" / "stray.new"
    stray.touch()
    late = clock.now() + timedelta(days=9_000)
    with database.write_session() as session:
        assert service.purge_expired(session, NOON + timedelta(hours=23)) == 0
        assert service.purge_expired(session, late) == 1
    assert files() == []
    with database.write_session() as session:
        service.purge_expired(session, late)
    assert list((data_folder / "people").iterdir()) == []


def test_a_leftover_that_cannot_be_deleted_keeps_no_other_from_it(
    who: Identity, data_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data_folder / "people" / "a folder").mkdir(parents=True)
    (data_folder / "people" / "b.new").touch()
    (data_folder / "people" / "0.new").touch()
    with database.write_session() as session:
        service.purge_expired(session, clock.now() + timedelta(days=9_000))
    assert [path.name for path in (data_folder / "people").iterdir()] == ["a folder"]
    assert "purge: a folder failed" in caplog.text


def asked_to_close(session: Session, who: Identity) -> None:
    service.ask_to_close(session, who, BY, "We sold the trucks", NOON)


def test_the_wish_to_close_is_told_once_and_can_be_taken_back(who: Identity) -> None:
    for _ in range(2):
        with database.write_session() as session:
            asked_to_close(session, who)
    assert letters() == [
        "service@odotrack.example: Request to close the account 1042",
        "maria@example.com: You asked to close an account",
    ]
    assert shown(who).closing == "Requested by Maria Gagnon, 2020-09-24 at 12:00\u00a0p.m."
    for _ in range(2):
        with database.write_session() as session:
            service.keep_open(session, who, BY, NOON)
    assert letters()[2:] == ["service@odotrack.example: Request to close the account 1042 withdrawn"]
    assert shown(who).closing == ""
    with database.read_session() as session:
        changes = [(change.what, change.address, change.account_id) for change in session.exec(select(Change))]
    assert changes == [("closing_asked", "203.0.113.5", 1), ("closing_taken_back", "203.0.113.5", 1)]


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("role", ["billing", "operations", "read_only"])
def test_only_an_owner_asks_to_close(who: Identity, role: str) -> None:
    other = as_role(who, role)
    with pytest.raises(NotAllowed), database.write_session() as session:
        asked_to_close(session, who)
    with pytest.raises(NotAllowed), database.write_session() as session:
        service.keep_open(session, other, BY, NOON)
    assert (letters(), shown(other).whole) == ([], False)
