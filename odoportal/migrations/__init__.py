"""The migrations of the database schema: `migrate` upgrades a database from any earlier step, or from empty, to the newest."""

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, Index, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from odoportal.migrations import trigrams

FOLDER = Path(__file__).parent
FOUNDATION_TABLES = ("odoportal.core.deployment", "odoportal.forms.handling", "odoportal.mail.outbox")
EXTENSIONS = ("pg_trgm", "btree_gin")
"""The extensions that the search needs in PostgreSQL; both come with it (in Debian, with its package)."""
_LOCK_NUMBER = 0x0D0


class MigrationFailed(Exception):
    """The database cannot be brought to this release's schema; the message is one sentence for the operator."""


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration: the folder of the migrations and the connection to use."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def metadata() -> MetaData:
    """Return the metadata of all tables, after importing the modules that declare them."""
    for models in sorted(FOLDER.parent.rglob("models.py")):
        import_module(".".join(("odoportal", *models.relative_to(FOLDER.parent).with_suffix("").parts)))
    for module in FOUNDATION_TABLES:
        import_module(module)
    return SQLModel.metadata


def object_filter(engine_name: str) -> Any:
    """Return Alembic's filter for comparing models and database: it ignores indexes of the other database, and SQLite's trigram tables."""

    def include(item: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
        if isinstance(item, Index) and not reflected:
            only = item._ddl_if
            return only is None or only.dialect == engine_name
        return kind != "table" or not any((name or "").startswith(f"{table}_grams") for table in trigrams.SEARCHED)

    return include


@lru_cache
def _head() -> str | None:
    return ScriptDirectory(str(FOLDER)).get_current_head()


def at_head(engine: Engine) -> bool:
    """Return whether the database has every migration of this release.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: if the database does not answer.
    """
    with engine.connect() as connection:
        return _revision(connection) == _head()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _foreign_keys(connection: Connection, on: bool) -> None:
    # SQLite ignores this pragma within a transaction. Run it on the driver, because SQLAlchemy's first statement would begin one.
    driver = connection.connection.dbapi_connection
    if driver is not None:
        driver.cursor().execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def missing_extensions(connection: Connection) -> list[str]:
    """Return the required PostgreSQL extensions that the database lacks; none for SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    there = set(connection.scalars(text("SELECT extname FROM pg_extension")))
    return [name for name in EXTENSIONS if name not in there]


def missing_extensions_message(names: list[str]) -> str:
    """Return one sentence that tells the operator how to install missing extensions."""
    statements = " ".join(f"CREATE EXTENSION {name};" for name in names)
    return (
        f"This database lacks PostgreSQL's {' and '.join(names)}: let its owner or a superuser run {statements} "
        "A server that cannot do that lacks its package of extensions, often called postgresql-contrib"
    )


def _create_extensions(connection: Connection) -> None:
    for name in (names := missing_extensions(connection)):
        try:
            with connection.begin_nested():
                connection.execute(text(f"CREATE EXTENSION {name}"))
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            raise MigrationFailed(f"{missing_extensions_message(names)} (PostgreSQL says: {reason}).") from error


def _upgrade(connection: Connection) -> None:
    _create_extensions(connection)
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise MigrationFailed(f"The database is not of this release or an older one ({error}).") from error
    trigrams.create_or_rebuild(connection)


def migrate(engine: Engine) -> None:
    """Upgrade the database to the newest schema: all steps, or none if one fails. If two processes migrate at once, one waits.

    Raises:
        MigrationFailed: if the database is of a newer release, lacks an extension that cannot be created, or a step would leave rows with
            broken foreign keys.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.execution_options(sqlite_begin="IMMEDIATE").connect() as connection:
        if sqlite:
            # A migration that rebuilds a table drops and renames it; with foreign keys on, that would delete the rows that refer to it.
            _foreign_keys(connection, on=False)
        try:
            with connection.begin():
                if not sqlite:
                    # Wait for the other process's migration, which may take longer than the usual lock timeout.
                    connection.execute(text("SET LOCAL lock_timeout = 0"))
                    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
                    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
                before = _revision(connection)
                _upgrade(connection)
                # The check reads all rows, which takes seconds: skip it when no migration ran.
                if sqlite and _revision(connection) != before and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise MigrationFailed("A migration left rows that refer to rows that do not exist; nothing was changed.")
        finally:
            if sqlite:
                _foreign_keys(connection, on=True)
