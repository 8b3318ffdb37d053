"""The code is written in plain words: no name of the old dialect comes back, and docstrings say what is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for folder in ("odoportal", "tests") for path in (ROOT / folder).rglob("*.py"))
OLD_FILES = [
    "foundation/",
    "exchange/",
    "signin/second.py",
    "signin/locking.py",
    "signin/landing.py",
    "signin/mailed.py",
    "signin/emails.py",
    "signin/letters.py",
    "signin/browsers.py",
    "signin/audit.py",
    "accounts/showing.py",
    "accounts/listing.py",
    "accounts/audit.py",
    "changes/",
    "notices/",
    "due.py",
    "sending.py",
    "stopping.py",
    "joining.py",
    "settlement.py",
    "words.py",
    "shown.py",
    "sheets.py",
    "papers.py",
    "setter.py",
    "typeset.py",
    "trace.py",
    "watching.py",
    "sharing.py",
    "allowance.py",
    "throttle.py",
    "frames.py",
    "leaving.py",
    "gate.py",
    "spool.py",
    "signed.py",
    "web.py",
    "form_view.py",
    "markup.py",
    "slots.py",
    "bits.py",
    "places.py",
    "soon.py",
    "again.py",
    "trouble.py",
    "demonstration.py",
    "checking.py",
    "spelling.py",
    "takers.py",
    "leftover.py",
    "refold.py",
    "grams.py",
    "lived_in.py",
    "beforebuild.py",
    "afterbuild.py",
    "building.py",
]
"""The files of the table in which names were compared with what a newcomer guesses."""
OLD_NAMES = [
    "Who",
    "By",
    "What",
    "Rule",
    "Sent",
    "Done",
    "Signed",
    "Listed",
    "Way",
    "Nothing",
    "Asked",
    "Filled",
    "Said",
    "Shown",
    "Pace",
    "Waits",
    "Seldom",
    "Standing",
    "Frames",
    "Leaving",
    "Still",
    "Slot",
    "Ref",
    "Listing",
    "Drawn",
    "TOLD",
    "NOBODYS",
    "MAILBOXES",
    "claim",
    "filling",
    "posting",
    "hand_out",
    "sweep",
    "come_back",
    "hear",
    "keep_up",
    "tell",
]
"""Classes and functions that have the field's terms now: Identity, Actor, ActivityKind, FormHandler, require_right, purge_expired …"""
OLD_WORDS = re.compile(r"\b(whoever|whatever|anew|(?<!two )letters?|told|mended?)\b", re.IGNORECASE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "deploy").iterdir())]
BEGINNINGS = {"What", "That", "Whoever", "Whatever", "Who", "Nobody", "Somebody"}


def defined(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and name of every class, function, constant and type alias."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Assign):
            yield from ((node.lineno, target.id) for target in node.targets if isinstance(target, ast.Name) and target.id[0].isupper())


def described(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and text of every docstring, those of constants included."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant) and isinstance(child.value.value, str):
                yield child.lineno, child.value.value.strip()


def test_no_file_has_a_name_of_the_old_dialect() -> None:
    files = [f"/{path.relative_to(ROOT)}" for path in SOURCES if path.is_relative_to(ROOT / "odoportal")]
    assert not [(file, old) for file in files for old in OLD_FILES if f"/{old}" in file]


def test_no_class_or_function_has_a_name_of_the_old_dialect() -> None:
    code = [path for path in SOURCES if path.is_relative_to(ROOT / "odoportal")]
    assert not [(path.name, line, name) for path in code for line, name in defined(ast.parse(path.read_text("utf-8"))) if name in OLD_NAMES]


def test_docstrings_do_not_begin_with_a_riddle() -> None:
    found = [
        (str(path.relative_to(ROOT)), line, text[:60])
        for path in SOURCES
        if "migrations/versions" not in str(path)
        for line, text in described(ast.parse(path.read_text("utf-8")))
        if re.split(r"\W", text, maxsplit=1)[0] in BEGINNINGS
    ]
    assert not found


def test_no_page_has_a_word_of_the_old_dialect() -> None:
    assert not [(page.name, found[0]) for page in PAGES for found in OLD_WORDS.finditer(page.read_text("utf-8"))]


def test_the_checks_find_what_they_look_for() -> None:
    tree = ast.parse('class Who:\n    """What is told."""\nTOLD = 1\n"""That it was."""\n')
    assert [name for _, name in defined(tree)] == ["Who", "TOLD"]
    assert [text for _, text in described(tree)] == ["That it was.", "What is told."]
