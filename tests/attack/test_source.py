"""Rules about the source: nothing may evaluate, render or unpickle a customer's input, and staff have no way around passwords."""

import ast
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sqlmodel import SQLModel

import odoportal
from odoportal import cli
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.signin.models import BrowserSession

PACKAGE = Path(odoportal.__file__).parent
TABLES = (Invitation, BrowserSession)
"""Two models whose rooms import all the others, so that every table is registered."""


def calls(*names: str) -> list[str]:
    """Return where a function with one of these names is called, as `file:line`."""
    return [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file, node in _nodes()
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("reflex.").removeprefix("rx.") in names
    ]


def _nodes() -> Iterator[tuple[Path, ast.AST]]:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            yield file, node


@pytest.mark.asvs("1.3.1")
@pytest.mark.asvs("1.3.5")
@pytest.mark.case("A-82")
def test_no_component_renders_markup_of_a_text() -> None:
    assert list(calls("html", "markdown", "Markdown", "Html", "Markup")) == []


@pytest.mark.asvs("1.3.2")
def test_nothing_is_evaluated_here_or_in_the_browser() -> None:
    assert calls("eval", "exec", "call_script", "run_script", "call_function") == []
    for script in PACKAGE.rglob("*.js"):
        text = script.read_text("utf-8")
        for word in ("eval(", "new Function", "innerHTML =", "outerHTML", "document.write", "insertAdjacentHTML"):
            assert word not in text, script.name


@pytest.mark.asvs("1.5.2")
def test_nothing_is_unpickled() -> None:
    imported = {
        alias.name.partition(".")[0]
        for _, node in _nodes()
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names)
    }
    assert imported.isdisjoint({"pickle", "marshal", "shelve", "dill", "yaml", "jsonpickle"})


@pytest.mark.asvs("6.4.2")
def test_there_are_no_hints_and_no_questions() -> None:
    columns = {f"{table.name}.{column.name}" for table in SQLModel.metadata.sorted_tables for column in table.columns}
    assert "person.password" in columns
    assert [name for name in columns if any(word in name for word in ("hint", "question"))] == []


def _every(command: click.Command) -> Iterator[click.Command]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from _every(inner)


@pytest.mark.asvs("6.4.6")
@pytest.mark.asvs("6.3.4")
def test_staff_choose_nobody_s_password() -> None:
    found = list(_every(cli.commands))
    assert {"invite", "import", "demo"} <= {command.name for command in found}
    for command in found:
        assert not any("password" in (parameter.name or "") for parameter in command.params), command.name
