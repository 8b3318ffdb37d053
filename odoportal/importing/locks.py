"""Who uses a database, told between processes: many may use it at once, one may import, and nobody while it is exchanged.

Beside an SQLite database these are files that the system lets go of when a process ends, however it ends; in PostgreSQL, advisory locks.
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


class InUse(Exception):
    """Somebody else has the database; the text is one sentence for the operator."""


def file_of(url: str) -> Path | None:
    """The file of an SQLite database; None for another database, and for one in memory."""
    parts = make_url(url)
    name = parts.database or ""
    return None if parts.get_backend_name() != "sqlite" or name in {"", ":memory:"} else Path(name)


def belong_with(path: Path, other: Path) -> None:
    """Give a file the owner of another, where root made it: a command of root must not shut the portal's own user out."""
    if os.geteuid() == 0:
        owner = other.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def _held(database: Path, suffix: str, how: int, refusal: str) -> Iterator[None]:
    path = database.with_name(database.name + suffix)
    try:
        fresh = not path.exists()
        private_files.file(path)
        with path.open("a") as file:
            if fresh:
                belong_with(path, database if database.exists() else database.parent)
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InUse(refusal) from error
            yield
    except PermissionError as error:
        raise InUse(f"{path} belongs to somebody else; run this as the portal's own user.") from error


@contextmanager
def using(url: str) -> Iterator[None]:
    """Use a database, beside others.

    Raises:
        InUse: while it is being restored or moved.
    """
    file = file_of(url)
    if file is None or not file.parent.is_dir():
        yield
        return
    with _held(file, ".use", fcntl.LOCK_SH, "The database is being restored or moved; try again when that is done."):
        yield


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Have an SQLite database for oneself.

    Raises:
        InUse: while any other process uses it.
    """
    file = file_of(url)
    if file is None:
        yield
        return
    with _held(file, ".use", fcntl.LOCK_EX, "The database is in use; stop the portal and other commands first."):
        yield


@contextmanager
def _advised(engine: Engine, function: str, number: int, refusal: str) -> Iterator[None]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if not connection.scalar(text(f"SELECT {function}(:number)"), {"number": number}):
            raise InUse(refusal)
        try:
            yield
        finally:
            # The lock is the connection's, and goes with it, but only once the server has noticed: whoever asks at once would be refused.
            # Unlocking fails where the server was restarted meanwhile.
            with suppress(DBAPIError):
                connection.execute(text("SELECT pg_advisory_unlock_all()"))
            connection.invalidate()


@contextmanager
def importing(engine: Engine) -> Iterator[None]:
    """Be the one import at work on a database.

    Raises:
        InUse: while there is another.
    """
    refusal = "Another import is at work on this database; try again when it is done."
    if engine.dialect.name == "sqlite":
        file = file_of(str(engine.url))
        if file is None:
            yield
            return
        with _held(file, ".import", fcntl.LOCK_EX, refusal):
            yield
        return
    with _advised(engine, "pg_try_advisory_lock", _IMPORT_NUMBER, refusal):
        yield


@contextmanager
def serving(engine: Engine, together: bool) -> Iterator[None]:
    """Serve a database: beside others that count tries together with this process, or as the only one.

    Args:
        engine: the database's.
        together: True where Redis is set.

    Raises:
        InUse: where another process serves it and the two would not know of each other.
    """
    refusal = "Another process serves this database; several need PostgreSQL and ODOPORTAL_REDIS_URL, the same for each."
    if engine.dialect.name == "sqlite":
        file = file_of(str(engine.url))
        if file is None or not file.parent.is_dir():
            yield
            return
        with _held(file, ".serve", fcntl.LOCK_EX, refusal):
            yield
        return
    with _advised(engine, "pg_try_advisory_lock_shared" if together else "pg_try_advisory_lock", _SERVING_NUMBER, refusal):
        yield
