"""The rules of a person's own details."""

import asyncio
import json

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from odoportal.accounts.models import Change, Person
from odoportal.core import database, i18n
from odoportal.forms.fields import validate
from odoportal.forms.handling import FormResult, SentForm
from odoportal.forms.view import form_view
from odoportal.rooms.profile import forms, service
from tests.making import NOON, identity_of


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("", ""),
        ("418 555-0142", "+1 418-555-0142"),
        ("(418) 555.0142 poste 12", "+1 418-555-0142 ext. 12"),
        ("418-555-0142 #7", "+1 418-555-0142 ext. 7"),
        ("1 800 267 2001", "+1 800-267-2001"),
        ("+33 1 42 68 53 00", "+33 1 42 68 53 00"),
    ],
)
def test_a_phone_number_is_stored_in_one_way(typed: str, stored: str) -> None:
    assert service.phone_number(typed) == stored
    assert service.phone_number(stored) == stored


@pytest.mark.parametrize("typed", ["12", "call me", "418 555", "+999 12345678", "4185550142" * 4, "٣٤٥", "<b>"])
def test_what_is_no_phone_number_is_refused(typed: str) -> None:
    with pytest.raises(service.UnusablePhone):
        service.phone_number(typed)


@pytest.fixture
def maria(stored: Engine) -> int:
    with database.write_session() as session:
        person = Person(email="maria@example.com", email_key="maria@example.com", name="Maria Gagnon", region="fr-CA", created_at=NOON)
        session.add(person)
        session.flush()
        assert person.id == 1
        return person.id


async def _answer(sent: SentForm) -> FormResult:
    return await forms.HANDLERS["details"].run(sent)


def save(version: str, mark: str = "a" * 32, **values: str) -> FormResult:
    given = {"name": "Maria Roy", "phone": "418 555-0142", "language": "fr", "region": "en-CA", **values}
    with i18n.use("fr"):
        fits = validate(forms.DetailsForm, given)
        assert isinstance(fits, forms.DetailsForm), fits
        return asyncio.run(_answer(SentForm("details", identity_of(1), "fr", fits, "", version, mark, "203.0.113.5", "")))


def stored_details() -> dict[str, str]:
    with database.read_session() as session:
        return service.details(session, 1)


def test_details_are_changed_and_a_new_language_goes_on_in_it(maria: int) -> None:
    version = form_view(identity_of(1), stored_details()).version
    assert save(version) == FormResult("C’est enregistré.")
    assert stored_details() == {"name": "Maria Roy", "phone": "+1 418-555-0142", "language": "fr", "region": "en-CA"}
    changed = save(form_view(identity_of(1), stored_details()).version, "b" * 32, language="en")
    assert (changed.notice, changed.go) == ("Saved.", "/en/profile")


def test_a_change_is_a_row_with_what_differs_and_what_was_refused_is_none(maria: int) -> None:
    before = form_view(identity_of(1), stored_details()).version
    save(before)
    assert not save(before, "b" * 32, name="Second").ok
    save(form_view(identity_of(1), stored_details()).version, "c" * 32)
    with database.read_session() as session:
        (row,) = session.exec(select(Change)).all()
    assert (row.what, row.person_id, row.subject_id, row.account_id, row.address) == ("details", 1, 1, None, "203.0.113.5")
    assert json.loads(row.before) == {"name": "Maria Gagnon", "phone": "", "region": "fr-CA"}
    assert json.loads(row.after) == {"name": "Maria Roy", "phone": "+1 418-555-0142", "region": "en-CA"}


@pytest.mark.asvs("2.3.1")
def test_of_two_tabs_the_second_is_told(maria: int) -> None:
    version = form_view(identity_of(1), stored_details()).version
    assert save(version, name="First").ok
    second = save(version, "b" * 32, name="Second")
    assert second.errors["name"] == "Valeur enregistrée\u00a0: «\u00a0First\u00a0»."
    assert stored_details()["name"] == "First"
    assert save(second.version, "c" * 32, name="Second").ok
    assert stored_details()["name"] == "Second"
