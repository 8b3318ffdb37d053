"""Fixtures of the sign-in room: a portal in a temporary folder with its settings, database and clock, and a cheap bcrypt."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import pytest
from sqlmodel import select

from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.service import email_key
from odoportal.core import clock, database
from odoportal.limits import rate_limits
from odoportal.rooms.signin import passwords
from odoportal.settings import get_settings

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
GOOD = "quatre camions bleus dorment"


@dataclass
class Clock:
    """A clock that tests can move."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, **delta: float) -> datetime:
        self.at += timedelta(**delta)
        return self.at


@dataclass
class Hashes:
    """Counters of bcrypt runs: comparisons, new hashes, and the cost of each compared hash."""

    compared: int = 0
    made: int = 0
    costs: list[bytes] = field(default_factory=list)


@pytest.fixture(autouse=True)
def portal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, value in {
        "MODE": "demo",
        "DATABASE_URL": database_url,
        "PUBLIC_URL": "https://portal.example.com",
        "SECRET": "s" * 40,
        "DATA_DIR": str(tmp_path / "data"),
        "MAIL_FROM": "ODOportal <no-reply@example.com>",
        "SMTP_URL": "",
    }.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    get_settings.cache_clear()
    database.engine.cache_clear()
    rate_limits.forget_all()
    monkeypatch.setattr(passwords, "COST", 4)
    yield tmp_path
    database.engine().dispose()
    database.engine.cache_clear()
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def now() -> Iterator[Clock]:
    moved = Clock()
    clock.set_source(moved)
    yield moved
    clock.set_source(None)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Hashes:
    counted, check, make = Hashes(), bcrypt.checkpw, bcrypt.hashpw

    def checked(password: bytes, stored: bytes) -> bool:
        counted.compared += 1
        counted.costs.append(stored[4:6])
        return check(password, stored)

    def made(password: bytes, salt: bytes) -> bytes:
        counted.made += 1
        return make(password, salt)

    monkeypatch.setattr(bcrypt, "checkpw", checked)
    monkeypatch.setattr(bcrypt, "hashpw", made)
    return counted


def add_person(
    email: str = "maria@transportgagnon.ca", *, accounts: tuple[str, ...] = ("1042",), password: str = GOOD, **more: object
) -> int:
    """Create a person with memberships in the accounts, creating missing accounts; return the person's id."""
    with database.write_session() as session:
        person = Person(
            email=email, email_key=email_key(email), name=str(more.get("name", "Maria Gagnon")), language=str(more.get("language", "en")),
            region="en-CA", password=passwords.hash_password(password) if password else "", created_at=START,
            disabled_at=START if more.get("disabled") else None,
        )  # fmt: skip
        session.add(person)
        session.flush()
        for number in accounts:
            account_id = session.exec(select(Account.id).where(Account.number == number)).first()
            if account_id is None:
                account = Account(number=number, name=f"Transport {number}", created_at=START)
                session.add(account)
                session.flush()
                account_id = account.id
            assert account_id is not None and person.id is not None
            session.add(Membership(account_id=account_id, person_id=person.id, role="owner"))
        assert person.id is not None
        return person.id


@pytest.fixture
def maria() -> int:
    return add_person()
