"""The second half of an import: the good rows are written to the database, batch by batch.

The guarantee: **all or nothing, and every document is complete at every moment.** An import that fits into one batch is one transaction.
A larger one is not, because such a long transaction would keep every other writer waiting. Instead, the working file with all good rows
is on the disk before the first batch, and the database names it (`Deployment`). Each batch also stores the progress, in the batch's own
transaction. So an import that was killed

- before the first batch has left nothing;
- after it is finished by the next `odoportal import` or `odoportal run`, from the batch where it stopped: no batch is skipped and
  none is written twice. Until then, the documents that were written are complete, with lines and taxes, and the others are missing.
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from odoportal.core import database
from odoportal.core.deployment import Deployment
from odoportal.importing.handlers import HANDLERS
from odoportal.importing.recompute import refresh
from odoportal.importing.report import Counts, Report
from odoportal.importing.run import Run
from odoportal.importing.staging import Staging
from odoportal.importing.validate import Progress

# Called with the session, the id of the new person, and the id of the account that first named the person.
Invite = Callable[[Session, int, int], None]
UNFINISHED_IMPORT = "unfinished import"
# Waiting writers of SQLite retry every 100 ms: a shorter pause could miss them.
PAUSE_SECONDS = 0.12


class DatabaseChanged(Exception):
    """The database changed between the check and the merge; the message is one sentence for the operator."""


def merge(staging: Staging, invite: Invite | None, progress: Progress, done: int = 0) -> Report:
    """Write the rows of the working file to the database, and delete the working file.

    Args:
        staging: the working file, checked by `validate`, with the instant of the import noted in it.
        invite: called for each new person within the person's own transaction; None to send no invitations.
        progress: called with the progress.
        done: the number of batches that are written already.

    Raises:
        DatabaseChanged: if something that the import refers to changed since it was checked.
    """
    report, batches = Report(), int(staging.noted("batches"))
    now = datetime.fromisoformat(staging.noted("now"))
    if batches > 1 and not done:
        staging.flush()
        with database.write_session() as session:
            session.merge(Deployment(name=UNFINISHED_IMPORT, value=_mark_value(staging.path, 0)))
    pause = PAUSE_SECONDS if database.engine().dialect.name == "sqlite" else 0.0
    for number in range(done, batches):
        progress("Writing", number, batches)
        committed_at = time.monotonic()
        tables = staging.batch(number)
        if number > done:
            time.sleep(max(pause - (time.monotonic() - committed_at), 0))
        with database.write_session() as session:
            run = Run(session, now, tables, report, pending=staging)
            for name in tables:
                HANDLERS[name](run)
            if report.bad or run.dependent:
                _abort(session, report, number, batches)
            refresh(run)
            if invite:
                for person_id, account_id in run.new_people.items():
                    invite(session, person_id, account_id)
                report.invited += len(run.new_people)
            _advance(session, staging.path, number + 1, batches)
    progress("Writing", batches, batches)
    staging.remove()
    report.kept = True
    return report


def _mark_value(path: Path, done: int) -> str:
    return f"{path.name} {done}"


def _advance(session: Session, path: Path, done: int, batches: int) -> None:
    mark = session.get(Deployment, UNFINISHED_IMPORT)
    if done == batches:
        if mark:
            session.delete(mark)
    elif mark:
        mark.value = _mark_value(path, done)


def _abort(session: Session, report: Report, number: int, batches: int) -> None:
    session.rollback()
    with database.write_session() as other:
        if mark := other.get(Deployment, UNFINISHED_IMPORT):
            other.delete(mark)
    why = f" ({report.bad[0]})" if report.bad else ""
    raise DatabaseChanged(
        f"The database changed while it was imported into{why}: {number} of {batches} parts are kept, each with whole documents; "
        "import the same files again."
    )


def unfinished(session: Session) -> tuple[str, int] | None:
    """Return the name of the working file of a killed import and the number of batches written; None if there is none."""
    mark = session.get(Deployment, UNFINISHED_IMPORT)
    if mark is None:
        return None
    name, _, done = mark.value.partition(" ")
    return name, int(done)


def forget(session: Session) -> None:
    """Forget a killed import whose working file is gone."""
    if mark := session.get(Deployment, UNFINISHED_IMPORT):
        session.delete(mark)


def order_files(report: Report, names: list[str], ignored: dict[str, tuple[str, ...]]) -> None:
    """Give a report one entry for each file read, in import order, with the columns that were ignored."""
    report.files = {name: report.files.get(name, Counts()) for name in names}
    for name, counts in report.files.items():
        counts.ignored = ignored.get(name, ())
