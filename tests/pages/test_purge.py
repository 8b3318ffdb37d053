"""The hourly purge: one that fails keeps no other from its work."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.core import database
from odoportal.core.deployment import Deployment
from odoportal.pages import room
from odoportal.pages.room import Room, purge
from tests.making import NOON


def broken(session: Session, now: datetime) -> int:
    session.add(Deployment(name="half done"))
    raise ValueError("'uk' is not a valid country code")


def works(session: Session, now: datetime) -> int:
    session.add(Deployment(name="done", value=now.isoformat()))
    session.flush()
    return 1


def test_the_purges_after_one_that_fails_are_done(stored: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_installed", (Room("a", purges=[broken, works]), Room("b", purges=[broken])))
    result = asyncio.run(purge(NOON))
    assert (result.done, result.failed) == (1, 2)
    with database.read_session() as session:
        assert session.exec(select(Deployment.name, Deployment.value)).all() == [("done", NOON.isoformat())]


def test_a_dry_run_counts_and_deletes_nothing(stored: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_installed", (Room("a", purges=[works]),))
    with database.read_session() as session:
        assert room.PURGE.waiting(session, NOON) == 1
        assert session.exec(select(Deployment)).all() == []
