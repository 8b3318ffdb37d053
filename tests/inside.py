"""The portal in the test's own process: real HTTP and sockets, while the test holds its clock, its log and its database."""

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
from odoportal.core.identity import COOKIE, digest
from odoportal.frontend import builder
from odoportal.limits import open_files, rate_limits
from odoportal.migrations import migrate
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.models import BrowserSession
from odoportal.settings import get_settings
from odoportal.web.connections import Connections
from tests.making import rows_of
from tests.server import Portal, free_port

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PASSWORD = "quatre camions bleus dorment"
_ADDRESSES = count(int(IPv4Address("198.18.0.1")))
_LOGGERS = ("", "reflex", "reflex_base", "uvicorn", "uvicorn.error", "socketio.server", "engineio.server")


@dataclass
class Clock:
    """A clock that a test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, **delta: float) -> None:
        """Let time pass."""
        self.at += timedelta(**delta)


@dataclass(frozen=True)
class Customer:
    """Somebody with an account, whose every text is a marker that nobody else may see, and the numbers of what they have."""

    name: str
    person_id: int
    account: str
    invoice: str
    order: str
    credit_note: str
    text: str = ""

    @property
    def email(self) -> str:
        """Of the person."""
        return f"{self.name}@example.com"

    @property
    def marker(self) -> str:
        """What stands in every text of the account."""
        return self.text or f"only{self.name.capitalize()}4711"


@dataclass(frozen=True)
class Inside:
    """The portal, the clock that it goes by, and two customers."""

    portal: Portal
    clock: Clock
    first: Customer
    second: Customer
    errors: list[str] = field(default_factory=list)
    """What was logged as an error."""

    def elsewhere(self) -> dict[str, str]:
        """The header of a request from an address that nobody had before, so that no limit of addresses is reached by many examples."""
        return {"X-Forwarded-For": str(IPv4Address(next(_ADDRESSES)))}

    def session(self, customer: Customer) -> str:
        """The cookie of a new session of somebody."""
        token = secrets.token_urlsafe(32)
        with database.writing() as session:
            session.add(BrowserSession(hash=digest(token), person_id=customer.person_id, created_at=self.clock(), seen_at=self.clock()))
        return f"{COOKIE}={token}"


@functools.cache
def _application() -> Any:
    """Reflex's application can be put together once in a process, and served again and again."""
    return serving._application()


def customer(name: str, number: str, text: str = "") -> Customer:
    """A new account with one owner and something of everything; the text stands wherever one can, in place of a marker."""
    with database.writing() as session:
        made = Customer(name, 0, number, "", "", "", text)
        account = Account(number=number, name=f"Transport {made.marker}", created_at=START)
        person = Person(
            email=made.email,
            email_key=email_key(made.email),
            name=f"Mr. {made.marker}",
            language="en",
            region="en-CA",
            password=passwords.make(PASSWORD),
            created_at=START,
        )
        session.add_all([account, person])
        session.flush()
        assert account.id is not None
        assert person.id is not None
        session.add(Membership(account_id=account.id, person_id=person.id, role="owner"))
        named = rows_of(session, account.id, made.marker, number)
        return Customer(name, person.id, number, named["invoice_number"], named["order_number"], named["credit_note_number"], text)


def _begin_anew(origin: str) -> None:
    """Whatever was served or only imported before in this process: the pages of this address are let in, and no tab is known yet."""
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
    """The portal on an empty database with two customers; everything is put back afterwards."""
    builder.build(builder.root(), Console(stderr=True))
    port, moved, errors = free_port(), Clock(), list[str]()
    noting = _Errors(errors)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in serving.reflex_environment().items():
            patch.setenv(name, value)
        for name, value in {
            "MODE": "demo",
            "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}",
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
        clock.use(moved)
        migrate(database.engine())
        two = customer("anna", "1001"), customer("bert", "2002")
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(noting)
        taken, ready = serving.listen("127.0.0.1", port), threading.Event()
        # Reflex finds its handlers by a context variable.
        context, application = contextvars.copy_context(), _application()
        _begin_anew(f"http://localhost:{port}")
        register = Connections(open_files.limits(), by_address=False)
        server = serving._Server(serving.configuration(lambda: application, register), register, ready.set)
        thread = threading.Thread(target=lambda: context.run(server.run, sockets=[taken]), daemon=True)
        thread.start()
        try:
            assert ready.wait(60)
            yield Inside(Portal(f"http://localhost:{port}", folder), moved, *two, errors)
        finally:
            server.should_exit = True
            thread.join(30)
            taken.close()
            for name in _LOGGERS:
                logging.getLogger(name).removeHandler(noting)
            database.engine().dispose()
    get_settings.cache_clear()
    database.engine.cache_clear()
    clock.use(None)
