"""An account's changes: what the audit rows of the account say, filtered, searched, a page at a time.

Only rows that bear the account's number are ever read. What its people do about their own sign-in is among them as far as
`accounts.audit` tells it.
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
"""What an address calls Odotrack's staff where it names a person."""


class Group(StrEnum):
    """What a change is about."""

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
"""What whoever has a mailbox does by a link in it, who need not be a person of the portal. The change is about that mailbox."""
NOBODYS = MAILBOXES | {ActivityKind.CARD_LOST}
"""What nobody did whom an address names: no person, and not Odotrack's staff."""
RULES = ListRules(sorts=("when",), default_sort="-when", states=tuple(Group), texts=("person",))


@dataclass(frozen=True)
class ChangePage:
    """One page: its changes, the people they name, how many there are in each group, and without any filter."""

    window: Window
    changes: Sequence[Change]
    people: Mapping[int, str]
    counts: Mapping[str, int]
    account_total: int


def find(session: Session, account_id: int, query: ListQuery, words: Mapping[str, str]) -> ChangePage:
    """The page of changes that the address asks for. Four statements at most.

    Args:
        session: a reading session.
        account_id: the account.
        query: the list's address.
        words: what each change is called in the page's language, which is searched, too.
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
    """The condition and the order of all pages of the list that the address asks for; arguments as of `find`."""
    return and_(_where(account_id, query, words), _in_group(query)), [e.desc() if down else e.asc() for e, down in _order(query)]


def names(session: Session, changes: Sequence[Any]) -> Mapping[int, str]:
    """The names of those who did these changes (or their columns), or whom they are about."""
    ids = {person for change in changes for person in (change.person_id, change.subject_id) if person is not None}
    found = session.exec(select(Person.id, Person.name).where(col(Person.id).in_(ids))).all() if ids else []
    return {person_id: name for person_id, name in found if person_id is not None}


def name_of(session: Session, account_id: int, person: str) -> str:
    """The name of the person that an address filters by; empty where nobody of that number did anything in the account."""
    did = select(Person.name).join(Change, col(Change.person_id) == col(Person.id))
    return session.exec(did.where(Change.account_id == account_id, Change.person_id == _number(person)).limit(1)).first() or ""


def _order(query: ListQuery) -> search.Order:
    return [(col(Change.at), query.descending), (col(Change.id), query.descending)]


def _in_group(query: ListQuery) -> ColumnElement[bool]:
    return col(Change.what).in_(GROUPS[Group(query.state)]) if query.state else search.ALWAYS


def _where(account_id: int, query: ListQuery, words: Mapping[str, str]) -> ColumnElement[bool]:
    """What is asked for, but for the group."""
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
    """A person's number as an address has it; what is none is nobody's."""
    return int(person) if person.isascii() and person.isdigit() and len(person) < 10 else 0
