"""The activity log: who changed what, when, from where, in which account, about whom, before and after.

A room records a change in the transaction that makes it, so that neither is ever there without the other:

    from odoportal.accounts.activity_log import Actor, record
    from odoportal.rooms.addresses.activity import AddressActivity

    def save(session: Session, sent: SentForm[Any], …, now: datetime) -> FormResult:
        before = _as_form(address)                    # the stored values by field, as text
        …
        record(session, AddressActivity.CHANGED, Actor.of(sent), now, account_id=…, about=address.code, before=before, after=…)

`about` names the thing (a number, a name, an email) and `account_id` the account; a change of a person's own things (profile, password,
sessions) has `subject_id` instead. Use `Actor.of(who, client)` where there is no form, and `STAFF` on the command line. Each room declares
its kinds with their labels in its `activity.py`. Never record a secret: a field named like one is refused.

A change of how a person signs in concerns the person's accounts too: of kinds that are `for_owners`, each account gets a row of its own,
which says that it happened, without the network address and the values.

The security log (`signin.security_log`) is something else: log lines for those who operate the portal, refusals included.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from odoportal.accounts.models import Change, Membership, Person
from odoportal.core.folding import fold
from odoportal.core.identity import Identity
from odoportal.forms.handling import SentForm

LONGEST_ABOUT = 200
LONGEST_ADDRESS = 45
_SECRET = re.compile(r"password|secret|token|otp|recovery|hash|cookie|card_?number", re.IGNORECASE)


class ActivityKind(StrEnum):
    """A kind of change. Each room has its own, in its `activity.py`. The value is stored: never give an old one another meaning."""

    @property
    def for_owners(self) -> bool:
        """Whether the owners of a person's accounts see a change of the person's own things."""
        return False


class PeopleActivity(ActivityKind):
    """Changes of an account's people and roles, which several rooms record."""

    INVITED = "invited"
    INVITED_AGAIN = "invited_again"
    WITHDRAWN = "invitation_withdrawn"
    JOINED = "joined"
    ROLE = "role"
    REMOVED = "removed"
    TWO_STEP_REQUIRED = "two_step_required"
    TWO_STEP_OPTIONAL = "two_step_free"


@dataclass(frozen=True)
class Actor:
    """The person who changes something, and the network address of the request."""

    person_id: int | None
    address: str = ""

    @classmethod
    def of(cls, sender: SentForm[Any] | Identity, client: str = "") -> "Actor":
        """Return the actor of a posted form, or of a signed-in person and the client's address."""
        return cls(sender.who.person_id, sender.client) if isinstance(sender, SentForm) else cls(sender.person_id, client)


STAFF = Actor(None)
"""Odotrack's staff, at the command line."""


def record(
    session: Session,
    what: ActivityKind,
    by: Actor,
    now: datetime,
    *,
    account_id: int | None = None,
    subject_id: int | None = None,
    about: str = "",
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> None:
    """Record a change in the transaction that makes it. Only fields that differ are kept; a change of none is not recorded.

    Args:
        session: The session that writes the change.
        what: The kind of change.
        by: The person who made it, and from which network address.
        now: The current time (UTC).
        account_id: The account that owns the changed thing.
        subject_id: The person the change is about.
        about: Names the thing: a number, a name, an email.
        before: The old values by field; None for a new thing.
        after: The new values by field; None for a deleted thing.

    Raises:
        ValueError: If a field is named like a secret.
    """
    was, is_ = dict(before or {}), dict(after or {})
    if secret := next((name for name in (*was, *is_) if _SECRET.search(name)), None):
        raise ValueError(f"{secret} is not to be kept")
    if before is not None and after is not None and was == is_:
        return
    differ = {name for name in (*was, *is_) if was.get(name) != is_.get(name)}
    row = Change(
        at=now,
        person_id=by.person_id,
        address=by.address[:LONGEST_ADDRESS],
        account_id=account_id,
        subject_id=subject_id,
        what=what.value,
        about=about[:LONGEST_ABOUT],
        before=_json(was, differ),
        after=_json(is_, differ),
    )
    names = [name for person_id in {by.person_id, subject_id} - {None} if (name := _name(session, person_id))]
    row.search = fold(" ".join([about, *names, *(values[name] for values in (was, is_) for name in sorted(values) if name in differ)]))
    session.add(row)
    if account_id is None and subject_id is not None and what.for_owners:
        theirs = select(Membership.account_id).where(Membership.person_id == subject_id).order_by(col(Membership.account_id))
        told = {"at": now, "person_id": by.person_id, "subject_id": subject_id, "what": what.value, "search": fold(" ".join(names))}
        session.add_all([Change(account_id=account, **told) for account in session.exec(theirs)])


def _name(session: Session, person_id: int | None) -> str:
    person = session.get(Person, person_id)
    return person.name if person is not None else ""


def _json(values: Mapping[str, str], fields: set[str]) -> str:
    return json.dumps({name: value for name, value in values.items() if name in fields}, ensure_ascii=False)
