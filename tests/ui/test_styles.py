"""Each class begins with the name of its CSS file, is defined there only, is used, and looks the same in whatever order files are joined.

Two rules for the same elements once broke the agreement's lines in the list of orders, when a page used their class for something else.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

from odoportal.frontend import styles

SHEETS = {file.relative_to(styles.PACKAGE).as_posix(): file.read_text("utf-8") for file in sorted(styles.PACKAGE.glob("**/*.css"))}
_CLASS = re.compile(r"\.([a-zA-Z][\w-]*)")
# Classes that a script sets on the root element, and names that only tests or the code that draws a page look for.
_OF_THE_ROOT = {"light", "dark"}
_WITHOUT_STYLE = {"aside", "back", "changes", "mark", "statement"}
# Not of one component: values, elements, and classes for any element.
_EXEMPT = {"ui/tokens.css", "ui/base.css", "ui/utilities.css"}
# The class of a column's header is made from the column's key.
_COLUMN = "table-col-"


class Rule(NamedTuple):
    """A rule of a sheet: the selectors around it, from the outside; its conditions, such as a width; and the properties it sets."""

    sheet: str
    selectors: tuple[str, ...]
    conditions: tuple[str, ...]
    properties: tuple[str, ...]


def _plain(text: str) -> str:
    """Return a sheet without comments and quoted texts."""
    return re.sub(r'/\*.*?\*/|"[^"]*"', "", text, flags=re.S)


def rules(sheet: str, text: str) -> Iterator[Rule]:
    """Yield each rule of a sheet, nested ones included."""

    def blocks(text: str, selectors: tuple[str, ...], conditions: tuple[str, ...]) -> Iterator[Rule]:
        own, at, depth, head, start = [], 0, 0, "", 0
        for place, sign in enumerate(text):
            if sign == "{":
                depth += 1
                if depth == 1:
                    head, start = text[at:place].strip(), place + 1
            elif sign == "}":
                depth -= 1
                if depth == 0:
                    at, body = place + 1, text[start:place]
                    if head.startswith(("@media", "@supports")):
                        yield from blocks(body, selectors, (*conditions, head))
                    elif not head.startswith("@"):
                        yield from blocks(body, (*selectors, head), conditions)
            elif sign == ";" and depth == 0:
                own.append(text[at:place].partition(":")[0].strip())
                at = place + 1
        if own:
            yield Rule(sheet, selectors, conditions, tuple(own))

    yield from blocks(_plain(text), (), ())


def _all_rules(sheets: dict[str, str]) -> list[Rule]:
    return [rule for sheet, text in sheets.items() for rule in rules(sheet, text)]


def defined_twice(sheets: dict[str, str]) -> list[str]:
    """Return the classes that begin the rules of more than one sheet. The rules of the base begin with elements."""
    owners: dict[str, set[str]] = {}
    for rule in _all_rules(sheets):
        for selector in () if rule.sheet == "ui/base.css" else rule.selectors[:1]:
            for part in re.split(r",(?![^(]*\))", selector):
                for name in [name for name in _CLASS.findall(part) if name not in _OF_THE_ROOT][:1]:
                    owners.setdefault(name, set()).add(rule.sheet)
    return [f"{name}: {', '.join(sorted(files))}" for name, files in sorted(owners.items()) if len(files) > 1]


def _has_name_of(sheet: str, name: str) -> bool:
    """Return whether a class begins with the name of its sheet: `document` for `ui/document_parts.css`."""
    owner = Path(sheet).stem.partition("_")[0]
    return name == owner or name.startswith(f"{owner}-")


def misnamed(sheets: dict[str, str]) -> list[str]:
    """Return the classes that have the name of no component that styles them, and those that begin a rule in another one's sheet."""
    known = _OF_THE_ROOT | {name for name in _defined(sheets) if name.startswith(_COLUMN)}
    for sheet, text in sheets.items():
        known |= {name for name in _defined({sheet: text}) if sheet == "ui/utilities.css" or _has_name_of(sheet, name)}
    found = set[tuple[str, str]]()
    for rule in _all_rules(sheets):
        found |= {(rule.sheet, name) for selector in rule.selectors for name in _CLASS.findall(selector) if name not in known}
        for part in re.split(r",(?![^(]*\))", rule.selectors[0]) if rule.sheet not in _EXEMPT else ():
            found |= {(rule.sheet, name) for name in _CLASS.findall(part)[:1] if not _has_name_of(rule.sheet, name)}
    return [f"{sheet}: {name}" for sheet, name in sorted(found)]


def _overlap(first: str, second: str) -> bool:
    """Return whether two properties may set the same: `border` and `border-color`."""
    return first == second or first.startswith(f"{second}-") or second.startswith(f"{first}-")


def depends_on_order(sheets: dict[str, str], together: Sequence[frozenset[str]]) -> list[str]:
    """Return the classes that stand on one element and set the same property, with equal weight, in two sheets of one layer.

    Args:
        sheets: the text of each sheet by its path.
        together: the classes of each element of the portal.
    """
    of_class: dict[str, list[Rule]] = {}
    for rule in _all_rules(sheets):
        if len(rule.selectors) == 1 and (alone := re.fullmatch(r"\.([\w-]+)", rule.selectors[0])):
            of_class.setdefault(alone[1], []).append(rule)
    found = set[str]()
    for classes in together:
        for first, second in combinations(sorted(classes & of_class.keys()), 2):
            for a in of_class[first]:
                for b in of_class[second]:
                    same_layer = styles.layer_of(styles.PACKAGE / a.sheet) == styles.layer_of(styles.PACKAGE / b.sheet)
                    if a.sheet != b.sheet and same_layer:
                        found |= {f".{first} and .{second} set {p}" for p in a.properties for q in b.properties if _overlap(p, q)}
    return sorted(found)


def _texts(node: ast.AST) -> Iterator[str]:
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def used() -> tuple[set[frozenset[str]], set[str]]:
    """Return the classes of each element that is drawn, and every word of the sources that may be a class made elsewhere."""
    together, words = set[frozenset[str]](), set[str]()
    for file in sorted(styles.PACKAGE.glob("**/*")):
        if file.suffix == ".py" and "migrations" not in file.parts:
            tree = ast.parse(file.read_text("utf-8"))
            words |= {word for text in _texts(tree) if re.fullmatch(r"[\w -]+", text) for word in text.split()}
            words |= {word for text in _texts(tree) for classes in re.findall(r"class=\"([\w -]*)", text) for word in classes.split()}
            named = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and (node.arg or "").endswith(("cls", "class_name"))]
            together |= {frozenset(text.split()) for node in named for text in _texts(node.value)}
        elif file.suffix in {".js", ".html"}:
            text = file.read_text("utf-8")
            words |= {word for quoted in re.findall(r"[\"'`]([\w -]*)[\"'`]", text) for word in quoted.split()}
            together |= {frozenset(classes.split()) for classes in re.findall(r"(?:className: |class=)\"([\w -]*)\"", text)}
    return together, words


def _defined(sheets: dict[str, str]) -> set[str]:
    return {name for rule in _all_rules(sheets) for selector in rule.selectors for name in _CLASS.findall(selector)}


def test_each_class_begins_with_the_name_of_its_component() -> None:
    assert misnamed(SHEETS) == []


@pytest.mark.parametrize(
    ("sheet", "text", "found"),
    [
        ("ui/table.css", ".lcard { margin: 0; }", ["ui/table.css: lcard"]),
        ("ui/table.css", ".table-card { .top { margin: 0; } }", ["ui/table.css: top"]),
        ("ui/table.css", ".table-card { &.muted, .card, .table-col-pick { margin: 0; } }", []),
        ("ui/table.css", ".card .table-card { margin: 0; }", ["ui/table.css: card"]),
        ("ui/table.css", ".tables { margin: 0; }", ["ui/table.css: tables"]),
        ("ui/document_parts.css", ".document-sum, .sum { margin: 0; }", ["ui/document_parts.css: sum"]),
        ("rooms/cards/cards.css", ".cards-list > .button { margin: 0; }", ["rooms/cards/cards.css: button"]),
        ("rooms/cards/cards.css", ".card-list { margin: 0; }", ["rooms/cards/cards.css: card-list"]),
    ],
)
def test_a_class_with_another_name_is_found(sheet: str, text: str, found: list[str]) -> None:
    others = {"ui/card.css": ".card { margin: 0; }", "ui/utilities.css": ".muted { margin: 0; }", "ui/base.css": "th { margin: 0; }"}
    assert misnamed(others | {sheet: text}) == found


def test_each_class_is_defined_in_one_sheet() -> None:
    assert defined_twice(SHEETS) == []


def test_the_order_of_sheets_does_not_matter() -> None:
    assert depends_on_order(SHEETS, [*used()[0]]) == []


def test_each_class_that_is_drawn_is_defined() -> None:
    together, _ = used()
    assert set[str]().union(*together) - _defined(SHEETS) - _WITHOUT_STYLE == set()


def test_each_class_that_is_defined_is_drawn() -> None:
    together, words = used()
    columns = {name for name in _defined(SHEETS) if name.startswith(_COLUMN)}
    assert _defined(SHEETS) - words - set[str]().union(*together) - columns - _OF_THE_ROOT == set()


def test_a_second_definition_is_found() -> None:
    """A second use of the agreement's class, as in the past bug, is found."""
    later = SHEETS | {"rooms/security/security.css": ".orders-agreement > li { display: flex; }"}
    assert defined_twice(later) == ["orders-agreement: rooms/orders/orders.css, rooms/security/security.css"]


def test_a_dependence_on_the_order_is_found() -> None:
    sheets = {"ui/card.css": ".card { @media print { padding: 0; } }", "ui/list.css": ".list { padding-left: 1rem; }"}
    assert depends_on_order(sheets, [frozenset({"card", "list"})]) == [".card and .list set padding"]
    assert depends_on_order(sheets, [frozenset({"card"})]) == []


@pytest.mark.parametrize(
    ("path", "layer"),
    [("ui/tokens.css", "tokens"), ("ui/table.css", "components"), ("ui/utilities.css", "utilities"), ("rooms/cards/cards.css", "rooms")],
)
def test_the_place_of_a_sheet_is_its_layer(path: str, layer: str) -> None:
    assert styles.layer_of(Path("odoportal") / path) == layer


def test_a_room_has_its_own_sheet_only() -> None:
    rooms = styles.room_sheets()
    assert ".cards-card " in rooms["cards"]
    assert ".cards-card " not in styles.shared_sheet()
    assert ".cards-card " not in rooms["orders"]
    assert all(sheet.startswith("@layer __reflex_base, tokens, base, components, rooms, utilities;") for sheet in rooms.values())
