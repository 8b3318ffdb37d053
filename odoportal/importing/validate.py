"""The check of an import: every batch of the working file is tried against the database, without writing to it."""

from collections.abc import Callable
from datetime import datetime

from odoportal.core import database
from odoportal.importing.checks import check_sums, overdrawn
from odoportal.importing.file_order import BY_NAME
from odoportal.importing.handlers import TAKERS
from odoportal.importing.report import BadRow, Report
from odoportal.importing.run import Run
from odoportal.importing.staging import Staging

# Called with the name of the step, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def validate(staging: Staging, now: datetime, progress: Progress, keep_good: bool = False) -> Report:
    """Check an import: that its references exist and belong to the same account, and that every sum adds up.

    Args:
        staging: the loaded and arranged working file; bad rows are recorded in it.
        now: the present instant.
        progress: called with the progress.
        keep_good: leave out bad units and their dependents until the rest is good by itself; otherwise one bad row refuses the whole
            import.

    Returns:
        The report: what would be new, changed and unchanged.
    """
    broken = {pair for table in staging.tables.values() for pair in table.broken}
    if keep_good:
        broken.update(staging.spoil())
    while True:
        report = _pass(staging, now, progress, broken)
        left_out = staging.spoil()
        # A unit that was left out may be needed elsewhere, or may have made room for another payment: check the rest again as a whole.
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
    """Return the kinds of records in a file that rows of other files refer to."""
    return {"order", "invoice", "credit_note"} if name == "taxes.csv" else {kind for _, kind in BY_NAME[name].brings}
