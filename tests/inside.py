"""The portal in the test's own process: real HTTP and sockets, while the test controls its clock and reads its log and database."""

import asyncio
import contextvars
import functools
import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from odoportal import serving
from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.service import email_key
from odoportal.core import clock, database
from odoportal.core.identity import SESSION_COOKIE, token_hash
from odoportal.frontend import builder
from odoportal.limits import open_files, rate_limits
from odoportal.pages.room import purge
from odoportal.rooms.devices.models import VehicleList
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.models import BrowserSession
from odoportal.settings import get_settings
from odoportal.web.connections import Connections
from tests.databases import write_sqlite
from tests.making import add_every_row
from tests.server import Portal, free_port

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PASSWORD = "quatre camions bleus dorment"
_ADDRESSES = count(int(IPv4Address("198.18.0.1")))
_LOGGERS = ("", "reflex", "reflex_base", "uvicorn", "uvicorn.error", "socketio.server", "engineio.server")


@dataclass
class Clock:
    """A clock that tests set."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, **delta: float) -> None:
        """Move the clock forward."""
        self.at += timedelta(**delta)


@dataclass(frozen=True)
class Customer:
    """A person with an account whose every text contains a marker that no other customer may see, and the numbers of their records."""

    name: str
    person_id: int
    account: str
    invoice: str
    order: str
    credit_note: str
    vehicle_list: str
    serial: str
    text: str = ""

    @property
    def email(self) -> str:
        """The person's email address."""
        return f"{self.name}@example.com"

    @property
    def marker(self) -> str:
        """The text that appears in every text of the account."""
        return self.text or f"only{self.name.capitalize()}4711"


@dataclass(frozen=True)
class Inside:
    """The portal, its clock, and two customers."""

    portal: Portal
    clock: Clock
    first: Customer
    second: Customer
    errors: list[str] = field(default_factory=list)
    """Log lines of level ERROR and above."""

    def elsewhere(self) -> dict[str, str]:
        """Return a header that gives a request a new client address, so that many examples do not reach the rate limits by address."""
        return {"X-Forwarded-For": str(IPv4Address(next(_ADDRESSES)))}

    def session(self, customer: Customer) -> str:
        """Start a session for a customer, and return its cookie."""
        token = secrets.token_urlsafe(32)
        with database.write_session() as session:
            session.add(BrowserSession(hash=token_hash(token), person_id=customer.person_id, created_at=self.clock(), seen_at=self.clock()))
        return f"{SESSION_COOKIE}={token}"


@functools.cache
def _application() -> Any:
    """Return Reflex's application: it can be assembled only once in a process, but served any number of times."""
    return serving._application()


def customer(name: str, number: str, text: str = "") -> Customer:
    """Add an account with one owner and a record of every kind; `text` replaces the marker in every text."""
    with database.write_session() as session:
        draft = Customer(name, 0, number, "", "", "", "", "", text)
        account = Account(number=number, name=f"Transport {draft.marker}", created_at=START)
        person = Person(
            email=draft.email,
            email_key=email_key(draft.email),
            name=f"Mr. {draft.marker}",
            language="en",
            region="en-CA",
            password=passwords.hash_password(PASSWORD),
            created_at=START,
        )
        session.add_all([account, person])
        session.flush()
        assert account.id is not None
        assert person.id is not None
        session.add(Membership(account_id=account.id, person_id=person.id, role="owner"))
        numbers = add_every_row(session, account.id, draft.marker, number)
        # As in `add_every_row`: of a day that no test's clock reaches.
        lines = {"content": f"0000\t{' '.join(draft.marker.split())}", "created_at": datetime(2099, 1, 1, tzinfo=UTC)}
        session.add(VehicleList(account_id=account.id, person_id=person.id, key=f"list of {number}", **lines))
        own = (numbers["invoice_number"], numbers["order_number"], numbers["credit_note_number"], f"list of {number}", numbers["serial"])
        return Customer(name, person.id, number, *own, text)


def _reset_application(origin: str) -> None:
    """Reset Reflex's application after earlier use in this process: accept sockets from pages of this origin, and forget all tabs."""
    from odoportal.odoportal import app

    app.sio.eio.cors_allowed_origins = [origin]  # type: ignore[union-attr]
    app.state_manager.states.clear()  # type: ignore[attr-defined]


class _Errors(logging.Handler):
    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(self.format(record))


@contextmanager
def serving_inside(folder: Path) -> Iterator[Inside]:
    """Serve the portal with two customers on a new database, and reset everything afterwards."""
    builder.build(builder.root(), Console(stderr=True))
    port, fake_clock, errors = free_port(), Clock(), list[str]()
    error_log = _Errors(errors)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in serving.reflex_environment().items():
            patch.setenv(name, value)
        for name, value in {
            "MODE": "demo",
            "DATABASE_URL": write_sqlite(folder / "portal.db"),
            "PUBLIC_URL": f"http://localhost:{port}",
            "SECRET": "s" * 40,
            "DATA_DIR": str(folder / "data"),
            "TODAY": "2020-09-24",
            "TRUSTED_PROXIES": "1",
        }.items():
            patch.setenv(f"ODOPORTAL_{name}", value)
        patch.setattr(passwords, "COST", 4)
        patch.chdir(builder.root())
        get_settings.cache_clear()
        database.engine.cache_clear()
        rate_limits.forget_all()
        clock.set_source(fake_clock)
        customers = customer("anna", "1001"), customer("bert", "2002")
        # The server does so soon after its start, at a moment that no test knows.
        asyncio.run(purge(fake_clock()))
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(error_log)
        listener, ready = serving.listen("127.0.0.1", port), threading.Event()
        # Reflex finds its event handlers through a context variable, so the server's thread needs a copy of the context.
        context, application = contextvars.copy_context(), _application()
        _reset_application(f"http://localhost:{port}")
        register = Connections(open_files.limits(), by_address=False)
        server = serving._Server(serving.configuration(lambda: application, register), register, ready.set)
        thread = threading.Thread(target=lambda: context.run(server.run, sockets=[listener]), daemon=True)
        thread.start()
        try:
            assert ready.wait(60)
            yield Inside(Portal(f"http://localhost:{port}", folder), fake_clock, *customers, errors)
        finally:
            server.should_exit = True
            thread.join(30)
            listener.close()
            for name in _LOGGERS:
                logging.getLogger(name).removeHandler(error_log)
            database.engine().dispose()
    get_settings.cache_clear()
    database.engine.cache_clear()
    clock.set_source(None)
