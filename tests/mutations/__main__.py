"""Does the suite notice? `python -m tests.mutations [WORD…]`: each guard is taken out once, and a test must fail.

First the same tests run with every guard in place, and must pass. Then a row for each guard: the test that noticed, or SURVIVED.
Exits 1 where one survived or could not be judged. With words, only the guards that hold one of them.
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


def run(tests: list[str], mutant: Mutant | None) -> tuple[int, str]:
    """The tests' exit code and what they said, with a guard taken out or none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_")}
    if mutant:
        kept[MUTATION] = json.dumps({"module": mutant.module, "old": mutant.old, "new": mutant.new})
        kept["PYTHONPATH"] = os.pathsep.join([str(HOOK), *filter(None, [kept.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", *(["-x"] if mutant else []), *tests]
    ran = subprocess.run(command, cwd=builder.root(), env=kept, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return ran.returncode, ran.stdout + ran.stderr


def judge(code: int, said: str) -> tuple[bool, str]:
    """Whether the guard was missed, and by which test. A test that could not begin has noticed nothing."""
    if code == PASSED:
        return False, "SURVIVED"
    found = _FAILED.search(said)
    if code == TESTS_FAILED and found:
        return True, found[1].removeprefix("tests/")
    return False, f"could not be judged: {(said.strip().splitlines() or ['nothing was said'])[-1]}"


def main(words: list[str]) -> int:
    """Run everything; 0 when every guard was missed."""
    console = Console()
    builder.build(builder.root(), Console(stderr=True))
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.guard for word in words)]
    console.print(f"{len(chosen)} guards; first, with all of them in place:")
    code, said = run(sorted({test for mutant in chosen for test in mutant.tests}), None)
    if code != PASSED:
        console.print(said)
        return 1
    table, missed = Table("guard taken out", "module", "noticed by"), 0
    for mutant in chosen:
        noticed, by = judge(*run(list(mutant.tests), mutant))
        missed += noticed
        # What a test is called may look like markup.
        table.add_row(mutant.guard, mutant.module.removeprefix("odoportal."), escape(by))
        console.print(f"  {mutant.guard}: {by}", soft_wrap=True, markup=False)
    console.print(table)
    console.print(f"{missed} of {len(chosen)} were noticed.")
    return 0 if missed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
