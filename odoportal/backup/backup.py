"""Backup of an SQLite database while it is in use, and restore. For PostgreSQL, the error messages name its own tools."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from odoportal.core import private_files
from odoportal.core.database import SIDE_FILE_SUFFIXES, make_engine, open_file
from odoportal.importing import locks
from odoportal.migrations import MigrationFailed, at_head, migrate

WAIT_SECONDS = 30


class CannotBackUp(Exception):
    """The backup cannot be made or restored; the message is one sentence for the operator."""


@dataclass(frozen=True)
class Restored:
    """The result of a restore: the number of rows by table, the number of mails due, and the path of the old database if there was one."""

    rows: dict[str, int]
    due: int
    aside: Path | None


def _database(url: str, tool: str) -> Path:
    file = locks.sqlite_file(url)
    if file is None:
        raise CannotBackUp(f"ODOPORTAL_DATABASE_URL is not an SQLite file; for PostgreSQL, use {tool}.")
    return file


def check(path: Path) -> None:
    """Check the integrity of a database file.

    Raises:
        CannotBackUp: if it is not an SQLite database, a page or an index is damaged, or a row has a broken foreign key.
    """
    try:
        with closing(open_file(path, timeout=WAIT_SECONDS)) as database:
            found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise CannotBackUp(f"{path} is damaged: {' '.join(str(found).split())}.")
            lost = database.execute("PRAGMA foreign_key_check").fetchone()
            if lost:
                raise CannotBackUp(f"{path} is damaged: row {lost[1]} of table {lost[0]} refers to a row that does not exist.")
    except sqlite3.DatabaseError as error:
        # The check itself fails if the damage is in pages that it needs.
        broken = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT
        raise CannotBackUp(f"{path} is {'damaged' if broken else 'not a readable database'} ({error}).") from error


def _holds_portal(path: Path) -> bool:
    """Return whether a database file has the portal's tables; those named here are in every release."""
    with closing(open_file(path, timeout=WAIT_SECONDS)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {"alembic_version", "account", "person"} <= tables


def counts(path: Path) -> dict[str, int]:
    """Return the number of rows of each table."""
    with closing(open_file(path, timeout=WAIT_SECONDS)) as database:
        # Count the portal's own tables only, not the internal ones of the search index.
        names = database.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names.fetchall()}  # noqa: S608


def _copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, even during writes, into a new file that only its owner can read."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with (
        closing(open_file(source, timeout=WAIT_SECONDS)) as old,
        closing(open_file(target)) as new,
    ):
        # Copying all pages at once is one read transaction; page by page, every write would restart the copy.
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")
    _sync(target)


def _sync(path: Path) -> None:
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def back_up(url: str, target: Path) -> dict[str, int]:
    """Write the database, as it is at one moment, to a file; the portal may keep running.

    The file gets its name only when it is complete and checked. An existing file of that name is replaced, so that a nightly job can
    always use the same one.

    Args:
        url: the database's SQLAlchemy address.
        target: the file.

    Returns:
        The number of rows of each table in the backup.

    Raises:
        CannotBackUp: if the database is not SQLite or not the portal's, or the copy cannot be written or is damaged.
    """
    source = _database(url, "pg_dump --format=custom")
    if not source.is_file():
        raise CannotBackUp(f"There is no database at {source}.")
    if target.is_dir() or (target.exists() and target.samefile(source)):
        raise CannotBackUp(f"{target} cannot be the backup: it is {'a folder' if target.is_dir() else 'the database itself'}.")
    unfinished = target.with_name(f".{target.name}.part")
    try:
        _copy(source, unfinished)
        check(unfinished)
        if not _holds_portal(unfinished):
            raise CannotBackUp(f"{source} has no tables of the portal, so there is nothing to back up.")
        found = counts(unfinished)
        unfinished.replace(target)
        _sync(target)
    except (OSError, sqlite3.Error) as error:
        raise CannotBackUp(f"The backup cannot be written to {target} ({_reason(error)}).") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return found


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def restore(url: str, source: Path, now: datetime) -> Restored:
    """Replace the database by a backup. The old database is kept beside it, with the instant in its name.

    Nothing is replaced before the backup was copied, checked and migrated to this release's schema.

    Args:
        url: the database's SQLAlchemy address.
        source: a file made by `back_up`, of this release or an older one.
        now: the present instant.

    Raises:
        CannotBackUp: if the backup is damaged, of a newer release or not of the portal, or the database is not SQLite.
        DatabaseInUse: if another process uses the database.
    """
    place = _database(url, "pg_restore --clean --if-exists")
    if not source.is_file():
        raise CannotBackUp(f"There is no backup at {source}.")
    if place.exists() and source.samefile(place):
        raise CannotBackUp(f"{source} is the database itself.")
    private_files.make_folder(place.parent)
    with locks.exclusive(url):
        ready = place.with_name(f".{place.name}.restoring")
        try:
            check(source)
            _copy(source, ready)
            check(ready)
            _migrate_copy(ready, source)
            found = counts(ready)
            due = _count_due_mails(ready)
            locks.copy_owner(ready, place if place.exists() else place.parent)
            aside = _set_aside(place, now)
            ready.replace(place)
            _sync(place)
        except (OSError, sqlite3.Error) as error:
            raise CannotBackUp(f"{source} cannot be put in place ({_reason(error)}).") from error
        finally:
            for leftover in (ready, *(ready.with_name(ready.name + side) for side in SIDE_FILE_SUFFIXES)):
                leftover.unlink(missing_ok=True)
    return Restored(found, due, aside)


def _migrate_copy(ready: Path, source: Path) -> None:
    if not _holds_portal(ready):
        raise CannotBackUp(f"{source} is not a backup of the portal.")
    engine = make_engine(URL.create("sqlite", database=str(ready)))
    try:
        migrate(engine)
        if not at_head(engine):
            raise CannotBackUp(f"{source} is not of this release.")
    except MigrationFailed as error:
        raise CannotBackUp(f"{source} cannot be restored: {error}") from error
    finally:
        engine.dispose()
    with closing(open_file(ready)) as database:
        # Merge the write-ahead log into the file, so that a single file can be renamed.
        database.execute("PRAGMA journal_mode=DELETE")
    _sync(ready)


def _count_due_mails(ready: Path) -> int:
    with closing(open_file(ready)) as database:
        return int(database.execute("SELECT count(*) FROM mail WHERE next_try_at IS NOT NULL").fetchone()[0])


def _set_aside(place: Path, now: datetime) -> Path | None:
    """Link the old database and its logs under a second name, then remove the logs under the first name; return the new path.

    A process that is killed in between leaves the database complete under one of the two names, and the first name always exists.
    """
    if not place.exists():
        return None
    aside = place.with_name(f"{place.name}.before-{now:%Y%m%dT%H%M%SZ}")
    if aside.exists():
        raise CannotBackUp(f"{aside} already exists.")
    private_files.restrict(place)
    os.link(place, aside)
    logs = [(log, side) for side in SIDE_FILE_SUFFIXES if (log := place.with_name(place.name + side)).exists()]
    for log, side in logs:
        os.link(log, aside.with_name(aside.name + side))
    _sync(aside)
    for log, _ in logs:
        log.unlink()
    return aside
