"""Databases for tests. One is made by the portal's migrations; the others are copies of it, which is fast.

They are SQLite databases; with pytest's `--database postgresql` they are in a PostgreSQL server that runs for the session. There, a
database for one test is used again by the next: copying one takes a hundred times as long as deleting the few rows of a test.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.engine import make_url

from odoportal.core.database import make_engine
from odoportal.migrations import metadata, migrate
from tests.postgresql import running_postgresql

KINDS = ("sqlite", "postgresql")
# Without triggers, rows are deleted in any order. New rows get the same ids as in a new database.
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename != 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT format('%I', sequencename) FROM pg_sequences WHERE last_value IS NOT NULL LOOP
        PERFORM setval(name::regclass, 1, false);
    END LOOP;
END $$
"""
# A connection that a test left open may hold locks.
_DISCONNECT = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"


class New(Protocol):
    """Yields the URL of an empty database with this release's schema, and deletes it at the end (an SQLite file in the folder is kept).

    Args:
        place: the folder of an SQLite database.
        again: whether the next caller may get the same database, emptied. The schema must stay as it is.
    """

    def __call__(self, place: Path, *, again: bool = False) -> AbstractContextManager[str]: ...


@contextmanager
def copies(kind: str, folder: Path) -> Iterator[New]:
    """Yield a function that makes databases of a kind; `folder` names the PostgreSQL server."""
    # Import all models, so that every table that others refer to is known.
    metadata()
    if kind == "sqlite":
        yield _new_sqlite
    else:
        with _of_postgresql(folder) as new:
            yield new


def _migrated(url: str) -> None:
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()


@cache
def _schema() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "template.db"
        _migrated(f"sqlite:///{file}")
        return file.read_bytes()


def write_sqlite(file: Path) -> str:
    """Write an empty SQLite database with this release's schema to a file, and return its URL."""
    file.write_bytes(_schema())
    return f"sqlite:///{file}"


@contextmanager
def _new_sqlite(place: Path, *, again: bool = False) -> Iterator[str]:
    yield write_sqlite(place / "portal.db")


@contextmanager
def _of_postgresql(folder: Path) -> Iterator[New]:
    numbers, free = count(1), list[str]()
    with running_postgresql(folder) as server:
        _run(server, "CREATE DATABASE template")
        _migrated(_named(server, "template"))

        @contextmanager
        def new(place: Path, *, again: bool = False) -> Iterator[str]:
            if again and free:
                name = free.pop()
            else:
                name = f"portal{next(numbers)}"
                _run(server, f"CREATE DATABASE {name} TEMPLATE template")
            try:
                yield _named(server, name)
            finally:
                if again:
                    _run(_named(server, name), _DISCONNECT, _EMPTY)
                    free.append(name)
                else:
                    _run(server, f"DROP DATABASE {name} WITH (FORCE)")

        yield new


def _named(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _run(url: str, *statements: str) -> None:
    engine = make_engine(url)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
