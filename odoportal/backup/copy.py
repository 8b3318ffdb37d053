"""Copying to another database, mainly from SQLite to PostgreSQL: every row of every table, or nothing."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from odoportal.core.database import make_engine
from odoportal.migrations import at_head, metadata, migrate

CHUNK = 2000


class CannotCopy(Exception):
    """The data cannot be copied there; the message is one sentence for the operator."""


def _ignore_progress(_table: str, _done: int, _of: int) -> None:
    """Ignore the progress."""


def copy_to(source: Engine, url: str, progress: Callable[[str, int, int], None] = _ignore_progress) -> dict[str, int]:
    """Copy all data into an empty database, which is migrated to this release's schema first.

    The data are written in one transaction, and read as they are at one moment. There must be no other writer: hold `locks.exclusive`.

    Args:
        source: the present database, of this release.
        url: the SQLAlchemy address of the new database.
        progress: called with the table, the number of rows done, and the total.

    Returns:
        The number of rows of each table, the same in both databases.

    Raises:
        CannotCopy: if the new database has rows, is the present one, or refuses a row; no rows are left in it then.
        sqlalchemy.exc.SQLAlchemyError: if a database does not answer.
    """
    target = make_engine(url)
    try:
        if target.url == source.url:
            raise CannotCopy("That is the database itself.")
        if not at_head(source):
            raise CannotCopy("The current database is not of this release; `odoportal run` upgrades it.")
        migrate(target)
        tables = metadata().sorted_tables
        with source.connect() as old, target.execution_options(sqlite_begin="IMMEDIATE").begin() as new:
            for table in tables:
                if _count(new, table):
                    raise CannotCopy(f"The new database is not empty: table {table.name} has rows.")
            counts = {table.name: _copy(old, new, table, progress) for table in tables}
            _advance_sequences(new, tables)
        return counts
    finally:
        target.dispose()


def _count(connection: Connection, table: Table) -> int:
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def _copy(old: Connection, new: Connection, table: Table, progress: Callable[[str, int, int], None]) -> int:
    expected = _count(old, table)
    statement = select(table).order_by(*table.primary_key.columns)
    done = 0
    for some in old.execution_options(yield_per=CHUNK).execute(statement).partitions():
        try:
            new.execute(table.insert(), [dict(row._mapping) for row in some])
        except DBAPIError as error:
            reason = " ".join(str(error.orig).split())
            raise CannotCopy(f"The new database refuses a row of table {table.name} ({reason}); nothing was copied.") from error
        done += len(some)
        progress(table.name, done, expected)
    if (arrived := _count(new, table)) != expected:
        raise CannotCopy(f"Table {table.name} has {expected} rows and {arrived} arrived; nothing was copied.")
    return expected


def _advance_sequences(new: Connection, tables: list[Table]) -> None:
    """Set PostgreSQL's sequences to continue after the copied ids; SQLite does so by itself."""
    if new.dialect.name != "postgresql":
        return
    for table in tables:
        for column in table.primary_key.columns:
            name = {"table": f'"{table.name}"', "column": column.name}
            sequence = new.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), name)
            if sequence:
                highest = new.scalar(select(func.max(column)))
                new.execute(
                    text("SELECT setval(:sequence, :value, :used)"),
                    {"sequence": sequence, "value": highest or 1, "used": highest is not None},
                )
