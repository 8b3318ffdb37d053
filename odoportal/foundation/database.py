"""One way to the database: a session in a worker thread, readers deferred, writers immediate."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlmodel import Session, create_engine

from odoportal.settings import get_settings

P = ParamSpec("P")
T = TypeVar("T")
PRAGMAS = ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=5000", "synchronous=FULL")
_WRITER = {"sqlite_begin": "IMMEDIATE"}


def _prepare_sqlite(engine: Engine) -> None:
    # The driver's own BEGIN is deferred: a reader that turns writer then fails at once with "database is
    # locked", whatever the busy timeout. So SQLAlchemy writes BEGIN, and writers say IMMEDIATE.
    def on_connect(dbapi: Any, _record: object) -> None:
        dbapi.isolation_level = None
        for pragma in PRAGMAS:
            dbapi.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        how = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {how}")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def make_engine(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL with this house's settings.

    Args:
        url: an SQLAlchemy database address.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=8, connect_args={"check_same_thread": False})
        _prepare_sqlite(engine)
        return engine
    return create_engine(url, pool_size=8, pool_pre_ping=True)


@lru_cache
def engine() -> Engine:
    """The engine of this process, on the address in the settings."""
    return make_engine(get_settings().database_url)


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
    """Run `work(session, …)` in a worker thread on a writing session and commit."""

    def run() -> T:
        with writing() as session:
            return work(session, *args, **kwargs)

    return await asyncio.to_thread(run)
