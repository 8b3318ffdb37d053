"""Is an import good? Every batch of the working file is tried against the database, and nothing is written there."""

from collections.abc import Callable
from datetime import datetime

from odoportal.core import database
from odoportal.importing.checks import check_sums, overdrawn
from odoportal.importing.file_order import BY_NAME
from odoportal.importing.handlers import TAKERS
from odoportal.importing.report import BadRow, Report
from odoportal.importing.run import Run
from odoportal.importing.staging import Staging

# What is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]


def validate(staging: Staging, now: datetime, progress: Progress, keep_good: bool = False) -> Report:
    """Check all that an import brings: what it refers to, whose it is, and that every sum adds up.

    Args:
        staging: the loaded and arranged working file; bad rows are taken down in it.
        now: the present instant.
        progress: told how far it is.
        keep_good: leave bad units out, and what depends on them, until the rest is good by itself; otherwise one bad row is
            enough to refuse all.

    Returns:
        What would be new, changed and the same.
    """
    broken = {pair for table in staging.tables.values() for pair in table.broken}
    if keep_good:
        broken.update(staging.spoil())
    while True:
        report = _pass(staging, now, progress, broken)
        left_out = staging.spoil()
        # What was left out may have been needed elsewhere, or have made room: the rest is checked again as a whole.
        if not (keep_good and left_out):
            return report
        broken.update(left_out)
        staging.forget_moves()


def _pass(staging: Staging, now: datetime, progress: Progress, broken: set[tuple[str, str]]) -> Report:
    report, batches = Report(), int(staging.noted("batches"))
    unread = {kind for table in staging.tables.values() if not table.whole for kind in _kinds_of(table.kind.name)}
    for number in range(batches):
        progress("Checking", number, batches)
        tables = staging.batch(number)
        with database.reading() as session:
            run = Run(session, now, tables, report, dry=True, promises=staging, broken=broken, unread=unread)
            for name in tables:
                TAKERS[name](run)
            moves = check_sums(run)
        staging.add_moves(moves, run.counted)
        staging.take_down(report.bad)
        staging.take_down(run.dependent, own=False)
        report.bad.clear()
    refused: list[tuple[str, int]] = []
    for changed in staging.standings():
        with database.reading() as session:
            for invoice, number, what, place in overdrawn(session, changed):
                if "invoice" not in unread and ("invoice", number) not in broken:
                    staging.take_down([BadRow(*place)])
                    refused.append(place[:2])
                    movers = staging.movers(invoice, what)
                    staging.take_down((BadRow(file, line, "", place[-1]) for file, line in movers), own=False)
    for file, line in refused:
        report.uncount(file, staging.uncount(file, line))
    progress("Checking", batches, batches)
    return report


def _kinds_of(name: str) -> set[str]:
    """What a file brings that rows of other files refer to."""
    return {"order", "invoice", "credit_note"} if name == "taxes.csv" else {kind for _, kind in BY_NAME[name].brings}
