"""Fixtures for the people room: an account with people."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.accounts.models import Membership, Person, Role
from odoportal.core import database
from odoportal.core.identity import ActiveMembership as Held
from odoportal.core.identity import Identity
from odoportal.settings import get_settings
from tests.making import NOON, account, identity_of

__all__ = ["replace"]


@pytest.fixture
def store(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Yield the engine of an empty database that the portal's settings point to."""
    for name, value in {"MODE": "demo", "DATABASE_URL": database_url, "PUBLIC_URL": "http://localhost:3000", "SECRET": "s" * 40}.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    get_settings.cache_clear()
    database.engine.cache_clear()
    yield database.engine()
    database.engine().dispose()


def person(session: Session, email: str, *, name: str = "", password: str = "set", language: str = "en") -> int:
    """Create a person and return the id."""
    made = Person(
        email=email,
        email_key=email.casefold(),
        name=name or email.split("@", maxsplit=1)[0].title(),
        password=password,
        language=language,
        created_at=NOON,
    )
    session.add(made)
    session.flush()
    return made.id or 0


def member(session: Session, account_id: int, email: str, role: Role, **more: str) -> Identity:
    """Create a person with a membership in the account and return the identity."""
    made = person(session, email, **more)
    session.add(Membership(account_id=account_id, person_id=made, role=role))
    session.flush()
    mine = Held(account_id, "1042", "Transport 1042", role)
    return replace(
        identity_of(account_id),
        person_id=made,
        name=email.split("@", maxsplit=1)[0].title(),
        email=email,
        account=mine,
        memberships=(mine,),
    )


@pytest.fixture
def people(store: Engine) -> dict[str, Identity]:
    """Return identities by role: one for each role of an account, and `stranger`, the owner of another account."""
    with database.write_session() as session:
        mine, other = account(session), account(session, "2000")
        made = {role.value: member(session, mine, f"{role}@example.com", role) for role in Role}
        stranger = member(session, other, "stranger@example.com", Role.OWNER)
        made["stranger"] = replace(stranger, account=replace(stranger.account, account_id=other, number="2000"))
    return made
