"""Rules know no screen: they raise errors of their own, and the rooms' forms and views find the words."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RULES = sorted([*(ROOT / "odoportal").rglob("service.py"), ROOT / "odoportal/rooms/notifications/copies.py"])
SCREENS = ("odoportal.forms", "odoportal.ui", "odoportal.pages")
ROOMS = "odoportal.pages.room"
"""The declarations of the rooms, which a change of people asks to revoke what a person set up."""
TEXTS = {"t", "tn"}


def imported(source: str) -> set[str]:
    """Return the full names that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def screens(source: str) -> set[str]:
    """Return what a module imports of screens: forms, pages, components and texts."""
    names = {name for name in imported(source) if name.startswith(SCREENS) and not name.startswith(ROOMS)}
    return names | {name for name in imported(source) if name.startswith("odoportal.core.i18n.") and name.rpartition(".")[2] in TEXTS}


@pytest.mark.parametrize("path", RULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rules_import_no_screen(path: Path) -> None:
    assert screens(path.read_text()) == set()


def test_the_control_a_screen_is_noticed() -> None:
    for line in (
        "from odoportal.forms.handling import FormResult",
        "from odoportal.pages.layout import shown_page",
        "from odoportal.ui import form",
        "from odoportal.core.i18n import Formats, t",
    ):
        assert len(screens(f"def work():\n    {line}")) == 1, line
    assert screens("from odoportal.pages import room\nfrom odoportal.core.i18n import current_language") == set()
