"""The kinds of activity of all rooms, as the activity list shows them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from odoportal.pages.room import installed


@dataclass(frozen=True)
class Kind:
    """A kind of activity in the current language; see `pages.room.Activity` for `fields`, `values` and `actor`."""

    label: str
    group: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    actor: Callable[[Any], str] | None = None


Kinds = Mapping[str, Kind]
"""Kinds by the value that is stored."""


def all_kinds() -> Kinds:
    """Return every kind in the current language, by the value that is stored."""
    found: dict[str, Kind] = {}
    for room in installed():
        for declared in room.activity:
            fields, values = declared.fields(), declared.values()
            for kind, label in declared.labels().items():
                found[kind.value] = Kind(label, declared.group.key, fields, values, declared.actor)
    return found


def groups() -> dict[str, str]:
    """Return the titles of the groups in the current language, by key, in the order of the rooms."""
    return {declared.group.key: declared.group.title() for room in installed() for declared in room.activity}
