"""The activity of an account: its rows, filtered, searched and read by page.

Only rows of the account are read. Changes that its people make to their own sign-in are included if `accounts.activity_log`
records them for the account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, func, select

from odoportal.accounts.models import Change, Person
from odoportal.core import clock
from odoportal.lists import search
from odoportal.lists.source import ListRequest, ListSource
from odoportal.rooms.activity.kinds import Kinds, all_kinds

STAFF = "odotrack"
"""The value of the list query's `person` filter that stands for Odotrack's staff."""


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


def _labelled(request: ListRequest) -> search.Meaning:
    def labelled(word: str) -> Sequence[ColumnElement[bool]]:
        found = [what for what, label in request.labels.items() if word in label]
        return [col(Change.what).in_(found)] if found else []

    return labelled


def _filters(request: ListRequest) -> list[ColumnElement[bool]]:
    query, kinds = request.query, all_kinds()
    parts: list[ColumnElement[bool]] = []
    if query.state:
        parts.append(col(Change.what).in_([what for what, kind in kinds.items() if kind.group == query.state]))
    if query.since:
        parts.append(col(Change.at) >= clock.start_of_day(query.since))
    if query.until:
        parts.append(col(Change.at) < clock.start_of_day(query.until + timedelta(days=1)))
    if person := query.texts.get("person"):
        parts.append(_by(person, kinds))
    return parts


def _counts(session: Session, request: ListRequest) -> Mapping[str, int]:
    """Return the number of changes in each group, and under "" of all, that the search and the other filters find."""
    kinds = all_kinds()
    where, _ = LIST.where_and_order(replace(request, query=replace(request.query, state="")))
    counts = dict.fromkeys(["", *(kind.group for kind in kinds.values())], 0)
    for what, n in session.exec(select(col(Change.what), func.count()).group_by(col(Change.what)).where(where)).all():
        counts[""] += int(n)
        if what in kinds:
            counts[kinds[what].group] += int(n)
    return counts


def _by(person: str, kinds: Kinds) -> ColumnElement[bool]:
    if person == STAFF:
        others = [what for what, kind in kinds.items() if kind.actor]
        return and_(col(Change.person_id).is_(None), col(Change.what).not_in(others))
    return col(Change.person_id) == _number(person)


def _number(person: str) -> int:
    """Return the person id that a list query contains; 0, which no person has, if it is not a valid id."""
    return int(person) if person.isascii() and person.isdigit() and len(person) < 10 else 0


LIST = ListSource(
    model=Change,
    counts=_counts,
    filters=_filters,
    texts=("person",),
    meaning=_labelled,
    large=False,
    counts_filtered=True,
)
