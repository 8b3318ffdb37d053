"""`odoportal import`: Odotrack's own files into the database, all of a run or nothing of it.

First every row is read into a working file and checked there (`validate`), while the database is only read; then the rows that were
found good are written (`merge`, which says what holds when it is killed).
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
"""How many more objects there are than at the last look when the garbage collector looks for circles."""


class ImportRefused(Exception):
    """Nothing can be imported; the text is one sentence for the operator."""


def _quietly(_what: str, _done: int, _of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Options:
    """How to import.

    `spelling` is what is declared about the files. `dry` finds out and writes nothing. `keep_good` names the file or folder for
    bad rows, and has the good ones kept. `notify` invites each new person. `progress` is told how far it is; `batch_rows` is how
    many rows one transaction takes.
    """

    spelling: Spelling = field(default_factory=Spelling)
    dry: bool = False
    keep_good: Path | None = None
    notify: bool = False
    progress: Progress = _quietly
    batch_rows: int = BATCH_ROWS


def find_files(path: Path) -> tuple[dict[str, Path], list[str]]:
    """The files of an import by name, and the names of other CSV files in the folder.

    Raises:
        ImportRefused: when the path is not there, cannot be read, or holds no file of an import.
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
    """The rows of small files, given as bytes by name, in the order in which they are taken. Needs no database."""
    return {kind.name: read_table(kind, files[kind.name]) for kind in FILES if kind.name in files}


def import_tables(session: Session, tables: dict[str, Table], now: datetime) -> Report:
    """Take a few rows into the database, within the caller's transaction; nothing is written when the report has bad rows.

    Args:
        session: a writing session; the caller commits.
        tables: what `read_files` made.
        now: the present instant, for what is made new.
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
    # The session may hold objects that were written past it.
    session.expire_all()
    report.kept = True
    return report


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    # A batch is some 100,000 objects, all of which are needed until it is in and none of which refer to each other: looking for circles
    # among them every few hundred objects is a fifth of the time of a large import.
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _alone() -> Iterator[Path]:
    """The folder for working files, with no other import at work."""
    with locks.importing(database.engine()):
        yield get_settings().data_dir / "import"


def finish(invite: Invite | None = None, report: Callable[[str], None] = print, progress: Progress = _quietly) -> None:
    """Finish an import that was killed halfway, if there is one; nothing happens while an import is at work.

    Args:
        invite: as for `run_import`, needed where the killed import was to invite people.
        report: told what is done, a line at a time.
        progress: told how far it is.

    Raises:
        InUse: when another import is at work.
        Overtaken: when the database has changed so that it cannot be finished.
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
    """Import a folder or one file: all of it, or nothing when any row is bad, unless the good ones are asked for.

    Args:
        path: a folder with files of an import, or one of them.
        now: the present instant, for what is made new.
        invite: invites a person (session, person's id, account's id) within the same transaction.
        report: gets the report, a line at a time.
        options: how to import.

    Raises:
        ImportRefused: when there is nothing to import at the path, or bad rows cannot be written where they should.
        InUse: when another import is at work.
        Overtaken: when the database changed meanwhile, so that not all could be written.
        ValueError: when asked to notify without a way to invite.
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
            # What is in the database in part needs its working file to be finished.
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
    """A report with what was read and what is bad."""
    in_order(report, list(staging.tables), {name: _ignored(table) for name, table in staging.tables.items()})
    report.bad, report.faults, report.bad_rows = bad, count, bad_rows
    report.forms = {name: table.form.told for name, table in staging.tables.items() if table.form.told}
    return report


def _ignored(table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.ignored if name != rejects.PROBLEM)
