"""Mutation tests: `python -m tests.mutations [WORD…]` removes each guard once, and a test must fail.

First the same tests run with every guard in place, and must pass. Then one row per guard is printed: the test that failed, or SURVIVED.
Exits with 1 if a guard survived or could not be judged. With words, only the guards whose names contain one of them are removed.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from odoportal.frontend import builder
from tests.mutations.hook.sitecustomize import MUTATION
from tests.mutations.mutants import MUTANTS, Mutant

HOOK = Path(__file__).with_name("hook")
_FAILED = re.compile(r"^FAILED (\S+)", re.M)
PASSED, TESTS_FAILED = 0, 1


def run(tests: list[str], mutant: Mutant | None, database: str) -> tuple[int, str]:
    """Run tests on a kind of database with one guard removed, or with none, and return pytest's exit code and output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_")}
    if mutant:
        kept[MUTATION] = json.dumps({"module": mutant.module, "old": mutant.old, "new": mutant.new})
        kept["PYTHONPATH"] = os.pathsep.join([str(HOOK), *filter(None, [kept.get("PYTHONPATH")])])
    options = ["-q", "--tb=no", "-p", "no:cacheprovider", "--database", database, *(["-x"] if mutant else [])]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    ran = subprocess.run(command, cwd=builder.root(), env=kept, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return ran.returncode, ran.stdout + ran.stderr


def judge(code: int, output: str) -> tuple[bool, str]:
    """Return whether a test noticed the missing guard, and which one; a test that could not start has noticed nothing."""
    if code == PASSED:
        return False, "SURVIVED"
    found = _FAILED.search(output)
    if code == TESTS_FAILED and found:
        return True, found[1].removeprefix("tests/")
    return False, f"could not be judged: {(output.strip().splitlines() or ['nothing was said'])[-1]}"


def main(words: list[str]) -> int:
    """Run everything, and return 0 if each missing guard was noticed, else 1."""
    console = Console()
    builder.build(builder.root(), Console(stderr=True))
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.guard for word in words)]
    console.print(f"{len(chosen)} guards; first, with all of them in place:")
    for database in sorted({mutant.database for mutant in chosen}):
        code, output = run(sorted({test for mutant in chosen if mutant.database == database for test in mutant.tests}), None, database)
        if code != PASSED:
            console.print(output)
            return 1
    table, missed = Table("guard taken out", "module", "noticed by"), 0
    for mutant in chosen:
        noticed, by = judge(*run(list(mutant.tests), mutant, mutant.database))
        missed += noticed
        # The names of tests may look like Rich markup.
        table.add_row(mutant.guard, mutant.module.removeprefix("odoportal."), escape(by))
        console.print(f"  {mutant.guard}: {by}", soft_wrap=True, markup=False)
    console.print(table)
    console.print(f"{missed} of {len(chosen)} were noticed.")
    return 0 if missed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
