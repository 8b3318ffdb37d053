"""Fixtures for the card room: a database, two accounts, and the sandbox with a clock that tests move."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from odoportal.accounts.models import Account, Person, Role
from odoportal.accounts.models import Membership as MembershipRow
from odoportal.core import clock, database
from odoportal.core.identity import ActiveMembership, Identity
from odoportal.rooms.cards import flow
from odoportal.rooms.cards.sandbox import Sandbox
from odoportal.settings import get_settings
from tests.making import NOON


@dataclass
class Time:
    """A clock for the portal and the sandbox."""

    at = NOON

    def __call__(self):
        return self.at

    def move(self, **delta: float) -> None:
        """Move the clock forward by a `timedelta`."""
        self.at += timedelta(**delta)


@pytest.fixture(autouse=True)
def time(stored: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    monkeypatch.setenv("ODOPORTAL_DATA_DIR", str(tmp_path))
    get_settings.cache_clear()
    moved = Time()
    clock.set_source(moved)
    yield moved
    clock.set_source(None)


@pytest.fixture
def sandbox() -> Sandbox:
    return flow.sandbox()


def someone(number: str, *, role: Role = Role.OWNER) -> Identity:
    """Create an account with one person and return that person's identity."""
    with database.write_session() as session:
        account = Account(number=number, name=f"Account {number}", created_at=NOON)
        person = Person(email=f"{number}@example.com", email_key=f"{number}@example.com", name=f"Person {number}", created_at=NOON)
        session.add_all([account, person])
        session.flush()
        assert account.id is not None
        assert person.id is not None
        session.add(MembershipRow(account_id=account.id, person_id=person.id, role=role))
        mine = ActiveMembership(account.id, number, account.name, role)
        return Identity(
            "0" * 64, person.id, person.name, person.email, "fr", "fr-CA", (mine,), mine, NOON, NOON + timedelta(hours=12), None
        )


@pytest.fixture
def alpha() -> Identity:
    return someone("1001")


@pytest.fixture
def beta() -> Identity:
    return someone("1002")
