"""An import of many rows uses a constant amount of memory, writes in batches, and leaves the database free between them.

Its duration, and how long another writer waits, are measured by `python -m tests.benchmarks importing`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import Session

from odoportal.core import database
from odoportal.importing.staging import BATCH_ROWS
from tests.importing import big

INVOICES = 5_000
ROWS = 4 * INVOICES
PROGRAM = """
import json, resource, sqlite3, sys
from datetime import UTC, datetime
from pathlib import Path
from sqlalchemy import event
from odoportal.importing import merge
from odoportal.importing.importer import run_import
from odoportal.core import database
from odoportal.migrations import at_head
engine, file = database.engine(), sys.argv[2]
at_head(engine)
written, between = [0], []
def count(_connection, cursor, statement, *_rest):
    if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
        written[-1] += max(cursor.rowcount, 0)
event.listen(engine, "after_cursor_execute", count)
event.listen(engine, "commit", lambda _connection: written.append(0))
def pause(_seconds):
    # Without waiting: it fails where the import holds the database.
    other = sqlite3.connect(file, timeout=0, isolation_level=None)
    other.executescript("BEGIN IMMEDIATE; INSERT OR REPLACE INTO deployment VALUES ('neighbour', ''); COMMIT")
    other.close()
    between.append(len(written))
merge.time.sleep = pause
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
idle = peak()
report = run_import(Path(sys.argv[1]), now=datetime(2020, 9, 24, tzinfo=UTC))
print(json.dumps({"kept": report.kept, "written": written, "between": between, "above_idle_mib": round(peak() - idle)}))
"""


@pytest.mark.sqlite("its one writer at a time")
def test_memory_stays_flat_and_the_database_is_free_between_the_parts(tmp_path: Path) -> None:
    big.write(tmp_path / "many", INVOICES, taxes=False)
    told = json.loads(subprocess.check_output([sys.executable, "-c", PROGRAM, str(tmp_path / "many"), str(tmp_path / "portal.db")]))
    with Session(database.engine()) as session:
        found = [session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() for table in ("invoice", "invoice_line")]
    assert (told["kept"], found) == (True, [INVOICES, 3 * INVOICES])
    assert sum(told["written"]) >= ROWS
    # A document is never split between batches, and each batch also writes the progress.
    assert max(told["written"]) <= 1.01 * BATCH_ROWS
    assert len(told["between"]) >= ROWS // BATCH_ROWS
    assert told["above_idle_mib"] <= 150
