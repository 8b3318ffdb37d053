"""A large import: how long it takes, and how long another writer waits meanwhile."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from odoportal.core import database
from odoportal.migrations import migrate
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Row
from tests.importing import big

MOST = 100_000
PROGRAM = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from odoportal.core import database
from odoportal.importing.importer import run_import
from odoportal.migrations import at_head
at_head(database.engine())
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
idle, begun = peak(), time.monotonic()
report = run_import(Path(sys.argv[1]), now=datetime(2020, 9, 24, tzinfo=UTC))
assert report.kept
print(json.dumps({"above_idle": peak() - idle, "seconds": time.monotonic() - begun}))
"""


def measure(bench: Bench) -> Iterator[Row]:
    """Import 100,000 invoices with 300,000 lines (fewer if there are fewer rows) while another connection writes every 20 ms."""
    invoices = min(bench.rows, MOST)
    waits: list[float] = []
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        place = Path(name)
        big.write(place / "many", invoices, taxes=False)
        settings = {"ODOPORTAL_MODE": "demo", "ODOPORTAL_DATABASE_URL": f"sqlite:///{place}/portal.db", "ODOPORTAL_DATA_DIR": name}
        migrate(database.make_engine(settings["ODOPORTAL_DATABASE_URL"]))
        other = sqlite3.connect(place / "portal.db", timeout=60, isolation_level=None)
        command = [sys.executable, "-c", PROGRAM, str(place / "many")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **settings}) as importing:
            while importing.poll() is None:
                begun = time.monotonic()
                other.executescript("BEGIN IMMEDIATE; INSERT OR REPLACE INTO deployment VALUES ('neighbour', ''); COMMIT")
                waits.append(time.monotonic() - begun)
                # Leave pauses: real writers are people, not a loop.
                time.sleep(0.02)
            assert importing.stdout
            result = json.loads(importing.stdout.read())
        other.close()
    yield Row(f"import of {invoices:,} invoices", "s", result["seconds"], most=60)
    yield Row("the same: memory above idle", "MiB", result["above_idle"], most=150)
    yield Row("the same: a neighbour's longest wait", "s", max(waits), most=2)
