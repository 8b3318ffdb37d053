"""One way to the database: a session in a worker thread, readers deferred, writers immediate."""

import asyncio
import contextvars
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError
from sqlmodel import Session, create_engine

from odoportal.core import private_files
from odoportal.settings import get_settings

P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 5
"""Seconds: the longest wait for another writer, for a free connection, or for a server that does not answer."""
SIDES = ("-wal", "-shm")
"""What SQLite adds to the name of a database for the files beside it."""
PRAGMAS = ("foreign_keys=ON", "synchronous=FULL")
_WRITER = {"sqlite_begin": "IMMEDIATE"}
# Writers wait for each other; in threads of their own they keep no reader waiting with them.
_writers = ThreadPoolExecutor(4, thread_name_prefix="writer")


class _File:
    """An SQLite file. Once it was opened, it is never made anew where it is gone, and nobody goes on in one that was moved away."""

    def __init__(self, path: Path, patience: float, mode: str) -> None:
        self._path, self._patience, self._mode = path, patience, mode

    def open(self) -> sqlite3.Connection:
        if self._mode == "rwc":
            self._keep_private()
        place = f"file:{quote(str(self._path))}?mode={self._mode}"
        opened = sqlite3.connect(place, uri=True, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            self._use_log(opened)
            for pragma in PRAGMAS:
                opened.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            opened.close()
            raise
        self._mode = "rw"
        return opened

    def _keep_private(self) -> None:
        # SQLite makes its files as wide as the umask allows, and the two beside it as wide as the database.
        with suppress(OSError):
            # What cannot be made here cannot be opened either, which SQLite says below.
            private_files.file(self._path)
        for side in SIDES:
            private_files.narrow(self._path.with_name(self._path.name + side))

    def _use_log(self, opened: sqlite3.Connection) -> None:
        # Two that switch an empty database over at the same moment do not wait for each other by SQLite's own timeout.
        until = time.monotonic() + self._patience
        while True:
            try:
                opened.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as why:
                if why.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
                time.sleep(0.01)
            else:
                return

    def _known(self) -> int | None:
        try:
            return self._path.stat().st_ino
        except OSError:
            return None

    def on_connect(self, _dbapi: object, record: Any) -> None:
        record.info["file"] = self._known()

    def on_checkout(self, _dbapi: object, record: Any, _proxy: object) -> None:
        if record.info["file"] != self._known():
            raise DisconnectionError("the database's file was moved or replaced")


def _begin(connection: Connection) -> None:
    # The driver's own BEGIN is deferred: a reader that turns writer then fails at once with "database is
    # locked", whatever the busy timeout. So SQLAlchemy writes BEGIN, and writers say IMMEDIATE.
    how = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {how}")


def _sqlite(url: URL, patience: float, mode: str) -> Engine:
    file = _File(Path(url.database or ""), patience, mode)
    engine = create_engine(url, creator=file.open, pool_size=8, pool_timeout=PATIENCE)
    event.listen(engine, "connect", file.on_connect)
    event.listen(engine, "checkout", file.on_checkout)
    event.listen(engine, "begin", _begin)
    return engine


class Unusable(ValueError):
    """It is no address of a database that can be used here; the text is its predicate, such as "is not the address of …"."""


def address(url: str) -> URL:
    """The parts of an SQLAlchemy database address.

    Raises:
        Unusable: when it is none, names neither a file of SQLite nor a PostgreSQL database, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        dialect = parsed.get_dialect()
        dialect.import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise Unusable("is not the address of a database whose driver is installed") from error
    kept = parsed.database not in {None, "", ":memory:"} if dialect.name == "sqlite" else dialect.name == "postgresql"
    if dialect.is_async or not kept:
        raise Unusable("is not an address such as sqlite:////srv/odoportal.db or postgresql+psycopg://user:password@host/name")
    return parsed


def make_engine(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL with this house's settings.

    Args:
        url: an SQLAlchemy database address; of SQLite, a file's.

    Raises:
        Unusable: as `address` says.
    """
    parsed = address(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, PATIENCE, "rwc")
    # The server asks a silent client whether it still lives: locks of a machine that was lost are free after 90 seconds, not two hours.
    alive = "-c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
    waits = {"connect_timeout": PATIENCE, "options": f"-c lock_timeout={PATIENCE * 1000} {alive}"}
    return create_engine(url, pool_size=8, pool_pre_ping=True, pool_timeout=PATIENCE, connect_args=waits)


@lru_cache
def engine() -> Engine:
    """The engine of this process, on the address in the settings."""
    return make_engine(get_settings().database_url)


@lru_cache(maxsize=1)
def _impatient(patient: Engine) -> Engine:
    return _sqlite(patient.url, 0, "rw")


def at_once() -> Engine | None:
    """An engine on the same SQLite file that fails rather than waits, for what runs in the event loop; None for other databases."""
    return _impatient(engine()) if engine().dialect.name == "sqlite" else None


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """A session that commits at the end, or leaves nothing when an exception passes through."""
    bound = engine().execution_options(**_WRITER)
    with Session(bound, expire_on_commit=False) as session, session.begin():
        yield session


async def read(work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work(session, …)` in a worker thread on a reading session."""

    def run() -> T:
        with reading() as session:
            return work(session, *args, **kwargs)

    return await asyncio.to_thread(run)


async def write(work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work(session, …)` in a writer's thread on a writing session and commit."""

    def run() -> T:
        with writing() as session:
            return work(session, *args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_writers, contextvars.copy_context().run, run)
