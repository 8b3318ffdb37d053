"""Which notifications a person gets: by role until the person chooses, for each account, and what a choice stores."""

import asyncio
import json
from collections.abc import Mapping

import pytest
from sqlmodel import select

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.models import Change, Membership, Role
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity, NotAllowed
from odoportal.forms.fields import FormModel, validate
from odoportal.forms.handling import FormResult, SentForm
from odoportal.rooms.notifications import forms, service
from odoportal.rooms.notifications.models import NoticeChoice, NotificationKind
from odoportal.rooms.notifications.view import notices_view
from tests.rooms.notifications.conftest import People

ALL = {kind.value: "1" for kind in NotificationKind}


def given(who: Identity) -> dict[str, str]:
    with i18n.use("en"), database.read_session() as session:
        return notices_view(session, who, clock.now()).choices.initial


def send(who: Identity, fields: Mapping[str, str], version: str | None = None, mark: str = "a", form: str = "choices") -> FormResult:
    with i18n.use("en"):
        with database.read_session() as session:
            view = notices_view(session, who, clock.now()).choices
        values = validate(forms.HANDLERS[form].model, fields)
        assert isinstance(values, FormModel), values
        known = view.version if version is None else version
        return asyncio.run(forms.HANDLERS[form].run(SentForm(form, who, "en", values, "", known, mark * 32, "203.0.113.9", "")))  # type: ignore[arg-type]


def test_the_form_has_a_box_for_every_kind() -> None:
    assert list(forms.Choices.model_fields) == [kind.value for kind in NotificationKind]


@pytest.mark.parametrize(
    ("role", "on"),
    [
        (Role.OWNER, set(NotificationKind)),
        (Role.BILLING, set(NotificationKind)),
        (Role.OPERATIONS, {NotificationKind.ENDING}),
        (Role.READ_ONLY, set[NotificationKind]()),
    ],
)
def test_without_a_choice_the_role_decides(people: People, role: Role, on: set[NotificationKind]) -> None:
    assert {kind for kind, value in given(people[role]).items() if value} == on


def test_a_choice_is_kept_and_noted_and_others_are_left_alone(people: People) -> None:
    before = {name: given(who) for name, who in people.items()}
    done = send(people["read_only"], {"invoice": "1", "ending": "1"})
    assert (done.ok, done.notice) == (True, "Saved.")
    assert given(people["read_only"]) == {"invoice": "1", "payment": "", "overdue": "", "ending": "1", "card": ""}
    assert {name: given(who) for name, who in people.items() if name != "read_only"} == {
        name: value for name, value in before.items() if name != "read_only"
    }
    with database.read_session() as session:
        noted = [(c.what, c.account_id, c.subject_id, c.address, json.loads(c.after)) for c in session.exec(select(Change).order_by("id"))]
        stored = session.exec(select(NoticeChoice)).all()
    who = people["read_only"]
    assert noted == [
        ("notices", who.account.account_id, who.person_id, "203.0.113.9", {"invoice": "1"}),
        ("notices", who.account.account_id, who.person_id, "203.0.113.9", {"ending": "1"}),
    ]
    # Kinds that were not changed still follow the role.
    assert {row.kind for row in stored} == {"invoice", "ending"}


def test_a_choice_outlives_another_role(people: People) -> None:
    who = people["owner"]
    assert send(who, {**ALL, "payment": ""}).ok
    with database.write_session() as session:
        session.get_one(Membership, (who.account.account_id, who.person_id)).role = Role.READ_ONLY
    with database.read_session() as session:
        assert service.choices(session, who.account.account_id, who.person_id, Role.READ_ONLY)["payment"] == ""
        assert service.choices(session, who.account.account_id, who.person_id, Role.OWNER) == {**ALL, "payment": ""}


def test_a_form_that_another_window_overtook_is_told(people: People) -> None:
    who = people["owner"]
    with i18n.use("en"), database.read_session() as session:
        version = notices_view(session, who, clock.now()).choices.version
    assert send(who, {**ALL, "card": ""}).ok
    clash = send(who, {**ALL, "payment": ""}, version, mark="b")
    assert (clash.ok, clash.errors) == (False, {"payment": "Turned on in the meantime.", "card": "Turned off in the meantime."})
    assert given(who) == {**ALL, "card": ""}


@pytest.mark.case("A-64")
@pytest.mark.parametrize("fields", [{"security": "1"}, {"invoice": "yes"}, {"invoice": "1", "account_id": "2"}])
def test_other_fields_and_values_are_refused(fields: dict[str, str]) -> None:
    with i18n.use("en"):
        assert isinstance(validate(forms.Choices, fields), dict)


def test_who_is_no_member_any_more_chooses_nothing(people: People) -> None:
    who = people["billing"]
    with database.write_session() as session:
        session.delete(session.get_one(Membership, (who.account.account_id, who.person_id)))
    with database.write_session() as session, pytest.raises(NotAllowed):
        service.switch(
            session, service.Reader(who.account.account_id, who.person_id), NotificationKind.INVOICE, False, Actor.of(who), clock.now()
        )


def test_a_choice_of_one_account_says_nothing_of_another(people: People) -> None:
    owner, stranger = people["owner"], people["stranger"]
    with database.write_session() as session:
        session.add(Membership(account_id=stranger.account.account_id, person_id=owner.person_id, role=Role.OWNER))
    assert send(owner, {}).ok
    with database.read_session() as session:
        assert set(service.choices(session, owner.account.account_id, owner.person_id, Role.OWNER).values()) == {""}
        assert service.choices(session, stranger.account.account_id, owner.person_id, Role.OWNER) == ALL
