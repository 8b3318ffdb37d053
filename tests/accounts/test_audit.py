"""Tests of the activity log: every change is recorded as a row."""

import json

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.accounts.activity_log import STAFF, ActivityKind, Actor, activity_labels, record
from odoportal.accounts.models import Change
from odoportal.core import database, i18n
from tests.making import NOON, account, emptied, who


def test_what_is_new_and_what_is_gone_are_kept_whole_and_of_a_change_what_differs(engine: Engine) -> None:
    with emptied(engine) as session:
        mine = account(session)
        for before, after in ((None, {"a": "1", "b": "2"}), ({"a": "1", "b": "2"}, {"a": "1", "b": "3"}), ({"a": "1"}, None)):
            record(session, ActivityKind.DETAILS, STAFF, NOON, account_id=mine, about="x" * 300, before=before, after=after)
        record(session, ActivityKind.DETAILS, STAFF, NOON, account_id=mine, before={"a": "1"}, after={"a": "1"})
        session.flush()
        rows = session.exec(select(Change).order_by("id")).all()
        kept = [(json.loads(row.before), json.loads(row.after)) for row in rows]
        assert kept == [({}, {"a": "1", "b": "2"}), ({"b": "2"}, {"b": "3"}), ({"a": "1"}, {})]
        assert {(row.person_id, row.address, len(row.about)) for row in rows} == {(None, "", 200)}


@pytest.mark.parametrize("name", ["password", "new_password", "totp_secret", "token", "hash", "recovery", "card_number"])
@pytest.mark.asvs("16.2.5")
def test_a_secret_is_refused(engine: Engine, name: str) -> None:
    with emptied(engine) as session, pytest.raises(ValueError, match=name):
        record(session, ActivityKind.DETAILS, Actor.of(who(1), "203.0.113.5"), NOON, after={name: "canary"})


def test_a_change_that_is_rolled_back_leaves_no_row(stored: Engine) -> None:
    def fail(session: Session) -> None:
        record(session, ActivityKind.DETAILS, STAFF, NOON)
        session.flush()
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError), database.writing() as session:
        fail(session)
    with database.reading() as session:
        assert session.exec(select(Change)).all() == []


def test_every_change_has_words_in_both_languages() -> None:
    spoken: list[dict[str, str]] = []
    for language in i18n.LANGUAGES:
        with i18n.use(language):
            spoken.append(activity_labels())
    assert all(set(said) == set(ActivityKind) and all(said.values()) for said in spoken)
