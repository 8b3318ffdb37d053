"""Rules of the mutation tests: every guard's text is in its module, and only a failed test counts."""

from pathlib import Path

import pytest

from odoportal.frontend import builder
from tests.mutations.__main__ import judge
from tests.mutations.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_a_guard_is_where_it_is_said_to_be(mutant: Mutant) -> None:
    assert mutant.source.count(mutant.old) == 1
    compile(mutant.source.replace(mutant.old, mutant.new), mutant.module, "exec")
    assert all(Path(builder.root(), test).exists() for test in mutant.tests)


@pytest.mark.parametrize(
    ("code", "said", "noticed", "words"),
    [
        (0, "3 passed", False, "SURVIVED"),
        (1, "FAILED tests/attack/test_x.py::test_y[1] - assert 1\n1 failed", True, "attack/test_x.py::test_y[1]"),
        (1, "ERROR tests/attack/test_x.py::test_y - RuntimeError\n1 error", False, "could not be judged: 1 error"),
        (4, "", False, "could not be judged: nothing was said"),
    ],
)
def test_only_a_failed_test_has_noticed(code: int, said: str, noticed: bool, words: str) -> None:
    assert judge(code, said) == (noticed, words)
