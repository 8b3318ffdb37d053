"""The view of the activity page: ready strings in the page's language and the person's formats."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from odoportal.accounts.models import Change
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import Identity
from odoportal.documents.view import TextLine, text_lines
from odoportal.lists.query import ListQuery
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.lists.view import DetailsView, ListView
from odoportal.rooms.activity import service
from odoportal.rooms.activity.kinds import Kind, Kinds, all_kinds
from odoportal.settings import get_settings


@dataclass(frozen=True)
class ChangeRow:
    """A change.

    `only` is the address of the list filtered by who made the change (empty if it cannot be filtered so), `lines` are the values before
    and after, and `place` is the network address.
    """

    key: str
    when: str
    who: str
    only: str
    what: str
    about: str
    lines: list[TextLine]
    place: str


@dataclass(frozen=True)
class ChangesView:
    """The activity page."""

    frame: ListView = field(default_factory=ListView)
    rows: list[ChangeRow] = field(default_factory=list)
    details: DetailsView = field(default_factory=DetailsView)


def changes_view(session: Session, who: Identity, request: ListRequest, found: FoundRows, frame: ListView) -> ChangesView:
    """Return the view of the changes found. See `ListTable.view`."""
    formats, kinds, people = Formats(who.region), all_kinds(), service.names(session, found.rows)
    return ChangesView(frame, [_row(change, people, request.query, formats, kinds) for change in found.rows])


def staff() -> str:
    """Return the display name for changes made by Odotrack's staff."""
    return get_settings().company_name


def kind_of(change: Any, kinds: Kinds) -> Kind:
    """Return the kind of a change (or of a row of its columns); a kind of no room is shown as it is stored."""
    return kinds.get(change.what) or Kind(change.what)


def values_of(change: Any, kind: Kind) -> list[str]:
    """Return the values before and after a change (or a row of its columns), one line per field.

    A line is like `Role: Read-only, then Billing`; `–` stands for no value.
    """
    before, after = json.loads(change.before), json.loads(change.after)

    def label(name: str) -> str:
        return kind.fields.get(name, name)

    def written(name: str, values: Mapping[str, str]) -> str:
        value = values.get(name, "")
        return kind.values.get(name, str)(value) if value else "–"

    names = [name for name in dict.fromkeys((*before, *after)) if before.get(name) or after.get(name)]
    if not before:
        return [t("{field}: {value}", field=label(name), value=written(name, after)) for name in names]
    return [
        t("{field}: {before}, then {after}", field=label(name), before=written(name, before), after=written(name, after)) for name in names
    ]


def who_of(change: Any, people: Mapping[int, str], kind: Kind) -> str:
    """Return the name of who made a change: a person, whoever the kind names in place of a person, or Odotrack."""
    if change.person_id:
        return people.get(change.person_id, "")
    return kind.actor(change) if kind.actor else staff()


def _by(change: Change, kind: Kind) -> str:
    """Return the value of the `person` filter for who made a change; empty if the list cannot be filtered by it."""
    if change.person_id:
        return str(change.person_id)
    return "" if kind.actor else service.STAFF


def about_of(change: Any, people: Mapping[int, str]) -> str:
    """Return what or whom a change is about: a name if the person is known."""
    return people.get(change.subject_id or 0, "") or change.about


def _row(change: Change, people: Mapping[int, str], query: ListQuery, formats: Formats, kinds: Kinds) -> ChangeRow:
    kind = kind_of(change, kinds)
    return ChangeRow(
        key=str(change.id),
        when=formats.moment(change.at),
        who=who_of(change, people, kind),
        only=query.url(texts={"person": by}) if (by := _by(change, kind)) else "",
        what=kind.label,
        about=about_of(change, people),
        lines=text_lines(values_of(change, kind)),
        place=change.address,
    )
