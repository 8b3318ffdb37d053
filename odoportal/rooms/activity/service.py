"""The activity of an account: its rows, filtered, searched and read by page.

Only rows of the account are read. Changes that its people make to their own sign-in are included if `accounts.activity_log`
records them for the account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, func, select

from odoportal.accounts.activity_log import ActivityKind
from odoportal.accounts.models import Change, Person
from odoportal.core import clock
from odoportal.core.folding import fold
from odoportal.lists import search
from odoportal.lists.query import ListQuery, ListRules, Window, window

NOBODY = "odotrack"
"""The value of the list query's `person` filter that stands for Odotrack's staff."""


class Group(StrEnum):
    """The groups of changes, by subject."""

    PEOPLE = "people"
    SIGN_IN = "sign-in"
    ADDRESSES = "addresses"
    CARDS = "cards"
    ACCOUNT = "account"


GROUPS: Mapping[Group, frozenset[ActivityKind]] = {
    Group.PEOPLE: frozenset(
        {
            ActivityKind.INVITED,
            ActivityKind.INVITED_AGAIN,
            ActivityKind.WITHDRAWN,
            ActivityKind.JOINED,
            ActivityKind.ROLE,
            ActivityKind.REMOVED,
        }
    ),
    Group.SIGN_IN: frozenset(
        {
            ActivityKind.EMAIL,
            ActivityKind.PASSWORD_CHANGED,
            ActivityKind.SESSION_ENDED,
            ActivityKind.DISOWNED,
            ActivityKind.TWO_STEP_ON,
            ActivityKind.TWO_STEP_OFF,
            ActivityKind.CODES_RENEWED,
            ActivityKind.CODES_REMOVED,
            ActivityKind.RECOVERY_USED,
            ActivityKind.PASSKEY_ADDED,
            ActivityKind.PASSKEY_RENAMED,
            ActivityKind.PASSKEY_REMOVED,
            ActivityKind.TWO_STEP_REQUIRED,
            ActivityKind.TWO_STEP_FREE,
            ActivityKind.DISABLED,
            ActivityKind.ENABLED,
        }
    ),
    Group.ADDRESSES: frozenset({w for w in ActivityKind if w.value.startswith("address")}),
    Group.CARDS: frozenset({w for w in ActivityKind if w.value.startswith("card")}),
    Group.ACCOUNT: frozenset(
        {
            ActivityKind.DETAILS,
            ActivityKind.CLOSING_ASKED,
            ActivityKind.CLOSING_TAKEN_BACK,
            ActivityKind.NOTICES,
            *(w for w in ActivityKind if w.value.startswith("copy")),
        }
    ),
}
MAILBOXES = frozenset({ActivityKind.COPY_CONFIRMED, ActivityKind.COPY_STOPPED, ActivityKind.COPY_RESUMED})
"""Changes made through a link in a mail, by the holder of the mailbox, who may not be a person of the portal. `about` is the mailbox."""
NOBODYS = MAILBOXES | {ActivityKind.CARD_LOST}
"""Changes made neither by a person of the portal nor by Odotrack's staff, so that no `person` filter finds them."""
RULES = ListRules(sorts=("when",), default_sort="-when", states=tuple(Group), texts=("person",))


@dataclass(frozen=True)
class ChangePage:
    """One page: its changes, the names of the people in them, the number of changes in each group, and the number without any filter."""

    window: Window
    changes: Sequence[Change]
    people: Mapping[int, str]
    counts: Mapping[str, int]
    account_total: int


def find(session: Session, account_id: int, query: ListQuery, words: Mapping[str, str]) -> ChangePage:
    """Return the page of changes that a list query asks for. Runs at most four statements.

    Args:
        session: a database session for reading.
        account_id: the account.
        query: the list query.
        words: the label of each kind of change in the page's language, which is searched, too.
    """
    per_kind = select(col(Change.what), func.count()).group_by(col(Change.what))
    where = _where(account_id, query, words)
    kinds = {what: int(n) for what, n in session.exec(per_kind.where(where)).all()}
    counts = {"": sum(kinds.values()), **{group: sum(kinds.get(what, 0) for what in held) for group, held in GROUPS.items()}}
    everything = counts[""]
    if query.narrowed:
        everything = search.count(session, Change, search.of_account(Change, account_id))
    shown = window(query, counts[query.state])
    rows = search.page(session, Change, and_(where, _in_group(query)), _order(query), shown)
    return ChangePage(shown, rows, names(session, rows), counts, everything)


def whole_list(account_id: int, query: ListQuery, words: Mapping[str, str]) -> tuple[ColumnElement[bool], Sequence[ColumnElement[Any]]]:
    """Return the condition and sort order for all pages of a list query; arguments as for `find`."""
    return and_(_where(account_id, query, words), _in_group(query)), [e.desc() if down else e.asc() for e, down in _order(query)]


def names(session: Session, changes: Sequence[Any]) -> Mapping[int, str]:
    """Return the names of the people who made these changes or whom these are about, by id. The changes can also be rows of columns."""
    ids = {person for change in changes for person in (change.person_id, change.subject_id) if person is not None}
    found = session.exec(select(Person.id, Person.name).where(col(Person.id).in_(ids))).all() if ids else []
    return {person_id: name for person_id, name in found if person_id is not None}


def name_of(session: Session, account_id: int, person: str) -> str:
    """Return the name of the person that a list query filters by; empty if no such person changed anything in the account."""
    did = select(Person.name).join(Change, col(Change.person_id) == col(Person.id))
    return session.exec(did.where(Change.account_id == account_id, Change.person_id == _number(person)).limit(1)).first() or ""


def _order(query: ListQuery) -> search.Order:
    return [(col(Change.at), query.descending), (col(Change.id), query.descending)]


def _in_group(query: ListQuery) -> ColumnElement[bool]:
    return col(Change.what).in_(GROUPS[Group(query.state)]) if query.state else search.ALWAYS


def _where(account_id: int, query: ListQuery, words: Mapping[str, str]) -> ColumnElement[bool]:
    """Return the condition of a list query, except for its group."""
    said = {what: fold(text) for what, text in words.items()}

    def called(word: str) -> Sequence[ColumnElement[bool]]:
        kinds = [what for what, text in said.items() if word in text]
        return [col(Change.what).in_(kinds)] if kinds else []

    parts: list[Any] = [search.of_account(Change, account_id), search.matching(col(Change.search), query.q, called)]
    if query.since:
        parts.append(col(Change.at) >= clock.begins(query.since))
    if query.until:
        parts.append(col(Change.at) < clock.begins(query.until + timedelta(days=1)))
    if person := query.texts.get("person"):
        parts.append(_by(person))
    return and_(*parts)


def _by(person: str) -> ColumnElement[bool]:
    if person == NOBODY:
        return and_(col(Change.person_id).is_(None), col(Change.what).not_in(NOBODYS))
    return col(Change.person_id) == _number(person)


def _number(person: str) -> int:
    """Return the person id that a list query contains; 0, which no person has, if it is not a valid id."""
    return int(person) if person.isascii() and person.isdigit() and len(person) < 10 else 0
