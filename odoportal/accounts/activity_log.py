"""The activity log: who changed what, when, from where, in which account, about whom, before and after.

A room records a change in the transaction that makes it, so that neither is ever there without the other:

    from odoportal.accounts.activity_log import ActivityKind, Actor, record

    def save(session: Session, sent: SentForm[Any], …, now: datetime) -> FormResult:
        before = _as_form(address)                    # the stored values by field, as text
        …
        record(session, ActivityKind.ADDRESS, Actor.of(sent), now, account_id=…, about=address.code, before=before, after=…)

`about` names the thing (a number, a name, an email) and `account_id` the account; a change of a person's own things (profile, password,
sessions) has `subject_id` instead. Use `Actor.of(who, client)` where there is no form, and `STAFF` on the command line. Each room adds its
kinds to `ActivityKind`, with their labels in `activity_labels`. Never record a secret: a field named like one is refused.

A change of how a person signs in concerns the person's accounts too: for the kinds in `TOLD`, each of them gets a row of its own, which
says that it happened, without the network address and the values.

The security log (`signin.audit`) is something else: lines for whoever runs the portal, refusals included.
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
from odoportal.core.i18n import t
from odoportal.core.identity import Identity
from odoportal.forms.handling import SentForm

LONGEST_ABOUT = 200
LONGEST_ADDRESS = 45
_SECRET = re.compile(r"password|secret|token|otp|recovery|hash|cookie|card_?number", re.IGNORECASE)


class ActivityKind(StrEnum):
    """What was changed. The word is stored: an old one is never given another meaning."""

    DETAILS = "details"
    CLOSING_ASKED = "closing_asked"
    CLOSING_TAKEN_BACK = "closing_taken_back"
    INVITED = "invited"
    INVITED_AGAIN = "invited_again"
    WITHDRAWN = "invitation_withdrawn"
    JOINED = "joined"
    ROLE = "role"
    REMOVED = "removed"
    EMAIL = "email"
    PASSWORD_CHANGED = "password"  # noqa: S105 - the word for what happened
    SESSION_ENDED = "session"
    DISOWNED = "disowned"
    TWO_STEP_ON = "two_step_on"
    TWO_STEP_OFF = "two_step_off"
    CODES_RENEWED = "codes_renewed"
    CODES_REMOVED = "codes_removed"
    RECOVERY_USED = "code_used"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_REMOVED = "passkey_removed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    ADDRESS_ADDED = "address_added"
    ADDRESS = "address"
    ADDRESS_REMOVED = "address_removed"
    ADDRESS_RESTORED = "address_restored"
    ADDRESS_DEFAULT = "address_default"
    CARD_ADDED = "card_added"
    CARD_DEFAULT = "card_default"
    CARD_REMOVED = "card_removed"
    CARD_LOST = "card_lost"
    NOTICES = "notices"
    TWO_STEP_REQUIRED = "two_step_required"
    TWO_STEP_FREE = "two_step_free"
    COPY_ADDED = "copy_added"
    COPY_CONFIRMED = "copy_confirmed"
    COPY_REMOVED = "copy_removed"
    COPY_KEPT = "copy_kept"
    COPY_STOPPED = "copy_stopped"
    COPY_RESUMED = "copy_resumed"


TOLD = frozenset(
    {
        ActivityKind.EMAIL,
        ActivityKind.PASSWORD_CHANGED,
        ActivityKind.DISOWNED,
        ActivityKind.TWO_STEP_ON,
        ActivityKind.TWO_STEP_OFF,
        ActivityKind.CODES_RENEWED,
        ActivityKind.CODES_REMOVED,
        ActivityKind.RECOVERY_USED,
        ActivityKind.PASSKEY_ADDED,
        ActivityKind.PASSKEY_REMOVED,
        ActivityKind.DISABLED,
        ActivityKind.ENABLED,
    }
)
"""What is a person's own, and yet told to the owners of the person's accounts: that it happened."""


def activity_labels() -> dict[str, str]:
    """Each change in the language in use."""
    return {
        ActivityKind.DETAILS: t("Profile changed"),
        ActivityKind.CLOSING_ASKED: t("Asked to close the account"),
        ActivityKind.CLOSING_TAKEN_BACK: t("Took back the request to close the account"),
        ActivityKind.INVITED: t("Invited"),
        ActivityKind.INVITED_AGAIN: t("Invitation sent again"),
        ActivityKind.WITHDRAWN: t("Invitation withdrawn"),
        ActivityKind.JOINED: t("Invitation accepted"),
        ActivityKind.ROLE: t("Role changed"),
        ActivityKind.REMOVED: t("Removed from the account"),
        ActivityKind.EMAIL: t("Email changed"),
        ActivityKind.PASSWORD_CHANGED: t("Password changed"),
        ActivityKind.SESSION_ENDED: t("Session ended"),
        ActivityKind.DISOWNED: t("Somebody else’s sign-in reported"),
        ActivityKind.TWO_STEP_ON: t("Two-step sign-in switched on"),
        ActivityKind.TWO_STEP_REQUIRED: t("Two-step sign-in required of everybody"),
        ActivityKind.TWO_STEP_FREE: t("Two-step sign-in no longer required"),
        ActivityKind.TWO_STEP_OFF: t("Two-step sign-in switched off"),
        ActivityKind.CODES_RENEWED: t("New recovery codes made"),
        ActivityKind.CODES_REMOVED: t("Recovery codes taken back"),
        ActivityKind.RECOVERY_USED: t("Recovery code used"),
        ActivityKind.PASSKEY_ADDED: t("Passkey added"),
        ActivityKind.PASSKEY_RENAMED: t("Passkey renamed"),
        ActivityKind.PASSKEY_REMOVED: t("Passkey removed"),
        ActivityKind.DISABLED: t("Access closed"),
        ActivityKind.ENABLED: t("Access opened again"),
        ActivityKind.ADDRESS_ADDED: t("Address added"),
        ActivityKind.ADDRESS: t("Address changed"),
        ActivityKind.ADDRESS_REMOVED: t("Address removed"),
        ActivityKind.ADDRESS_RESTORED: t("Address put back"),
        ActivityKind.ADDRESS_DEFAULT: t("Default address chosen"),
        ActivityKind.CARD_ADDED: t("Card added"),
        ActivityKind.CARD_DEFAULT: t("Default card changed"),
        ActivityKind.CARD_REMOVED: t("Card removed"),
        ActivityKind.CARD_LOST: t("Card given up by the payment provider"),
        ActivityKind.NOTICES: t("Choice of notices changed"),
        ActivityKind.COPY_ADDED: t("Address for copies of invoices added"),
        ActivityKind.COPY_CONFIRMED: t("Address for copies of invoices confirmed, by its mailbox"),
        ActivityKind.COPY_REMOVED: t("Address for copies of invoices removed"),
        ActivityKind.COPY_KEPT: t("Address for copies of invoices taken over from somebody else"),
        ActivityKind.COPY_STOPPED: t("Copies of invoices stopped, by their mailbox"),
        ActivityKind.COPY_RESUMED: t("Copies of invoices wanted again, by their mailbox"),
    }


@dataclass(frozen=True)
class Actor:
    """Who changes something, and the network address it came from."""

    person_id: int | None
    address: str = ""

    @classmethod
    def of(cls, sender: SentForm[Any] | Identity, client: str = "") -> "Actor":
        """Of a form that was sent, or of a signed-in person and the client's address."""
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
    """Note a change, in its own transaction. Only the fields that differ are kept; where none does, nothing was changed.

    Args:
        session: the session that writes the change.
        what: what was changed.
        by: who did it, and from where.
        now: the instant.
        account_id: whose thing it is.
        subject_id: the person it is about.
        about: which thing, in a word.
        before: the values by field; absent where something is new.
        after: the values now; absent where it is gone.

    Raises:
        ValueError: a field's name is that of a secret.
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
    if account_id is None and subject_id is not None and what in TOLD:
        theirs = select(Membership.account_id).where(Membership.person_id == subject_id).order_by(col(Membership.account_id))
        told = {"at": now, "person_id": by.person_id, "subject_id": subject_id, "what": what.value, "search": fold(" ".join(names))}
        session.add_all([Change(account_id=account, **told) for account in session.exec(theirs)])


def _name(session: Session, person_id: int | None) -> str:
    person = session.get(Person, person_id)
    return person.name if person is not None else ""


def _json(values: Mapping[str, str], fields: set[str]) -> str:
    return json.dumps({name: value for name, value in values.items() if name in fields}, ensure_ascii=False)
