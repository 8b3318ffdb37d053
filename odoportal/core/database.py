"""Database access: engines, and reading and writing sessions in worker threads. In SQLite, writers lock the database at once."""

import asyncio
import contextvars
import sqlite3
import time
from collections.abc import Callable, Generator
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
TIMEOUT_SECONDS = 5
"""The timeout in seconds for locks held by another writer, for a free connection of the pool, and for connecting to the server."""
SIDE_FILE_SUFFIXES = ("-wal", "-shm")
"""The suffixes of the files that SQLite keeps beside a database."""
PRAGMAS = ("foreign_keys=ON", "synchronous=FULL")
_WRITER_OPTIONS = {"sqlite_begin": "IMMEDIATE"}
# Writers have separate threads: while they wait for each other, they must not occupy the threads of readers.
_writers = ThreadPoolExecutor(4, thread_name_prefix="writer")


def open_file(path: Path, mode: str = "rw", **options: Any) -> sqlite3.Connection:
    """Open an SQLite file, whatever its name: `#`, `?` and `%` have a meaning in SQLite's addresses.

    Args:
        path: The file.
        mode: As in SQLite's addresses: `rw` never creates a file, `rwc` does.
        options: Further arguments of `sqlite3.connect`.
    """
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, **options)


class _SQLiteFile:
    """An SQLite file and its connections.

    After it was opened once, a missing file is not created again, and connections to a file that was moved or replaced are discarded.
    """

    def __init__(self, path: Path, timeout: float, mode: str) -> None:
        self._path, self._timeout, self._mode = path, timeout, mode

    def open(self) -> sqlite3.Connection:
        if self._mode == "rwc":
            self._restrict_permissions()
        connection = open_file(self._path, self._mode, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        try:
            self._enable_wal(connection)
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        self._mode = "rw"
        return connection

    def _restrict_permissions(self) -> None:
        # SQLite creates the database with the permissions of the umask, and the -wal and -shm files with those of the database.
        with suppress(OSError):
            # A file that cannot be created cannot be opened either: SQLite reports it in `open`.
            private_files.make_file(self._path)
        for side in SIDE_FILE_SUFFIXES:
            private_files.restrict(self._path.with_name(self._path.name + side))

    def _enable_wal(self, connection: sqlite3.Connection) -> None:
        # SQLite's timeout does not apply when two connections switch an empty database to WAL at the same time, so retry here.
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _inode(self) -> int | None:
        try:
            return self._path.stat().st_ino
        except OSError:
            return None

    def on_connect(self, _dbapi: object, record: Any) -> None:
        record.info["file"] = self._inode()

    def on_checkout(self, _dbapi: object, record: Any, _proxy: object) -> None:
        if record.info["file"] != self._inode():
            raise DisconnectionError("the database's file was moved or replaced")


def _begin(connection: Connection) -> None:
    # The driver's own BEGIN is deferred: a reader that becomes a writer can then fail at once with "database is locked", whatever the
    # busy timeout. So BEGIN is sent here, as IMMEDIATE for writers.
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _sqlite_engine(url: URL, timeout: float, mode: str) -> Engine:
    file = _SQLiteFile(Path(url.database or ""), timeout, mode)
    engine = create_engine(url, creator=file.open, pool_size=8, pool_timeout=TIMEOUT_SECONDS, hide_parameters=True)
    event.listen(engine, "connect", file.on_connect)
    event.listen(engine, "checkout", file.on_checkout)
    event.listen(engine, "begin", _begin)
    return engine


class InvalidDatabaseURL(ValueError):
    """An invalid database URL. The message is a predicate, such as "is not the address of …", to which the caller adds the subject."""


def parse_url(url: str | URL) -> URL:
    """Parse a database URL in SQLAlchemy's format.

    Raises:
        InvalidDatabaseURL: If it is not a URL, names neither an SQLite file nor a PostgreSQL database, has an asynchronous driver, or its
            driver is not installed.
    """
    try:
        parsed = make_url(url)
        dialect = parsed.get_dialect()
        dialect.import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise InvalidDatabaseURL("is not the address of a database whose driver is installed") from error
    supported = parsed.database not in {None, "", ":memory:"} if dialect.name == "sqlite" else dialect.name == "postgresql"
    if dialect.is_async or not supported:
        raise InvalidDatabaseURL("is not an address such as sqlite:////srv/odoportal.db or postgresql+psycopg://user:password@host/name")
    return parsed


def make_engine(url: str | URL) -> Engine:
    """Create an engine for SQLite or PostgreSQL with the portal's timeouts and pool size.

    The messages of its errors hold no values of the statements: those are people's data, and the messages are logged.

    Args:
        url: A database URL in SQLAlchemy's format; for SQLite, one with a file.

    Raises:
        InvalidDatabaseURL: If the URL is invalid (see `parse_url`).
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, TIMEOUT_SECONDS, "rwc")
    # TCP keepalives of the server: the locks of a client machine that is lost are released after 90 seconds instead of two hours.
    keepalives = "-c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
    connect_args = {"connect_timeout": TIMEOUT_SECONDS, "options": f"-c lock_timeout={TIMEOUT_SECONDS * 1000} {keepalives}"}
    return create_engine(
        url, pool_size=8, pool_pre_ping=True, pool_timeout=TIMEOUT_SECONDS, connect_args=connect_args, hide_parameters=True
    )


@lru_cache
def engine() -> Engine:
    """Return the engine of this process, for the database URL of the settings."""
    return make_engine(get_settings().database_url)


@lru_cache(maxsize=1)
def _engine_at_once(normal: Engine) -> Engine:
    return _sqlite_engine(normal.url, 0, "rw")


def nonblocking_engine() -> Engine | None:
    """Return an engine for code in the event loop: it fails at once instead of waiting for a lock. None unless the database is SQLite."""
    return _engine_at_once(engine()) if engine().dialect.name == "sqlite" else None


@contextmanager
def read_session() -> Generator[Session]:
    """Yield a database session for reading; it never commits."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session


@contextmanager
def write_session() -> Generator[Session]:
    """Yield a database session that commits at the end, or rolls back on an exception."""
    bound = engine().execution_options(**_WRITER_OPTIONS)
    with Session(bound, expire_on_commit=False) as session, session.begin():
        yield session


async def read(work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work(session, …)` in a worker thread with a reading session."""

    def run() -> T:
        with read_session() as session:
            return work(session, *args, **kwargs)

    return await asyncio.to_thread(run)


async def write(work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work(session, …)` in a writer thread with a writing session, and commit."""

    def run() -> T:
        with write_session() as session:
            return work(session, *args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_writers, contextvars.copy_context().run, run)
