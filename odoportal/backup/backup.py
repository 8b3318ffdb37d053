"""Backup of an SQLite database while it is in use, and its way back. PostgreSQL has its own tools, which are named instead."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from odoportal.core import private_files
from odoportal.core.database import SIDES, make_engine
from odoportal.importing import locks
from odoportal.migrations import MigrationFailed, at_head, migrate

WAIT_SECONDS = 30


class CannotBackUp(Exception):
    """The backup cannot be made or brought back; the text is one sentence for the operator."""


@dataclass(frozen=True)
class Restored:
    """What came back: how many rows the tables have, how many letters are due in it, and where the old database is kept."""

    rows: dict[str, int]
    due: int
    aside: Path | None


def _database(url: str, tool: str) -> Path:
    file = locks.file_of(url)
    if file is None:
        raise CannotBackUp(f"ODOPORTAL_DATABASE_URL is not an SQLite file; for PostgreSQL, use {tool}.")
    return file


def check(path: Path) -> None:
    """Look through a database file.

    Raises:
        CannotBackUp: when it is no SQLite database, a page or an index is damaged, or a row points nowhere.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=WAIT_SECONDS)) as database:
            found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise CannotBackUp(f"{path} is damaged: {' '.join(str(found).split())}.")
            lost = database.execute("PRAGMA foreign_key_check").fetchone()
            if lost:
                raise CannotBackUp(f"{path} is damaged: row {lost[1]} of table {lost[0]} points nowhere.")
    except sqlite3.DatabaseError as error:
        # The check itself gives up where the damage is in what it needs to look.
        broken = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT
        raise CannotBackUp(f"{path} is {'damaged' if broken else 'no database that can be read'} ({error}).") from error


def counts(path: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS)) as database:
        # The portal's own tables only: those of a search index are made of them.
        names = database.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names.fetchall()}  # noqa: S608


def _copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, writers or not, into a new file that only its owner reads."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with (
        closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=WAIT_SECONDS)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        # All pages at once are one reader's view; page by page, every write would start the copy anew.
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")
    _sync(target)


def _sync(path: Path) -> None:
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def back_up(url: str, target: Path) -> dict[str, int]:
    """Write the database, as it is at one moment, into a file; the portal may go on meanwhile.

    The file takes its name only when it is whole and checked. One of that name is replaced, so that a nightly job can use one name.

    Args:
        url: of the database.
        target: the file.

    Returns:
        How many rows each table has in it.

    Raises:
        CannotBackUp: for another database than SQLite, or when the copy cannot be written or is damaged.
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
        found = counts(unfinished)
        unfinished.replace(target)
        _sync(target)
    except (OSError, sqlite3.Error) as error:
        raise CannotBackUp(f"The backup cannot be written to {target} ({_why(error)}).") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return found


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def restore(url: str, source: Path, now: datetime) -> Restored:
    """Put a backup in the place of the database. The old one is kept beside it, with the instant in its name.

    Nothing is touched before the backup was copied, looked through and brought to this release's schema.

    Args:
        url: of the database.
        source: a file made by `back_up`, of this release or an older one.
        now: the present instant.

    Raises:
        CannotBackUp: when the backup is damaged, of a newer release, or no portal's, or for another database than SQLite.
        InUse: while another process uses the database.
    """
    place = _database(url, "pg_restore --clean --if-exists")
    if not source.is_file():
        raise CannotBackUp(f"There is no backup at {source}.")
    if place.exists() and source.samefile(place):
        raise CannotBackUp(f"{source} is the database itself.")
    private_files.folder(place.parent)
    with locks.alone(url):
        ready = place.with_name(f".{place.name}.restoring")
        try:
            check(source)
            _copy(source, ready)
            check(ready)
            _bring_up(ready, source)
            found = counts(ready)
            due = _due(ready)
            locks.belong_with(ready, place if place.exists() else place.parent)
            aside = _set_aside(place, now)
            ready.replace(place)
            _sync(place)
        except (OSError, sqlite3.Error) as error:
            raise CannotBackUp(f"{source} cannot be put in place ({_why(error)}).") from error
        finally:
            for left in (ready, *(ready.with_name(ready.name + side) for side in SIDES)):
                left.unlink(missing_ok=True)
    return Restored(found, due, aside)


def _bring_up(ready: Path, source: Path) -> None:
    with closing(sqlite3.connect(ready)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            raise CannotBackUp(f"{source} is no backup of the portal.")
    engine = make_engine(f"sqlite:///{ready}")
    try:
        migrate(engine)
        if not at_head(engine):
            raise CannotBackUp(f"{source} is not of this release.")
    except MigrationFailed as error:
        raise CannotBackUp(f"{source} cannot be restored: {error}") from error
    finally:
        engine.dispose()
    with closing(sqlite3.connect(ready)) as database:
        # One file again, so that it can change its name.
        database.execute("PRAGMA journal_mode=DELETE")
    _sync(ready)


def _due(ready: Path) -> int:
    with closing(sqlite3.connect(ready)) as database:
        return int(database.execute("SELECT count(*) FROM mail WHERE next_try_at IS NOT NULL").fetchone()[0])


def _set_aside(place: Path, now: datetime) -> Path | None:
    """Give the old database a second name, its log included; at no moment is there none under the first name.

    Only then is the log taken from the first one: a process that is killed in between leaves it whole under one of the two.
    """
    if not place.exists():
        return None
    aside = place.with_name(f"{place.name}.before-{now:%Y%m%dT%H%M%SZ}")
    if aside.exists():
        raise CannotBackUp(f"{aside} is there already.")
    private_files.narrow(place)
    os.link(place, aside)
    logs = [(log, side) for side in SIDES if (log := place.with_name(place.name + side)).exists()]
    for log, side in logs:
        os.link(log, aside.with_name(aside.name + side))
    _sync(aside)
    for log, _ in logs:
        log.unlink()
    return aside
