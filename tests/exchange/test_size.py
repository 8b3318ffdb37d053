"""An import of many rows: flat memory, and no other writer waits for long.

The test takes 5,000 invoices. The bar is 100,000 with 300,000 lines in a minute: `ODOPORTAL_TEST_INVOICES=100000 pytest -s` on this file,
which prints the numbers.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.exchange import big

INVOICES = int(os.environ.get("ODOPORTAL_TEST_INVOICES", "5000"))
BAR = 100_000
PROGRAM = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from odoportal.exchange.importer import run_import
from odoportal.foundation import database
from odoportal.migrations import at_head
at_head(database.engine())
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
idle, begun = peak(), time.monotonic()
report = run_import(Path(sys.argv[1]), now=datetime(2020, 9, 24, tzinfo=UTC))
print(json.dumps({"kept": report.kept, "above_idle_mib": round(peak() - idle), "seconds": round(time.monotonic() - begun, 1)}))
"""


@pytest.mark.sqlite("its one writer at a time")
def test_memory_stays_flat_and_nobody_waits_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    big.write(tmp_path / "many", INVOICES, taxes=False)
    waits: list[float] = []
    other = sqlite3.connect(tmp_path / "portal.db", timeout=5, isolation_level=None)
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "many")], stdout=subprocess.PIPE) as importing:
        while importing.poll() is None:
            begun = time.monotonic()
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT OR REPLACE INTO deployment VALUES ('neighbour', '')")
            other.execute("COMMIT")
            waits.append(time.monotonic() - begun)
            # Other writers are people, not a loop.
            time.sleep(0.02)
        assert importing.stdout
        told = json.loads(importing.stdout.read())
    found = other.execute("SELECT (SELECT count(*) FROM invoice), (SELECT count(*) FROM invoice_line)").fetchone()
    other.close()
    with capsys.disabled():
        if INVOICES >= BAR:
            print(f"\n{INVOICES} invoices: {told}, longest wait {max(waits):.2f} s of {len(waits)}")
    assert (told["kept"], found) == (True, (INVOICES, 3 * INVOICES))
    assert told["above_idle_mib"] <= 150
    assert max(waits) <= 2
    assert INVOICES < BAR or told["seconds"] <= 60
