"""The view of the activity page: ready strings in the page's language and the person's formats."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlmodel import Session

from odoportal.accounts.models import Change
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import Identity
from odoportal.documents.view import TextLine, text_lines
from odoportal.lists.query import ListQuery
from odoportal.lists.view import ListTexts, ListView, list_view
from odoportal.rooms.activity import service
from odoportal.rooms.activity.kinds import Kind, Kinds, all_kinds, groups
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
class NoDetails:
    """The empty details of a list that opens no record."""

    title: str = ""


@dataclass(frozen=True)
class ChangesView:
    """The activity page."""

    frame: ListView = field(default_factory=ListView)
    rows: list[ChangeRow] = field(default_factory=list)
    details: NoDetails = field(default_factory=NoDetails)


def changes_view(session: Session, who: Identity, query: ListQuery, language: str, _today: date) -> ChangesView:
    """Return the view of a list query, in the current language; arguments as for `invoices_view`."""
    account_id, formats, kinds = who.account.account_id, Formats(who.region), all_kinds()
    found = service.find(session, account_id, query, kinds)
    person = query.texts.get("person", "")
    name = staff() if person == service.STAFF else service.name_of(session, account_id, person) if person else ""
    return ChangesView(
        frame=list_view(query, found.window, found.account_total, formats, _texts(language, name), found.counts),
        rows=[_row(change, found.people, query, formats, kinds) for change in found.changes],
    )


def staff() -> str:
    """Return the display name for changes made by Odotrack's staff."""
    return get_settings().company_name


def kind_of(change: Any, kinds: Kinds) -> Kind:
    """Return the kind of a change (or of a row of its columns); a kind of no room is shown as it is stored."""
    return kinds.get(change.what) or Kind(change.what)


def values_of(change: Any, kind: Kind) -> list[str]:
    """Return the values before and after a change (or a row of its columns), one line per field.

    A line is like `Role: Read-only → Billing`; `–` stands for no value.
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
    return [t("{field}: {before} → {after}", field=label(name), before=written(name, before), after=written(name, after)) for name in names]


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


def _texts(language: str, person: str) -> ListTexts:
    columns = [
        ("when", t("When"), False),
        ("who", t("Who"), False),
        ("what", t("What"), False),
        ("values", t("Before and after"), False),
        ("place", t("Network address"), False),
    ]
    tabs = [("", t("All changes")), *groups().items()]
    chips = {"person": t("by {name}", name=person) if person else t("by nobody of this account")}
    nothing = t("Nothing was changed yet")
    return ListTexts(t("Activity"), f"/{language}/profile/changes", columns, tabs, t("No change"), nothing, t("Date"), chips)
