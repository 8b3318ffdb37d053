"""The `odoportal import` command: imports Odotrack's files into the database, all of a run or nothing.

First every row is staged in a working file and checked (`validate`), while the database is only read. Then the good rows are written
(`merge`, which says what is guaranteed if the process is killed).
"""

import gc
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlmodel import Session

from odoportal.core import database
from odoportal.importing import locks, rejects
from odoportal.importing.checks import check_sums, overdrawn, standings
from odoportal.importing.dialect import Spelling
from odoportal.importing.file_order import BY_NAME, FILES
from odoportal.importing.handlers import TAKERS
from odoportal.importing.merge import Invite, forget, in_order, merge, unfinished
from odoportal.importing.reader import Table, read_table
from odoportal.importing.recompute import refresh
from odoportal.importing.report import MOST_TOLD, BadRow, Report
from odoportal.importing.run import Run
from odoportal.importing.staging import BATCH_ROWS, Staging
from odoportal.importing.validate import Progress, validate
from odoportal.settings import get_settings

__all__ = ["ImportRefused", "Invite", "Options", "find_files", "finish", "import_tables", "read_files", "run_import"]

COLLECT_AFTER = 100_000
"""How many new objects trigger a garbage collection during an import."""


class ImportRefused(Exception):
    """Nothing can be imported; the message is one sentence for the operator."""


def _quietly(_what: str, _done: int, _of: int) -> None:
    """Ignore the progress."""


@dataclass(frozen=True)
class Options:
    """The options of an import.

    `spelling` is the declared format of the files. `dry` checks and writes nothing. `keep_good` is the file or folder for bad rows; if set,
    the good rows are imported. `notify` invites each new person. `progress` is called with the progress. `batch_rows` is the number of rows
    of one transaction.
    """

    spelling: Spelling = field(default_factory=Spelling)
    dry: bool = False
    keep_good: Path | None = None
    notify: bool = False
    progress: Progress = _quietly
    batch_rows: int = BATCH_ROWS


def find_files(path: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the files of an import by name, and the names of the other CSV files in the folder.

    Raises:
        ImportRefused: if the path does not exist, cannot be read, or has no file of an import.
    """
    try:
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        wanted = {file.name.casefold(): file for file in found if file.name.casefold() in BY_NAME}
        for file in wanted.values():
            file.open("rb").close()
    except OSError as problem:
        raise ImportRefused(f"{path} cannot be read: {problem.strerror}.") from None
    if not wanted:
        where = "is no file of an import" if path.exists() and not path.is_dir() else "holds no file of an import"
        raise ImportRefused(f"{path} {where if path.exists() else 'is not there'}; the files are {', '.join(BY_NAME)}.")
    others = [file.name for file in found if file.suffix.casefold() == ".csv" and file.name.casefold() not in wanted]
    return {kind.name: wanted[kind.name] for kind in FILES if kind.name in wanted}, others


def read_files(files: Mapping[str, bytes]) -> dict[str, Table]:
    """Read small files, given as bytes by name, and return their tables in import order. Needs no database."""
    return {kind.name: read_table(kind, files[kind.name]) for kind in FILES if kind.name in files}


def import_tables(session: Session, tables: dict[str, Table], now: datetime) -> Report:
    """Import a few rows within the caller's transaction; nothing is written if the report has bad rows.

    Args:
        session: a writing session; the caller commits.
        tables: the tables from `read_files`.
        now: the present instant, for new records.
    """
    report = Report(bad=[bad for table in tables.values() for bad in table.bad])
    broken = {pair for table in tables.values() for pair in table.broken}
    dry = Run(session, now, tables, Report(), dry=True, broken=broken)
    for name in tables:
        TAKERS[name](dry)
    moves = standings(check_sums(dry))
    report.bad += dry.report.bad + [BadRow(*place) for *_, place in overdrawn(session, moves)]
    if report.bad:
        return report
    run = Run(session, now, tables, report)
    for name in tables:
        TAKERS[name](run)
    refresh(run)
    # The rows were written with SQL: objects that the session holds are outdated.
    session.expire_all()
    report.kept = True
    return report


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    # A batch is about 100,000 objects that stay in use until it is written and form no cycles: looking for cycles every few hundred
    # objects takes a fifth of the time of a large import.
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _alone() -> Iterator[Path]:
    """Hold the lock that excludes other imports, and yield the folder for working files."""
    with locks.importing(database.engine()):
        yield get_settings().data_dir / "import"


def finish(invite: Invite | None = None, report: Callable[[str], None] = print, progress: Progress = _quietly) -> None:
    """Finish an import that was killed halfway, if there is one.

    Args:
        invite: as for `run_import`; needed if the killed import was to invite people.
        report: called with each line of the report.
        progress: called with the progress.

    Raises:
        InUse: if an import is unfinished and another process holds the import lock.
        Overtaken: if the database has changed in a way that the import cannot be finished.
    """
    with database.reading() as session:
        if unfinished(session) is None:
            return
    with _alone() as folder:
        _finish(folder, invite, report, progress)


def _finish(folder: Path, invite: Invite | None, report: Callable[[str], None], progress: Progress) -> None:
    with database.reading() as session:
        found = unfinished(session)
    if found is None:
        return
    name, done = found
    if not (folder / name).is_file():
        report("An import was cut short and its working file is gone: documents may be missing until its files are imported again.")
        with database.writing() as session:
            forget(session)
        return
    report("Finishing an import that was cut short.")
    staging = Staging(folder / name)
    outcome = merge(staging, invite if staging.noted("notify") else None, progress, done)
    for line in outcome.lines():
        report(line)


def run_import(
    path: Path,
    *,
    now: datetime,
    invite: Invite | None = None,
    report: Callable[[str], None] = lambda _line: None,
    options: Options | None = None,
) -> Report:
    """Import a folder or one file: all of it, or nothing if any row is bad, unless `keep_good` is set.

    Args:
        path: a folder with files of an import, or one such file.
        now: the present instant, for new records.
        invite: invites a person (session, person's id, account's id) within the same transaction.
        report: called with each line of the report.
        options: the options of the import.

    Raises:
        ImportRefused: if there is nothing to import at the path, or bad rows cannot be written to `keep_good`.
        InUse: if another import is running.
        Overtaken: if the database changed since the check, so that not everything could be written.
        ValueError: if `notify` is set without `invite`.
    """
    how = options or Options()
    if how.notify and invite is None:
        raise ValueError("notify needs a way to invite")
    sources, others = find_files(path)
    to = _places(path, list(sources), how)
    with _alone() as folder, _seldom_collecting():
        if not how.dry:
            _finish(folder, invite, report, how.progress)
            for left in folder.glob("*.staged"):
                left.unlink()
        staging = Staging(folder / f"{secrets.token_hex(6)}.staged")
        try:
            outcome = _run(staging, sources, to, now, invite, how)
        except BaseException:
            with database.reading() as session:
                started = unfinished(session)
            # An import that is partly in the database needs its working file to be finished.
            staging.close() if started and started[0] == staging.path.name else staging.remove()
            raise
    outcome.ignored_files = others
    for line in outcome.lines():
        report(line)
    return outcome


def _places(path: Path, names: list[str], how: Options) -> dict[str, Path]:
    try:
        return rejects.places(how.keep_good, names, one=not path.is_dir()) if how.keep_good else {}
    except rejects.CannotKeep as error:
        raise ImportRefused(str(error)) from error


def _run(staging: Staging, sources: dict[str, Path], to: dict[str, Path], now: datetime, invite: Invite | None, how: Options) -> Report:
    for name, path in sources.items():
        size = max(path.stat().st_size, 1)
        with path.open("rb") as file:
            for _ in staging.load(BY_NAME[name], file, how.spelling):
                how.progress(f"Reading {name}", min(file.tell(), size), size)
    staging.note("now", now.isoformat())
    staging.note("notify", how.notify)
    batches = staging.arrange(how.batch_rows)
    whole = all(table.whole for table in staging.tables.values())
    keep_good = how.keep_good is not None and whole
    tried = validate(staging, now, how.progress, keep_good)
    bad, count = staging.faults(MOST_TOLD)
    bad_rows = staging.bad_rows()
    finish_report = partial(_finished, staging, bad, count, bad_rows)
    if how.dry or (bad and not keep_good):
        tried.dry = how.dry
        staging.remove()
        return finish_report(tried)
    made = rejects.write(staging, sources, to) if bad else {}
    left = {name: sum(1 for _ in staging.left_out(name)) for name in made}
    outcome = merge(staging, invite if how.notify else None, how.progress) if batches else _empty(staging)
    outcome.left_out = {name: (left[name], path) for name, path in made.items()}
    return finish_report(outcome)


def _empty(staging: Staging) -> Report:
    staging.remove()
    return Report(kept=True)


def _finished(staging: Staging, bad: list[BadRow], count: int, bad_rows: dict[str, int], report: Report) -> Report:
    """Complete a report with what was read and what is bad."""
    in_order(report, list(staging.tables), {name: _ignored(table) for name, table in staging.tables.items()})
    report.bad, report.faults, report.bad_rows = bad, count, bad_rows
    report.forms = {name: table.form.told for name, table in staging.tables.items() if table.form.told}
    return report


def _ignored(table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.ignored if name != rejects.PROBLEM)
