"""The list of requirements: each number is on it once, and what it calls absent does not exist."""

from collections import Counter
from typing import Any

import pytest

from odoportal.odoportal import PAGES
from odoportal.pages.state import SessionState
from tests import requirements


def test_every_number_is_on_the_list_once() -> None:
    found = requirements.listed()
    for kind in requirements.KINDS:
        waiting = [number for about in found["absent"].values() for number in about.get(kind, ())]
        numbers = Counter([*found[kind]["shown"], *found[kind]["never"], *waiting])
        assert [number for number, times in numbers.items() if times > 1] == []


def test_what_is_said_to_be_absent_is_absent() -> None:
    loaded = {page.path: page.load for page in PAGES}
    for name, about in requirements.listed()["absent"].items():
        if "page" in about:
            # A placeholder page loads nothing but the session state.
            assert loaded[about["page"]] == SessionState.load, (
                f"{about['page']} is built: move what waits for {name} in requirements.toml to `shown`, with the tests that show it"
            )


@pytest.mark.parametrize(
    ("number", "words"), [("6.3.3", "does not exist yet: a second factor"), ("15.1.1", "does not apply"), ("99.9.9", "not there at all")]
)
def test_a_test_that_carries_what_is_not_to_be_shown_is_a_mistake(number: str, words: str) -> None:
    found = {
        "asvs": {"shown": {"7.4.1": ""}, "never": {"15.1.1": "why"}},
        "absent": {"a second factor": {"why": "why", "asvs": ["6.3.3"]}},
    }
    assert requirements.mistakes(found, [("a test", "asvs", "7.4.1")]) == []
    (mistake,) = requirements.mistakes(found, [("a test", "asvs", number)])
    assert words in mistake


class _Option:
    keyword = markexpr = ""
    deselect = ignore = ignore_glob = None
    collectonly = False


class _Config:
    """A pytest configuration that looks like a whole run on SQLite."""

    option = _Option()
    args_source = pytest.Config.ArgsSource.TESTPATHS

    def getoption(self, name: str, default: object = None) -> object:
        return "sqlite" if name == "database" else default


def test_a_run_in_several_workers_counts_what_they_report() -> None:
    whole: Any = _Config()
    judge = requirements.Requirements(whole)
    assert not judge.counts, "nothing was collected yet"
    judge.pytest_xdist_node_collection_finished(None, [])
    assert judge.counts
    for node, outcome, number in (("tests/a.py::one", "passed", "7.4.1"), ("tests/a.py::two", "failed", "7.4.2")):
        report = pytest.TestReport(node, ("tests/a.py", 1, node), {}, outcome, None, "call", user_properties=[("asvs", number)])  # type: ignore[arg-type]
        judge.pytest_runtest_logreport(report)
    assert judge.shown("asvs", "7.4.1") == ["tests/a.py::one"]
    assert judge.shown("asvs", "7.4.2") == []
    whole.workerinput = {}
    assert not requirements.Requirements(whole).whole, "a worker has only a part"
