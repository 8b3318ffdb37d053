"""Fixtures: two accounts with people, the settings of a portal, and a clock that a test can move."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.accounts.models import Person, Role
from odoportal.core import clock, database
from odoportal.core.identity import Identity
from odoportal.mail.outbox import Mail
from odoportal.settings import get_settings
from tests.making import NOON, account
from tests.rooms.people.conftest import member

__all__ = ["member"]

People = dict[str, Identity]
PUBLIC = "https://portal.example.com"


@dataclass
class Time:
    """A clock that returns the instant of the test."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def move(self, **delta: float) -> datetime:
        """Move the clock forward and return the new instant."""
        self.at += timedelta(**delta)
        return self.at


@pytest.fixture(autouse=True)
def time(stored: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    """Yield the clock, which a test can move; the business day follows it."""
    values = {
        "DATA_DIR": str(tmp_path),
        "PUBLIC_URL": PUBLIC,
        "SECRET": "s" * 40,
        "COMPANY_ADDRESS": "2800, av. Francis-Hughes; Laval (Québec) H7L 3J5",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    monkeypatch.delenv("ODOPORTAL_TODAY")
    get_settings.cache_clear()
    moved = Time()
    clock.set_source(moved)
    yield moved
    clock.set_source(None)


@pytest.fixture
def people() -> People:
    """Return a person in each role of an account, and the owner of another account."""
    with database.write_session() as session:
        mine, other = account(session), account(session, "2000")
        made = {role.value: member(session, mine, f"{role}@example.com", role) for role in Role}
        stranger = member(session, other, "stranger@example.com", Role.OWNER)
        for person in session.exec(select(Person)):
            person.region = "en-CA"
        made["stranger"] = replace(stranger, account=replace(stranger.account, account_id=other, number="2000"))
    return made


def letters(to: str = "") -> list[Mail]:
    """Return the mails in the outbox, to an address or to all, oldest first."""
    with database.read_session() as session:
        return _letters(session, to)


def _letters(session: Session, to: str) -> list[Mail]:
    return [letter for letter in session.exec(select(Mail).order_by("id")) if to in {"", letter.to}]
