"""Migration 0022, which stores what the import files said about people, on a database of the previous release."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, select

from odoportal import migrations
from odoportal.accounts.models import EarlierEmail, FilePerson, Membership, Person
from odoportal.importing.importer import import_tables, read_files
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.signin.models import EmailChange
from tests.test_migrations import database_of_release

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PEOPLE = "account,email,name,role,language,phone\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield a database of the previous release (0021) with one account."""
    with database_of_release("0021", request, tmp_path) as made:
        with made.begin() as connection:
            add(connection, "account", id=1, number="A", name="Alpha", created_at=ago(99), two_step=False)
        yield made


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def add(connection: Any, table: str, **values: Any) -> None:
    names = ", ".join(values)
    if connection.dialect.name == "sqlite":
        values = {name: f"{v:%Y-%m-%d %H:%M:%S.%f}" if isinstance(v, datetime) else v for name, v in values.items()}
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values)


def person(connection: Any, number: int, email: str, name: str, **more: Any) -> None:
    """Add a person who came from an import file."""
    own = {"phone": "555", "language": "fr", "region": "fr-CA", "password": "set", "created_at": ago(90), **more}
    add(connection, "person", id=number, email=email, email_key=email.casefold(), name=name, **own)
    add(connection, "membership", account_id=1, person_id=number, role="owner")
    add(connection, "file_role", account_id=1, person_id=number, role="owner")


def details(connection: Any, number: int, days: int, before: dict[str, str], after: dict[str, str], what: str = "details") -> None:
    """Add an activity row for a change of the profile."""
    values = {"before": json.dumps(before), "after": json.dumps(after)}
    add(connection, "change", at=ago(days), person_id=number, subject_id=number, what=what, address="", about="", search="", **values)


def email_change(connection: Any, number: int, days: int, old: str, new: str, undone: int | None = None) -> None:
    """Add a change of email, confirmed `days` days ago and, if given, undone `undone` days ago."""
    at, undone_at = ago(days), ago(undone) if undone else None
    links: dict[str, Any] = {"hash": f"{number} {old} {days}", "undo_hash": f"undo {number} {old} {days}", "expires_at": at}
    links |= {"confirmed_at": at, "undo_until": at + timedelta(days=7), "undone_at": undone_at}
    add(connection, "email_change", person_id=number, old_email=old, new_email=new, **links)
    details(connection, number, days, {"email": old}, {"email": new}, "email")


def upgraded(engine: Engine) -> Session:
    migrations.migrate(engine)
    return Session(engine)


def import_people(session: Session, *rows: str) -> tuple[int, int, int]:
    """Import people, and return how many are new, changed and unchanged."""
    report = import_tables(session, read_files({"people.csv": (PEOPLE + "".join(f"A,{row}\n" for row in rows)).encode()}), NOW)
    assert report.kept, report.bad
    counts = report.files["people.csv"]
    return counts.new, counts.changed, counts.same


def test_what_people_changed_before_this_release_stays(engine: Engine) -> None:
    with engine.begin() as connection:
        person(connection, 1, "maria@example.com", "Maria Tremblay", phone="777", language="en")
        details(connection, 1, 9, {"name": "Maria", "phone": "555"}, {"name": "Maria T.", "phone": "777"})
        details(connection, 1, 8, {"name": "Maria T.", "language": "fr"}, {"name": "Maria Tremblay", "language": "en"})
        person(connection, 2, "luc@example.com", "Luc")
        # An import has overwritten the name Eve chose, so there is nothing to keep.
        person(connection, 3, "eve@example.com", "Eve")
        details(connection, 3, 9, {"name": "Eve"}, {"name": "Eva"})
    with upgraded(engine) as session:
        stored = {row.person_id: (row.name, row.phone, row.language) for row in session.exec(select(FilePerson))}
        assert stored == {1: (None, None, None), 2: ("Luc", "555", "fr"), 3: ("Eve", "555", "fr")}
        rows = ("maria@example.com,Maria,owner,fr,555", "luc@example.com,Luc,owner,fr,555", "eve@example.com,Eve,owner,fr,1")
        assert import_people(session, *rows) == (0, 1, 2)
        assert import_people(session, *rows) == (0, 0, 3)
        maria = session.get_one(Person, 1)
        assert (maria.name, maria.phone, maria.language) == ("Maria Tremblay", "777", "en")
        assert import_people(session, "maria@example.com,Maria,owner,fr,888") == (0, 1, 0)
        session.refresh(maria)
        assert (maria.name, maria.phone, maria.language) == ("Maria Tremblay", "888", "en")


def test_emails_that_were_left_before_this_release_are_known(engine: Engine) -> None:
    with engine.begin() as connection:
        person(connection, 1, "c@example.com", "Maria")
        # A change older than a month is in the activity only, not in `email_change`.
        details(connection, 1, 80, {"email": "A@example.com"}, {"email": "b@example.com"}, "email")
        email_change(connection, 1, 2, "b@example.com", "c@example.com")
        person(connection, 2, "luc@example.com", "Luc Roy")
        details(connection, 2, 30, {"name": "Luc"}, {"name": "Luc Roy"})
        email_change(connection, 2, 5, "luc@example.com", "x@example.com", undone=3)
        email_change(connection, 2, 4, "x@example.com", "y@example.com")
        details(connection, 2, 3, {"email": "y@example.com"}, {"email": "luc@example.com"}, "email")
        person(connection, 3, "new@example.com", "Zoé Roy")
        details(connection, 3, 30, {"name": "Zoé"}, {"name": "Zoé Roy"})
        email_change(connection, 3, 20, "zoe@example.com", "new@example.com")
    with upgraded(engine) as session:
        known = {(row.email, row.person_id, row.name): row.reserved_until > NOW for row in session.exec(select(EarlierEmail))}
        assert known == {("A@example.com", 1, "Maria"): False, ("b@example.com", 1, "Maria"): True, ("zoe@example.com", 3, None): False}
        # The intruder's mailboxes can no longer undo a change.
        undone = {row.old_email: row.undone_at is not None for row in session.exec(select(EmailChange).where(EmailChange.person_id == 2))}
        assert undone == {"luc@example.com": True, "x@example.com": True}
        rows = [f"{email},{name},owner,fr,555" for email, name in (("a@example.com", "Maria"), ("zoe@example.com", "Zoé"))]
        assert import_people(session, *rows) == import_people(session, *rows) == (0, 0, 2)
        assert {row.email: row.name for row in session.exec(select(EarlierEmail))}["zoe@example.com"] == "Zoé"
        assert import_people(session, "zoe@example.com,Somebody Else,owner,fr,1") == (0, 0, 1)
        assert len(session.exec(select(Person)).all()) == 3


def test_who_was_made_twice_goes_where_nobody_ever_signed_in(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in (1, 3, 5, 7):
            person(connection, number, f"new{number}@example.com", f"Somebody {number}")
            email_change(connection, number, 5, f"old{number}@example.com", f"new{number}@example.com")
        double = {"password": "", "created_at": ago(4)}
        person(connection, 2, "old1@example.com", "Somebody 1", **double)
        person(connection, 4, "old3@example.com", "Somebody 3", **{**double, "password": "set"})
        person(connection, 6, "old5@example.com", "Somebody Else", **double)
        person(connection, 8, "old7@example.com", "Somebody 7", **double)
        details(connection, 8, 1, {}, {"role": "owner"}, "invited")
        add(
            connection, "one_use_link", hash="invited", person_id=2, kind="invite", email_key="old1@example.com", created_at=ago(4),
            expires_at=ago(0),
        )  # fmt: skip
    with upgraded(engine) as session:
        assert sorted(found or 0 for found in session.exec(select(Person.id))) == [1, 3, 4, 5, 6, 7, 8]
        assert sorted(session.exec(select(Membership.person_id))) == [1, 3, 4, 5, 6, 7, 8]
        assert import_people(session, "old1@example.com,Somebody 1,owner,fr,555") == (0, 0, 1)


def test_invisible_marks_go_from_what_people_typed(engine: Engine) -> None:
    texts = dict.fromkeys(("line2", "district", "province", "postal_code"), "") | {"line1": "1 rue", "city": "Laval", "country": "CA"}
    with engine.begin() as connection:
        person(connection, 1, "maria@example.com", "\u202eairaM")
        for code, file in (("YARD", json.dumps({"name": "\u200bOld"})), ("POST", "")):
            add(connection, "address", account_id=1, code=code, name="\u2066Alpha\u2069 é", file=file, **texts)
    with upgraded(engine) as session:
        assert session.get_one(Person, 1).name == session.get_one(FilePerson, 1).name == "airaM"
        found = {row.code: (row.name, row.file) for row in session.exec(select(Address))}
        assert found == {"YARD": ("Alpha é", '{"name": "Old"}'), "POST": ("Alpha é", "")}
