"""Docstrings: every name after `Raises:` is an exception that the module can reach."""

import ast
import builtins
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "odoportal"
SECTION = re.compile(r"^Raises:\n((?:    .*(?:\n|$)|\n)+)", re.M)
ENTRY = re.compile(r"    ([A-Za-z_][\w., ]*):(?: |$)")
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts and "Raises:" in path.read_text("utf-8"))


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def _raised(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the name of each function with a section `Raises:`, and each name or faulty line in it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            continue
        section = SECTION.search(ast.get_docstring(node) or "")
        for line in section[1].splitlines() if section else ():
            if line.strip() and not line.startswith("     "):
                entry = ENTRY.match(line)
                for name in re.split(r", | or ", entry[1]) if entry else (line.strip(),):
                    yield getattr(node, "name", "the module"), name


def _reached(module: ModuleType, tree: ast.Module) -> Iterator[Any]:
    """Yield what the names of a module may belong to: Python itself, the module, and the modules of the portal that it imports from."""
    yield from (builtins, module)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("odoportal"):
            yield importlib.import_module(node.module)
            yield from (part for name in node.names if isinstance(part := getattr(module, name.name, None), ModuleType))


def _found(places: list[Any], name: str) -> object:
    """Return what a name stands for in one of the places, or, for a name with dots, in Python's modules; None if nothing."""
    first, *rest = name.split(".")
    found = next((getattr(place, first) for place in places if hasattr(place, first)), None)
    for part in rest:
        found = getattr(found, part, None)
    if found is None and rest:
        *package, last = name.split(".")
        try:
            found = getattr(importlib.import_module(".".join(package)), last, None)
        except ImportError:
            return None
    return found


@pytest.mark.parametrize("path", MODULES, ids=_module)
def test_what_is_said_to_be_raised_exists(path: Path) -> None:
    tree, module = ast.parse(path.read_text("utf-8")), importlib.import_module(_module(path))
    places = list(_reached(module, tree))
    raised = [(function, name, _found(places, name)) for function, name in _raised(tree)]
    assert raised
    unknown = [(function, name) for function, name, found in raised if not (isinstance(found, type) and issubclass(found, BaseException))]
    assert unknown == []
