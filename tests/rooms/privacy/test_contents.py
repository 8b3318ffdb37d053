"""The contents of a data export: all of the person's data, no one else's, and no credentials."""

import io
import json
import zipfile

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor, PeopleActivity, record
from odoportal.accounts.models import Person
from odoportal.core import i18n
from odoportal.mail.outbox import Mail
from odoportal.migrations import metadata
from odoportal.rooms.cards.models import CardSetup
from odoportal.rooms.privacy import contents
from odoportal.rooms.privacy.contents import Subject
from odoportal.rooms.signin.models import BrowserSession, OneUseLink
from tests.making import NOON, account, add_every_row, rolled_back

ABOUT_NOBODY = {"deployment", "job", "job_run"}
"""Tables with no data about a person or an account."""
CANARY = "canary-5512"


def person_of(session: Session, key: str) -> Person:
    """Return the person that `rows_of` made, with a session, a link and a mail added. All secrets contain the canary."""
    person = session.get_one(
        Person, session.connection().exec_driver_sql(f"SELECT id FROM person WHERE email_key = '{key}@example.com'").scalar_one()
    )
    assert person.id is not None
    person.password = CANARY
    session.add(BrowserSession(hash=f"{CANARY}{key}", person_id=person.id, created_at=NOON, seen_at=NOON, browser=f"Firefox {key}"))
    session.add(
        OneUseLink(hash=f"{CANARY}{key}", person_id=person.id, kind="reset", email_key=person.email_key, created_at=NOON, expires_at=NOON)
    )
    session.add(Mail(to=person.email, language="fr", subject=f"Letter {key}", text="text", html="html", seed=CANARY, created_at=NOON))
    session.flush()
    return person


def file_of(session: Session, person: Person, account_id: int, whole: bool) -> dict[str, str]:
    """Return the texts of the files in the person's export, by name."""
    assert person.id is not None
    out = io.BytesIO()
    subject = Subject(person.id, person.email, account_id, whole)
    with i18n.use("en"):
        contents.write(session, metadata().sorted_tables, subject, ["Whose"], out)
    with zipfile.ZipFile(out) as packed:
        return {name: packed.read(name).decode("utf-8-sig") for name in packed.namelist()}


def test_every_table_is_somebody_s_or_named_here() -> None:
    tables = metadata().sorted_tables
    known = {part.table.name for part in contents.parts(tables, Subject(1, "a@example.com", 1, True))}
    assert {table.name for table in tables} - known == ABOUT_NOBODY


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_table_has_a_name_in_both_languages(language: str) -> None:
    parts = contents.parts(metadata().sorted_tables, Subject(1, "a@example.com", 1, True))
    with i18n.use(language):
        names = contents.table_names()
    assert set(names) == {part.table.name for part in parts}
    assert len(set(names.values())) == len(names)


@pytest.mark.asvs("14.2.6")
@pytest.mark.parametrize("whole", [True, False])
def test_the_file_has_one_s_own_rows_and_nobody_else_s(engine: Engine, whole: bool) -> None:
    with rolled_back(engine) as session:
        mine, theirs = account(session, "1001"), account(session, "1002")
        add_every_row(session, mine, "MINE")
        add_every_row(session, theirs, "THEIRS")
        person = person_of(session, "MINE")
        person_of(session, "THEIRS")
        found = file_of(session, person, mine, whole)
    everything = "\n".join(found.values())
    assert "THEIRS" not in everything
    assert "Firefox MINE" in found["browser_session.json"]
    assert "Letter MINE" in found["mail.csv"]
    assert ("MINE" in found["invoice_line.json"]) is whole
    assert ("invoice.csv" in found) is whole
    assert json.loads(found["person.json"])[0]["email"] == "MINE@example.com"
    assert len(json.loads(found["membership.json"])) == 1


@pytest.mark.asvs("14.2.1")
def test_nothing_in_it_opens_a_door(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "1001")
        add_every_row(session, mine, "MINE")
        everything = "\n".join(file_of(session, person_of(session, "MINE"), mine, True).values())
    assert CANARY not in everything


def test_a_formula_is_a_text_and_an_amount_is_whole(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "1001")
        add_every_row(session, mine, "=1+1", key="K")
        found = file_of(session, person_of(session, "K"), mine, True)
    assert "'=1+1" in found["device.csv"]
    assert json.loads(found["device.json"])[0]["model"] == "=1+1"
    assert json.loads(found["payment.json"])[0]["amount"] == "7.00"
    assert json.loads(found["payment.json"])[0]["received_at"] == "2020-05-01T00:00:00+00:00"


@pytest.mark.asvs("14.2.6")
@pytest.mark.parametrize("whole", [True, False])
def test_from_where_somebody_else_did_something_is_not_in_it(engine: Engine, whole: bool) -> None:
    """The removal by an owner is in the person's export; the owner's network address is not."""
    with rolled_back(engine) as session:
        mine = account(session, "1001")
        add_every_row(session, mine, "MINE")
        person, other = person_of(session, "MINE"), Person(email="o@example.com", email_key="o@example.com", name="O", created_at=NOON)
        session.add(other)
        session.flush()
        for by, address in ((other.id, "203.0.113.66"), (None, "203.0.113.67"), (person.id, "203.0.113.5")):
            record(session, PeopleActivity.REMOVED, Actor(by, address), NOON, account_id=mine, subject_id=person.id, about=person.email)
            session.add(
                CardSetup(
                    account_id=mine, person_id=by or person.id or 0, key=address, once=address, provider="x", created_at=NOON,
                    address=address if by else "",
                )
            )  # fmt: skip
        session.flush()
        found = file_of(session, person, mine, whole)
    everything = "\n".join(found.values())
    for theirs in ("203.0.113.66", "203.0.113.67"):
        assert f'"address": "{theirs}"' not in everything
    rows = [row for row in json.loads(found["change.json"]) if row["what"] == "removed"]
    assert sorted(row["address"] for row in rows) == ["", "", "203.0.113.5"]
