"""Benchmarks of the portal, as one table: `python -m tests.benchmarks [PART…] [--rows N] [--runs N] [--quick]`.

Each part is a module in this package with a function `measure(bench)` that yields rows. The first line of the module's docstring is the
part's heading in the table. The rows and the programs that parts install (never into this environment) stay in `.benchmarks/`, so that
a second run is quicker.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

from odoportal.rooms import registry
from tests.benchmarks import report
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Row

PARTS = ("sql", "browser", "weight", "lighthouse", "sessions", "server", "importing")
FOLDER = Path(__file__).resolve().parents[2] / ".benchmarks"
ROWS, QUICK_ROWS = 1_000_000, 50_000
RUNS = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure the portal.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which of {', '.join(PARTS)}; all without one")
    parser.add_argument("--rows", type=int, help=f"invoices in the database; {ROWS}")
    parser.add_argument("--runs", type=int, help=f"how often each thing is timed; {RUNS}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS} invoices, each thing timed once")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    arguments.rows = arguments.rows or (QUICK_ROWS if arguments.quick else ROWS)
    arguments.runs = arguments.runs or (1 if arguments.quick else RUNS)
    return arguments


def main() -> int:
    """Measure, print the table and keep it; return 1 if a bar was missed, else 0."""
    arguments = _arguments()
    FOLDER.mkdir(exist_ok=True)
    registry.install()
    bench = Bench(FOLDER, arguments.rows, arguments.runs)
    measured: list[tuple[str, list[Row]]] = []
    with bench.stack:
        for name in arguments.parts or PARTS:
            part = import_module(f"tests.benchmarks.{name}")
            heading = (part.__doc__ or name).splitlines()[0].rstrip(".")
            sys.stderr.write(f"== {name}: {heading}\n")
            rows: list[Row] = []
            for row in part.measure(bench):
                rows.append(row)
                sys.stderr.write("   " + "  ".join(cell for cell in row.cells() if cell) + "\n")
            measured.append((heading, rows))
    text = report.table(measured, f"{arguments.rows:,} invoices, {arguments.runs} runs each, median")
    report.write(text, FOLDER / "table.md")
    sys.stdout.write(text)
    return 1 if any(row.met is False for _, rows in measured for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
