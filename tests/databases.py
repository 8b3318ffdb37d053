"""Databases for tests. One is made by the portal's migrations; the others are copies of it, which is fast.

They are SQLite databases; with pytest's `--database postgresql` they are in a PostgreSQL server that runs for the session.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from odoportal.core.database import make_engine
from odoportal.migrations import metadata, migrate
from tests.postgresql import running_postgresql

KINDS = ("sqlite", "postgresql")
New = Callable[[Path], AbstractContextManager[str]]
"""Makes an empty database with this release's schema, yields its URL, and deletes it at the end (an SQLite file in the folder is kept)."""


@contextmanager
def copies(kind: str, folder: Path) -> Iterator[New]:
    """Yield a function that makes databases of a kind; `folder` holds the template they are copied from."""
    # Import all models, so that every table that others refer to is known.
    metadata()
    with _of_sqlite(folder) if kind == "sqlite" else _of_postgresql(folder) as new:
        yield new


def _migrated(url: str) -> None:
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()


@contextmanager
def _of_sqlite(folder: Path) -> Iterator[New]:
    template = folder / "template.db"
    _migrated(f"sqlite:///{template}")

    @contextmanager
    def new(place: Path) -> Iterator[str]:
        shutil.copyfile(template, place / "portal.db")
        yield f"sqlite:///{place / 'portal.db'}"

    yield new


@contextmanager
def _of_postgresql(folder: Path) -> Iterator[New]:
    numbers = count(1)
    with running_postgresql(folder) as server:
        _run(server, "CREATE DATABASE template")
        _migrated(_named(server, "template"))

        @contextmanager
        def new(_place: Path) -> Iterator[str]:
            name = f"portal{next(numbers)}"
            _run(server, f"CREATE DATABASE {name} TEMPLATE template")
            try:
                yield _named(server, name)
            finally:
                _run(server, f"DROP DATABASE {name} WITH (FORCE)")

        yield new


def _named(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _run(server: str, statement: str) -> None:
    engine: Engine = make_engine(server)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
