"""The style sheet uses each class for one thing only.

It is one file in sections, each under a comment with its component's name (before a colon when a component has several sections). Of two
rules for the same elements, the later one wins silently. This once broke the agreement's lines in the list of orders, when a page far
below used their class for something else.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from odoportal.frontend import builder

TEXT = (builder.root() / "assets" / "components.css").read_text("utf-8")
# Sections of a single room. Styles that rooms share are in the sections of the components.
PLACES = ("home", "sign in", "statement of account", "privacy", "people", "security", "address book", "cards on file")
_TITLE = re.compile(r"^/\*\s*(.*?)\s*\*/", re.M)
_CLASS = re.compile(r"\.([a-zA-Z][\w-]*)")


class Rule(NamedTuple):
    component: str
    media: str
    selector: str
    declared: dict[str, str]


def _blocks(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the start of each block of a style sheet, the text before it, and its content."""
    at = 0
    while (opening := text.find("{", at)) >= 0:
        depth, end = 1, opening + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield opening, text[at:opening], text[opening + 1 : end - 1]
        at = end


def rules(text: str) -> Iterator[Rule]:
    """Yield every rule of a style sheet, once for each of its selectors."""
    titles = [(found.start(), found[1].partition(":")[0].partition("(")[0].strip().lower()) for found in _TITLE.finditer(text)]

    def within(text: str, start: int, media: str) -> Iterator[Rule]:
        for at, before, body in _blocks(text):
            head = re.sub(r"/\*.*?\*/", "", before, flags=re.S).strip()
            if head.startswith(("@media", "@supports")):
                yield from within(body, start + at + 1, head)
            elif not head.startswith("@"):
                component = [title for place, title in titles if place <= start + at][-1]
                declared = dict(line.split(":", 1) for line in body.split(";") if ":" in line)
                for selector in re.split(r",(?![^(]*\))", head):
                    yield Rule(component, media, selector.strip(), {name.strip(): value.strip() for name, value in declared.items()})

    yield from within(text, 0, "")


def set_twice(text: str) -> list[str]:
    """Return the properties that two rules set for the same elements; child and descendant selectors count as the same."""
    seen: set[tuple[str, str, str]] = set()
    found = []
    for rule in rules(text):
        elements = re.sub(r"\s*[ >]\s*", " ", rule.selector)
        for name in rule.declared:
            key = (rule.media, elements, name)
            if key in seen:
                found.append(f"{rule.component}: {rule.selector} sets {name} again")
            seen.add(key)
    return found


def borrowed(text: str) -> list[str]:
    """Return the rules of a room's section that use only classes of other components."""
    owner: dict[str, str] = {}
    for rule in rules(text):
        for name in _CLASS.findall(rule.selector):
            owner.setdefault(name, rule.component)
    found = []
    for rule in rules(text):
        names = _CLASS.findall(rule.selector)
        if rule.component in PLACES and not rule.media and names and all(owner[name] != rule.component for name in names):
            found.append(f"{rule.component}: {rule.selector} is of {owner[names[0]]}")
    return found


def test_nothing_is_set_twice_for_the_same_elements() -> None:
    assert set_twice(TEXT) == []


def test_no_place_takes_a_class_of_another_component() -> None:
    assert borrowed(TEXT) == []


def test_every_place_has_its_section() -> None:
    assert set(PLACES) <= {rule.component for rule in rules(TEXT)}


LATER = "\n/* security */\n.agreement>li{display:flex;border-top:1px solid} .agreement .b{overflow-wrap:anywhere}"


@pytest.mark.parametrize("check", [set_twice, borrowed])
def test_a_second_meaning_is_found(check: Callable[[str], list[str]]) -> None:
    """A second use of the agreement's class, as in the past bug, is found."""
    assert any(".agreement>li" in line for line in check(TEXT + LATER))
