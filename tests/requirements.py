"""A table of the requirements and attacks that tests cover, printed at the end of a full run. One without a test fails the run.

`tests/attack/requirements.toml` lists both: those a test must cover, and those that do not apply or do not exist yet, with the reason.

With pytest-xdist each worker runs a part of the tests: the numbers are sent with the reports, and the controlling process evaluates them.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

LIST = Path(__file__).parent / "attack" / "requirements.toml"
KINDS = {"asvs": "OWASP ASVS 5.0", "case": "attacks and faults"}
_NAMED = 2


def listed() -> dict[str, Any]:
    """Read the list: by kind, the numbers that are `shown` and `never`; and the features that are `absent`, by name."""
    return tomllib.loads(LIST.read_text("utf-8"))


def reasons(found: dict[str, Any], kind: str) -> dict[str, str]:
    """Return, by number, the reason why no test covers it."""
    waiting = {
        number: f"does not exist yet: {name} ({about['why']})" for name, about in found["absent"].items() for number in about.get(kind, ())
    }
    return {number: f"does not apply: {why}" for number, why in found[kind]["never"].items()} | waiting


def mistakes(found: dict[str, Any], carried: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return an error message for each test whose number is not among those to cover.

    Args:
        found: the list.
        carried: triples of test, kind and number.
    """
    said = []
    for test, kind, number in dict.fromkeys((test.partition("[")[0], *what) for test, *what in carried):
        if number not in found[kind]["shown"]:
            why = reasons(found, kind).get(number, "it is not there at all")
            said.append(f"{test} shows {kind} {number}, which is not among `{kind}.shown`: {why}. Move it there.")
    return said


def _whole(config: pytest.Config) -> bool:
    """Return whether this is a full run: no path, no selection of tests, and not PostgreSQL, which skips the tests about SQLite."""
    if hasattr(config, "workerinput"):
        return False
    option = config.option
    chosen = (option.keyword, option.markexpr, option.deselect, option.ignore, option.ignore_glob, config.getoption("lf", False))
    if config.getoption("database") != "sqlite":
        return False
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)


class Requirements:
    """A pytest plugin that reads the tests' markers and prints at the end what they cover."""

    def __init__(self, config: pytest.Config) -> None:
        self.list = listed()
        self.whole = _whole(config)
        self.only_collected: bool = config.option.collectonly
        self.marked: dict[str, dict[str, list[str]]] = {kind: defaultdict(list) for kind in KINDS}
        self.passed: set[str] = set()
        self.collected = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Collect the numbers of the tests' markers.

        Raises:
            pytest.UsageError: when a number is not among those to cover.
        """
        carried = [
            (item.nodeid, kind, number)
            for item in session.items
            for kind in KINDS
            for marker in item.iter_markers(kind)
            for number in marker.args
        ]
        if wrong := mistakes(self.list, carried):
            raise pytest.UsageError("\n".join([f"tests/attack/{LIST.name}:", *wrong]))
        for item in session.items:
            item.user_properties += [(kind, number) for kind in KINDS for marker in item.iter_markers(kind) for number in marker.args]
        for test, kind, number in carried:
            self._mark(test, kind, number)
        self.collected = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: object) -> None:
        """Note that a worker has collected the tests."""
        self.collected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the tests that passed."""
        for name, value in report.user_properties:
            if name in KINDS:
                self._mark(report.nodeid, name, str(value))
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def _mark(self, test: str, kind: str, number: str) -> None:
        if test not in self.marked[kind][number]:
            self.marked[kind][number].append(test)

    def shown(self, kind: str, number: str) -> list[str]:
        """Return the passed tests of a number (when only collecting: all), without parameters, each once."""
        ran = (node for node in self.marked[kind][number] if self.only_collected or node in self.passed)
        return list(dict.fromkeys(node.partition("[")[0] for node in ran))

    def missing(self) -> list[str]:
        """Return the requirements and attacks that no test has covered."""
        return [f"{kind} {number}" for kind in KINDS for number in self.list[kind]["shown"] if not self.shown(kind, number)]

    @property
    def counts(self) -> bool:
        """Whether this is a full run that collected all tests."""
        return self.whole and self.collected

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a full run that does not cover everything."""
        if self.counts and not session.shouldstop and self.missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if not self.counts:
            return
        for kind, title in KINDS.items():
            terminalreporter.section(f"{title}: shown by")
            for number in self.list[kind]["shown"]:
                tests = self.shown(kind, number)
                named = ", ".join(test.removeprefix("tests/") for test in tests[:_NAMED])
                more = f" and {len(tests) - _NAMED} more" if len(tests) > _NAMED else ""
                terminalreporter.line(f"{number:<8} {named + more if tests else 'NOTHING'}")
            for number, why in reasons(self.list, kind).items():
                terminalreporter.line(f"{number:<8} {why}")
        if missing := self.missing():
            terminalreporter.line(f"Nothing shows {', '.join(missing)}.", red=True)
