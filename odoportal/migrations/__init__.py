"""The database's schema, step by step: `migrate` brings a database from any earlier step, or from empty, to the newest."""

from functools import lru_cache
from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, MetaData, text
from sqlmodel import SQLModel

FOLDER = Path(__file__).parent
FOUNDATION_TABLES = ("odoportal.foundation.deployment", "odoportal.foundation.mail")
_LOCK_NUMBER = 0x0D0


class MigrationFailed(Exception):
    """The database cannot be brought to this release's schema; the text is one sentence for the operator."""


def configuration(connection: Connection) -> Config:
    """What Alembic is told: where the steps lie and the connection to work on."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def metadata() -> MetaData:
    """The tables as the foundation and the models of all rooms declare them."""
    for room in sorted(FOLDER.parent.glob("*/models.py")):
        import_module(f"odoportal.{room.parent.name}.models")
    for module in FOUNDATION_TABLES:
        import_module(module)
    return SQLModel.metadata


@lru_cache
def _head() -> str | None:
    return ScriptDirectory(str(FOLDER)).get_current_head()


def at_head(engine: Engine) -> bool:
    """True when the database has every step of this release.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: when the database does not answer.
    """
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == _head()


def _foreign_keys(connection: Connection, on: bool) -> None:
    # Only outside a transaction, so on the driver: SQLAlchemy's first statement would begin one.
    driver = connection.connection.dbapi_connection
    if driver is not None:
        driver.cursor().execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _upgrade(connection: Connection) -> None:
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise MigrationFailed(f"The database is not of this release or an older one ({error}).") from error


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema: all of it, or nothing where a step fails. Of two at once, one waits.

    Raises:
        MigrationFailed: when the database is of a newer release, or a step would leave rows that point nowhere.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.execution_options(sqlite_begin="IMMEDIATE").connect() as connection:
        if sqlite:
            # A table that a step rebuilds is dropped and renamed, which would delete what points at it.
            _foreign_keys(connection, on=False)
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
                _upgrade(connection)
                if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise MigrationFailed("A migration left rows that point nowhere; nothing was changed.")
        finally:
            if sqlite:
                _foreign_keys(connection, on=True)
