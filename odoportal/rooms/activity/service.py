"""The activity of an account: its rows, filtered, searched and read by page.

Only rows of the account are read. Changes that its people make to their own sign-in are included if `accounts.activity_log`
records them for the account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, func, select

from odoportal.accounts.models import Change, Person
from odoportal.core import clock
from odoportal.core.folding import fold
from odoportal.lists import search
from odoportal.lists.query import ListQuery, ListRules, PageWindow, page_to_show
from odoportal.rooms.activity.kinds import Kinds, groups

STAFF = "odotrack"
"""The value of the list query's `person` filter that stands for Odotrack's staff."""


def rules() -> ListRules:
    """Return what the address of the list may contain: the tabs are the groups that the rooms declare."""
    return ListRules(sorts=("when",), default_sort="-when", states=tuple(groups()), texts=("person",))


@dataclass(frozen=True)
class ChangePage:
    """One page: its changes, the names of the people in them, the number of changes in each group, and the number without any filter."""

    window: PageWindow
    changes: Sequence[Change]
    people: Mapping[int, str]
    counts: Mapping[str, int]
    account_total: int


def find(session: Session, account_id: int, query: ListQuery, kinds: Kinds) -> ChangePage:
    """Return the page of changes that a list query asks for. Runs at most four statements.

    Args:
        session: a database session for reading.
        account_id: the account.
        query: the list query.
        kinds: every kind in the page's language; the labels are searched, too.
    """
    per_kind = select(col(Change.what), func.count()).group_by(col(Change.what))
    where = _where(account_id, query, kinds)
    counts = dict.fromkeys(["", *(kind.group for kind in kinds.values())], 0)
    for what, n in session.exec(per_kind.where(where)).all():
        counts[""] += int(n)
        if what in kinds:
            counts[kinds[what].group] += int(n)
    everything = counts[""]
    if query.narrowed:
        everything = search.count(session, Change, search.of_account(Change, account_id))
    shown = page_to_show(query, counts[query.state])
    rows = search.fetch_page(session, Change, and_(where, _in_group(query, kinds)), _order(query), shown)
    return ChangePage(shown, rows, names(session, rows), counts, everything)


def where_and_order(account_id: int, query: ListQuery, kinds: Kinds) -> tuple[ColumnElement[bool], Sequence[ColumnElement[Any]]]:
    """Return the condition and sort order for all pages of a list query; arguments as for `find`."""
    return and_(_where(account_id, query, kinds), _in_group(query, kinds)), [e.desc() if down else e.asc() for e, down in _order(query)]


def names(session: Session, changes: Sequence[Any]) -> Mapping[int, str]:
    """Return the names of the people who made these changes or whom these are about, by id. The changes can also be rows of columns."""
    ids = {person for change in changes for person in (change.person_id, change.subject_id) if person is not None}
    if not ids:
        return {}
    found = session.exec(select(Person.id, Person.name).where(col(Person.id).in_(ids))).all()
    return {person_id: name for person_id, name in found if person_id is not None}


def name_of(session: Session, account_id: int, person: str) -> str:
    """Return the name of the person that a list query filters by; empty if no such person changed anything in the account."""
    did = select(Person.name).join(Change, col(Change.person_id) == col(Person.id))
    return session.exec(did.where(Change.account_id == account_id, Change.person_id == _number(person)).limit(1)).first() or ""


def _order(query: ListQuery) -> search.Order:
    return [(col(Change.at), query.descending), (col(Change.id), query.descending)]


def _in_group(query: ListQuery, kinds: Kinds) -> ColumnElement[bool]:
    if not query.state:
        return search.ALWAYS
    return col(Change.what).in_([what for what, kind in kinds.items() if kind.group == query.state])


def _where(account_id: int, query: ListQuery, kinds: Kinds) -> ColumnElement[bool]:
    """Return the condition of a list query, except for its group."""
    labels = {what: fold(kind.label) for what, kind in kinds.items()}

    def labelled(word: str) -> Sequence[ColumnElement[bool]]:
        found = [what for what, label in labels.items() if word in label]
        return [col(Change.what).in_(found)] if found else []

    parts: list[Any] = [search.of_account(Change, account_id), search.matches_words(col(Change.search), query.q, labelled)]
    if query.since:
        parts.append(col(Change.at) >= clock.start_of_day(query.since))
    if query.until:
        parts.append(col(Change.at) < clock.start_of_day(query.until + timedelta(days=1)))
    if person := query.texts.get("person"):
        parts.append(_by(person, kinds))
    return and_(*parts)


def _by(person: str, kinds: Kinds) -> ColumnElement[bool]:
    if person == STAFF:
        others = [what for what, kind in kinds.items() if kind.actor]
        return and_(col(Change.person_id).is_(None), col(Change.what).not_in(others))
    return col(Change.person_id) == _number(person)


def _number(person: str) -> int:
    """Return the person id that a list query contains; 0, which no person has, if it is not a valid id."""
    return int(person) if person.isascii() and person.isdigit() and len(person) < 10 else 0
