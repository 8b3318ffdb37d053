"""Tests of the activity log: every change is recorded as a row."""

import json

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.accounts.activity_log import STAFF, Actor, record
from odoportal.accounts.models import Change
from odoportal.core import database
from odoportal.rooms.profile.activity import ProfileActivity
from tests.making import NOON, account, identity_of, rolled_back


def test_what_is_new_and_what_is_gone_are_kept_whole_and_of_a_change_what_differs(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        for before, after in ((None, {"a": "1", "b": "2"}), ({"a": "1", "b": "2"}, {"a": "1", "b": "3"}), ({"a": "1"}, None)):
            record(session, ProfileActivity.CHANGED, STAFF, NOON, account_id=mine, about="x" * 300, before=before, after=after)
        record(session, ProfileActivity.CHANGED, STAFF, NOON, account_id=mine, before={"a": "1"}, after={"a": "1"})
        session.flush()
        rows = session.exec(select(Change).order_by("id")).all()
        kept = [(json.loads(row.before), json.loads(row.after)) for row in rows]
        assert kept == [({}, {"a": "1", "b": "2"}), ({"b": "2"}, {"b": "3"}), ({"a": "1"}, {})]
        assert {(row.person_id, row.address, len(row.about)) for row in rows} == {(None, "", 200)}


@pytest.mark.parametrize("name", ["password", "new_password", "totp_secret", "token", "hash", "recovery", "card_number"])
@pytest.mark.asvs("16.2.5")
def test_a_secret_is_refused(engine: Engine, name: str) -> None:
    with rolled_back(engine) as session, pytest.raises(ValueError, match=name):
        record(session, ProfileActivity.CHANGED, Actor.of(identity_of(1), "203.0.113.5"), NOON, after={name: "canary"})


def test_a_change_that_is_rolled_back_leaves_no_row(stored: Engine) -> None:
    def fail(session: Session) -> None:
        record(session, ProfileActivity.CHANGED, STAFF, NOON)
        session.flush()
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError), database.write_session() as session:
        fail(session)
    with database.read_session() as session:
        assert session.exec(select(Change)).all() == []
