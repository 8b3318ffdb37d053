"""Locks between processes on a database: many may use it, one may import, and none may use it while it is restored or moved.

For SQLite, these are files that the system unlocks when a process ends, however it ends; for PostgreSQL, advisory locks.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from odoportal.core import private_files

_IMPORT_NUMBER = 0x0D1
_SERVING_NUMBER = 0x0D2


class DatabaseInUse(Exception):
    """Another process holds the database; the message is one sentence for the operator."""


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite database; None for another database, and for one in memory."""
    parts = make_url(url)
    name = parts.database or ""
    return None if parts.get_backend_name() != "sqlite" or name in {"", ":memory:"} else Path(name)


def copy_owner(path: Path, other: Path) -> None:
    """Give a file the owner of another one if root runs this: a command of root must not lock out the portal's own user."""
    if os.geteuid() == 0:
        owner = other.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def _file_lock(database: Path, suffix: str, how: int, refusal: str) -> Iterator[None]:
    path = database.with_name(database.name + suffix)
    try:
        fresh = not path.exists()
        private_files.make_file(path)
        with path.open("a") as file:
            if fresh:
                copy_owner(path, database if database.exists() else database.parent)
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DatabaseInUse(refusal) from error
            yield
    except PermissionError as error:
        raise DatabaseInUse(f"{path} belongs to another user; run this as the portal's own user.") from error


@contextmanager
def using(url: str) -> Iterator[None]:
    """Hold the shared lock on a database in use.

    Raises:
        DatabaseInUse: if the database is being restored or moved.
    """
    file = sqlite_file(url)
    if file is None or not file.parent.is_dir():
        yield
        return
    with _file_lock(file, ".use", fcntl.LOCK_SH, "The database is being restored or moved; try again when that is done."):
        yield


@contextmanager
def exclusive(url: str) -> Iterator[None]:
    """Hold the exclusive lock on an SQLite database; another database is not locked.

    Raises:
        DatabaseInUse: if any other process uses the database.
    """
    file = sqlite_file(url)
    if file is None:
        yield
        return
    with _file_lock(file, ".use", fcntl.LOCK_EX, "The database is in use; stop the portal and other commands first."):
        yield


@contextmanager
def _advisory_lock(engine: Engine, function: str, number: int, refusal: str) -> Iterator[None]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if not connection.scalar(text(f"SELECT {function}(:number)"), {"number": number}):
            raise DatabaseInUse(refusal)
        try:
            yield
        finally:
            # The lock ends with the connection, but only once the server has noticed: a process that asked right away would be refused. So
            # unlock first; this fails if the server was restarted meanwhile.
            with suppress(DBAPIError):
                connection.execute(text("SELECT pg_advisory_unlock_all()"))
            connection.invalidate()


@contextmanager
def importing(engine: Engine) -> Iterator[None]:
    """Hold the lock that allows one import at a time on a database.

    Raises:
        DatabaseInUse: if another import is running.
    """
    refusal = "Another import is running on this database; try again when it is done."
    if engine.dialect.name == "sqlite":
        file = sqlite_file(str(engine.url))
        if file is None:
            yield
            return
        with _file_lock(file, ".import", fcntl.LOCK_EX, refusal):
            yield
        return
    with _advisory_lock(engine, "pg_try_advisory_lock", _IMPORT_NUMBER, refusal):
        yield


@contextmanager
def serving(engine: Engine, together: bool) -> Iterator[None]:
    """Hold the lock of a process that serves a database: shared with others that count rate limits in the same Redis, or exclusive.

    Args:
        engine: the database's engine.
        together: whether Redis is configured. SQLite allows a single process in any case.

    Raises:
        DatabaseInUse: if another process serves the database and the two could not share their counts.
    """
    refusal = "Another process serves this database; several need PostgreSQL and ODOPORTAL_REDIS_URL, the same for each."
    if engine.dialect.name == "sqlite":
        file = sqlite_file(str(engine.url))
        if file is None or not file.parent.is_dir():
            yield
            return
        with _file_lock(file, ".serve", fcntl.LOCK_EX, refusal):
            yield
        return
    with _advisory_lock(engine, "pg_try_advisory_lock_shared" if together else "pg_try_advisory_lock", _SERVING_NUMBER, refusal):
        yield
