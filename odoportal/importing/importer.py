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
from odoportal.importing.checks import changes_over_total, check_sums, combine_moves
from odoportal.importing.dialect import Dialect
from odoportal.importing.file_order import BY_NAME, FILES
from odoportal.importing.handlers import HANDLERS
from odoportal.importing.merge import Invite, forget, merge, order_files, unfinished
from odoportal.importing.reader import FileTable, read_table
from odoportal.importing.recompute import refresh
from odoportal.importing.report import MAX_FAULTS, NO_IMPORT_FILE, OTHER_FILES, BadRow, Report
from odoportal.importing.run import Run
from odoportal.importing.staging import BATCH_ROWS, Staging
from odoportal.importing.validate import Progress, validate
from odoportal.rooms import registry
from odoportal.settings import get_settings

__all__ = ["ImportRefused", "Invite", "Options", "find_files", "finish_killed_import", "import_tables", "read_files", "run_import"]

COLLECT_AFTER = 100_000
"""How many new objects trigger a garbage collection during an import."""


class ImportRefused(Exception):
    """Nothing can be imported; the message is one sentence for the operator."""


def _ignore_progress(_what: str, _done: int, _of: int) -> None:
    """Ignore the progress."""


@dataclass(frozen=True)
class Options:
    """The options of an import.

    `spelling` is the declared format of the files. `dry` checks and writes nothing. `keep_good` is the file or folder for bad rows; if set,
    the good rows are imported. `notify` invites each new person. `progress` is called with the progress. `batch_rows` is the number of rows
    of one transaction.
    """

    spelling: Dialect = field(default_factory=Dialect)
    dry: bool = False
    keep_good: Path | None = None
    notify: bool = False
    progress: Progress = _ignore_progress
    batch_rows: int = BATCH_ROWS


def find_files(path: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the files of an import by name, and the names of the other CSV files, workbooks and archives in the folder.

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
    others = [file.name for file in found if file.suffix.casefold() in OTHER_FILES and file.name.casefold() not in wanted]
    if not wanted:
        kind = OTHER_FILES.get(path.suffix.casefold(), "")
        where = f"is {kind or NO_IMPORT_FILE}" if path.exists() and not path.is_dir() else "has no import files"
        raise ImportRefused(f"{path} {where if path.exists() else 'does not exist'}; import files are {', '.join(BY_NAME)}.")
    return {kind.name: wanted[kind.name] for kind in FILES if kind.name in wanted}, others


def read_files(files: Mapping[str, bytes]) -> dict[str, FileTable]:
    """Read small files, given as bytes by name, and return their tables in import order. Needs no database."""
    return {kind.name: read_table(kind, files[kind.name]) for kind in FILES if kind.name in files}


def import_tables(session: Session, tables: dict[str, FileTable], now: datetime) -> Report:
    """Import a few rows within the caller's transaction; nothing is written if the report has bad rows.

    Args:
        session: a writing session; the caller commits.
        tables: the tables from `read_files`.
        now: the present instant, for new records.
    """
    report = Report(bad=[bad for table in tables.values() for bad in table.bad])
    broken = {pair for table in tables.values() for pair in table.bad_records}
    dry = Run(session, now, tables, Report(), dry=True, bad_records=broken)
    for name in tables:
        HANDLERS[name](dry)
    moves = combine_moves(check_sums(dry))
    report.bad += dry.report.bad + [BadRow(*place) for *_, place in changes_over_total(session, moves)]
    if report.bad:
        return report
    run = Run(session, now, tables, report)
    for name in tables:
        HANDLERS[name](run)
    refresh(run)
    # The rows were written with SQL: objects that the session holds are outdated.
    session.expire_all()
    report.kept = True
    return report


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    # A batch is about 100,000 objects that stay in use until it is written and form no cycles: looking for cycles every few hundred
    # objects takes a fifth of the time of a large import.
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _exclusive_folder() -> Iterator[Path]:
    """Hold the lock that excludes other imports, and yield the folder for working files."""
    with locks.importing(database.engine()):
        yield get_settings().data_dir / "import"


def finish_killed_import(
    invite: Invite | None = None, report: Callable[[str], None] = print, progress: Progress = _ignore_progress
) -> None:
    """Finish an import that was killed halfway, if there is one.

    Args:
        invite: as for `run_import`; needed if the killed import was to invite people.
        report: called with each line of the report.
        progress: called with the progress.

    Raises:
        DatabaseInUse: if an import is unfinished and another process holds the import lock.
        DatabaseChanged: if the database has changed in a way that the import cannot be finished.
    """
    with database.read_session() as session:
        if unfinished(session) is None:
            return
    with _exclusive_folder() as folder:
        _finish(folder, invite, report, progress)


def _finish(folder: Path, invite: Invite | None, report: Callable[[str], None], progress: Progress) -> None:
    with database.read_session() as session:
        found = unfinished(session)
    if found is None:
        return
    name, done = found
    if not (folder / name).is_file():
        report("An import was interrupted and its working file is missing: documents may be missing until its files are imported again.")
        with database.write_session() as session:
            forget(session)
        return
    report("Finishing an interrupted import.")
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
        DatabaseInUse: if another import is running.
        DatabaseChanged: if the database changed since the check, so that not everything could be written.
        ValueError: if `notify` is set without `invite`.
    """
    registry.install()
    chosen = options or Options()
    if chosen.notify and invite is None:
        raise ValueError("notify needs a way to invite")
    sources, others = find_files(path)
    reject_paths = _reject_paths(path, list(sources), chosen)
    with _exclusive_folder() as folder, _rare_garbage_collection():
        if not chosen.dry:
            _finish(folder, invite, report, chosen.progress)
            for leftover in folder.glob("*.staged"):
                leftover.unlink()
        staging = Staging(folder / f"{secrets.token_hex(6)}.staged")
        try:
            outcome = _run(staging, sources, reject_paths, now, invite, chosen)
        except BaseException:
            with database.read_session() as session:
                started = unfinished(session)
            # An import that is partly in the database needs its working file to be finished.
            staging.close() if started and started[0] == staging.path.name else staging.remove()
            raise
    outcome.ignored_files = others
    for line in outcome.lines():
        report(line)
    return outcome


def _reject_paths(path: Path, names: list[str], options: Options) -> dict[str, Path]:
    try:
        return rejects.reject_paths(options.keep_good, names, one=not path.is_dir()) if options.keep_good else {}
    except rejects.CannotKeep as error:
        raise ImportRefused(str(error)) from error


def _run(
    staging: Staging, sources: dict[str, Path], reject_paths: dict[str, Path], now: datetime, invite: Invite | None, options: Options
) -> Report:
    for name, path in sources.items():
        size = max(path.stat().st_size, 1)
        with path.open("rb") as file:
            for _ in staging.load(BY_NAME[name], file, options.spelling):
                options.progress(f"Reading {name}", min(file.tell(), size), size)
    staging.note("now", now.isoformat())
    staging.note("notify", options.notify)
    batches = staging.plan_batches(options.batch_rows)
    complete = all(table.complete for table in staging.tables.values())
    keep_good = options.keep_good is not None and complete
    dry_report = validate(staging, now, options.progress, keep_good)
    bad, count = staging.faults(MAX_FAULTS)
    bad_rows = staging.bad_rows()
    finish_report = partial(_complete_report, staging, bad, count, bad_rows)
    if options.dry or (bad and not keep_good):
        dry_report.dry = options.dry
        staging.remove()
        return finish_report(dry_report)
    written = rejects.write(staging, sources, reject_paths) if bad else {}
    reject_counts = {name: sum(1 for _ in staging.rejected_rows(name)) for name in written}
    outcome = merge(staging, invite if options.notify else None, options.progress) if batches else _empty_report(staging)
    outcome.left_out = {name: (reject_counts[name], path) for name, path in written.items()}
    return finish_report(outcome)


def _empty_report(staging: Staging) -> Report:
    staging.remove()
    return Report(kept=True)


def _complete_report(staging: Staging, bad: list[BadRow], count: int, bad_rows: dict[str, int], report: Report) -> Report:
    """Complete a report with what was read and what is bad."""
    order_files(report, list(staging.tables), {name: _ignored(table) for name, table in staging.tables.items()})
    report.bad, report.faults, report.bad_rows = bad, count, bad_rows
    report.hints = {name: table.hints for name, table in staging.tables.items()}
    report.forms = {name: table.form.summary for name, table in staging.tables.items() if table.form.summary}
    return report


def _ignored(table: FileTable) -> tuple[str, ...]:
    return tuple(name for name in table.ignored if name != rejects.PROBLEM)
