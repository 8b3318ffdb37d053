"""The check of an import: every batch of the working file is tried against the database, without writing to it."""

from collections.abc import Callable
from datetime import datetime

from odoportal.core import database
from odoportal.importing.checks import changes_over_total, check_sums
from odoportal.importing.file_order import BY_NAME
from odoportal.importing.handlers import HANDLERS
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
    bad_records = {pair for table in staging.tables.values() for pair in table.bad_records}
    if keep_good:
        bad_records.update(staging.exclude_bad_units())
    while True:
        report = _check_once(staging, now, progress, bad_records)
        left_out = staging.exclude_bad_units()
        # A unit that was left out may be needed elsewhere, or may have made room for another payment: check the rest again as a whole.
        if not (keep_good and left_out):
            return report
        bad_records.update(left_out)
        staging.clear_moves()


def _check_once(staging: Staging, now: datetime, progress: Progress, bad_records: set[tuple[str, str]]) -> Report:
    report, batches = Report(), int(staging.noted("batches"))
    unread = {kind for table in staging.tables.values() if not table.complete for kind in _kinds_in(table.kind.name)}
    for number in range(batches):
        progress("Checking", number, batches)
        tables = staging.batch(number)
        with database.read_session() as session:
            run = Run(session, now, tables, report, dry=True, pending=staging, bad_records=bad_records, unread=unread)
            for name in tables:
                HANDLERS[name](run)
            moves = check_sums(run)
        staging.add_moves(moves, run.counted)
        staging.record_faults(report.bad)
        staging.record_faults(run.dependent, own=False)
        report.bad.clear()
    refused: list[tuple[str, int]] = []
    for changed in staging.combined_moves():
        with database.read_session() as session:
            for invoice, number, what, place in changes_over_total(session, changed):
                if "invoice" not in unread and ("invoice", number) not in bad_records:
                    staging.record_faults([BadRow(*place)])
                    refused.append(place[:2])
                    rows = staging.contributing_rows(invoice, what)
                    staging.record_faults((BadRow(file, line, "", place[-1]) for file, line in rows), own=False)
    for file, line in refused:
        report.uncount(file, staging.pop_count(file, line))
    progress("Checking", batches, batches)
    return report


def _kinds_in(name: str) -> set[str]:
    """Return the kinds of records in a file that rows of other files refer to."""
    return {"order", "invoice", "credit_note"} if name == "taxes.csv" else {kind for _, kind in BY_NAME[name].brings}
