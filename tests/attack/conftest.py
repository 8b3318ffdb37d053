"""People of the demonstration, signed in once, and what is theirs alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, text

from tests.making import stored
from tests.server import FLEET, GUIDE, Portal

__all__ = ["stored"]

Cookies = Callable[[str], str]


@pytest.fixture(scope="session")
def cookie_of(portal: Portal) -> Cookies:
    """The session's cookie of a person, signed in once for all tests that do not end or change it."""
    known: dict[str, str] = {}

    def of(email: str) -> str:
        if email not in known:
            known[email] = portal.sign_in(email, keep="1")
        return known[email]

    return of


@pytest.fixture(scope="session")
def rows(portal: Portal) -> Iterator[Engine]:
    """The portal's own database."""
    made = portal.engine()
    yield made
    made.dispose()


@dataclass(frozen=True)
class Victim:
    """A person, what is theirs, and texts that must never reach anybody else."""

    email: str
    account: str
    order: str
    invoice: str
    markers: tuple[str, ...]


def _victim(rows: Engine, email: str) -> Victim:
    with rows.connect() as connection:
        person = connection.execute(text("SELECT id, name FROM person WHERE email = :e"), {"e": email}).one()
        held = connection.execute(
            text("SELECT a.id, a.number, a.name FROM account a JOIN membership m ON m.account_id = a.id WHERE m.person_id = :p"),
            {"p": person.id},
        ).one()
        order = connection.scalar(text("SELECT number FROM orders WHERE account_id = :a ORDER BY start_on DESC"), {"a": held.id})
        invoice = connection.scalar(text("SELECT number FROM invoice WHERE account_id = :a ORDER BY issued_on DESC"), {"a": held.id})
    return Victim(email, held.number, order, invoice, (person.name, held.name, email))


@pytest.fixture(scope="session")
def victim(rows: Engine) -> Victim:
    """The fleet whose data the others are after."""
    return _victim(rows, FLEET)


@pytest.fixture(scope="session")
def attacker(rows: Engine) -> Victim:
    """The guide's account, used by somebody with bad intentions."""
    return _victim(rows, GUIDE)
