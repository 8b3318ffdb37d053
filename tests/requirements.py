"""Which requirement and which attack is shown by which test, printed at the end of a whole run; what nothing shows fails it.

`tests/attack/requirements.toml` lists both: what must be shown, and what does not apply or does not exist yet, with the reason.

With pytest-xdist each worker runs a part of the tests: the numbers travel with the reports, and the run that started the workers judges.
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
    """The list: by kind, what is `shown` and what is `never`, by number; and what is `absent`, by its name."""
    return tomllib.loads(LIST.read_text("utf-8"))


def reasons(found: dict[str, Any], kind: str) -> dict[str, str]:
    """Why a number of a kind is not shown, by number."""
    waiting = {
        number: f"does not exist yet: {name} ({about['why']})" for name, about in found["absent"].items() for number in about.get(kind, ())
    }
    return {number: f"does not apply: {why}" for number, why in found[kind]["never"].items()} | waiting


def mistakes(found: dict[str, Any], carried: Iterable[tuple[str, str, str]]) -> list[str]:
    """What is wrong with the numbers that tests carry.

    Args:
        found: the list.
        carried: the test, the kind, the number.
    """
    said = []
    for test, kind, number in dict.fromkeys((test.partition("[")[0], *what) for test, *what in carried):
        if number not in found[kind]["shown"]:
            why = reasons(found, kind).get(number, "it is not there at all")
            said.append(f"{test} shows {kind} {number}, which is not among `{kind}.shown`: {why}. Move it there.")
    return said


def _whole(config: pytest.Config) -> bool:
    """Whether everything was asked for: no path, no choice of tests, and not another database, which leaves out what is about SQLite."""
    if hasattr(config, "workerinput"):
        return False
    option = config.option
    chosen = (option.keyword, option.markexpr, option.deselect, option.ignore, option.ignore_glob, config.getoption("lf", False))
    if config.getoption("database") != "sqlite":
        return False
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)


class Requirements:
    """Reads the markers of the tests, and says at the end what they have shown."""

    def __init__(self, config: pytest.Config) -> None:
        self.list = listed()
        self.whole = _whole(config)
        self.only_collected: bool = config.option.collectonly
        self.marked: dict[str, dict[str, list[str]]] = {kind: defaultdict(list) for kind in KINDS}
        self.passed: set[str] = set()
        self.collected = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the numbers that the tests carry; one that is not to be shown is a mistake."""
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
        """A worker has collected the tests."""
        self.collected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what passed."""
        for name, value in report.user_properties:
            if name in KINDS:
                self._mark(report.nodeid, name, str(value))
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def _mark(self, test: str, kind: str, number: str) -> None:
        if test not in self.marked[kind][number]:
            self.marked[kind][number].append(test)

    def shown(self, kind: str, number: str) -> list[str]:
        """The tests that have shown a number, without their parameters, each once."""
        ran = (node for node in self.marked[kind][number] if self.only_collected or node in self.passed)
        return list(dict.fromkeys(node.partition("[")[0] for node in ran))

    def missing(self) -> list[str]:
        """What nothing has shown."""
        return [f"{kind} {number}" for kind in KINDS for number in self.list[kind]["shown"] if not self.shown(kind, number)]

    @property
    def counts(self) -> bool:
        """Whether this run says anything about the list: all was collected."""
        return self.whole and self.collected

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a whole run that does not show everything."""
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
