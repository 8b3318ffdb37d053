"""Every change as a row: who, what, when, from where, in which account, about whom, before and after.

How a room uses it, in the transaction of the change, so that there is never the one without the other:

    from odoportal.accounts.audit import By, What, record

    def save(session: Session, sent: Sent[Any], …, now: datetime) -> Done:
        before = _as_form(address)                    # the stored values by field, as text
        …
        record(session, What.ADDRESS, By.of(sent), now, account_id=…, about=address.code, before=before, after=_as_form(address))

`about` says in a word which thing it was (a number, a name, an email), `account_id` whose it is; what is a person's own (profile, password,
sessions) has `subject_id` instead. `By.of(who, client)` serves where there is no form, `STAFF` the command line. Each room adds its changes
to `What`, with words in `words`. Never a secret: a field named like one is refused; tell the fact alone.

What a person does about signing in concerns the accounts, too: of `TOLD`, each account that the person belongs to then gets a row of its
own, which says that it happened, and neither from where nor what was before and after.

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
from odoportal.foundation.forms import Sent
from odoportal.foundation.i18n import t
from odoportal.foundation.identity import Who
from odoportal.foundation.text import fold

LONGEST_ABOUT = 200
LONGEST_ADDRESS = 45
_SECRET = re.compile(r"password|secret|token|otp|recovery|hash|cookie|card_?number", re.IGNORECASE)


class What(StrEnum):
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
        What.EMAIL,
        What.PASSWORD_CHANGED,
        What.DISOWNED,
        What.TWO_STEP_ON,
        What.TWO_STEP_OFF,
        What.CODES_RENEWED,
        What.CODES_REMOVED,
        What.RECOVERY_USED,
        What.PASSKEY_ADDED,
        What.PASSKEY_REMOVED,
        What.DISABLED,
        What.ENABLED,
    }
)
"""What is a person's own, and yet told to the owners of the person's accounts: that it happened."""


def words() -> dict[str, str]:
    """Each change in the language in use."""
    return {
        What.DETAILS: t("Profile changed"),
        What.CLOSING_ASKED: t("Asked to close the account"),
        What.CLOSING_TAKEN_BACK: t("Took back the request to close the account"),
        What.INVITED: t("Invited"),
        What.INVITED_AGAIN: t("Invitation sent again"),
        What.WITHDRAWN: t("Invitation withdrawn"),
        What.JOINED: t("Invitation accepted"),
        What.ROLE: t("Role changed"),
        What.REMOVED: t("Removed from the account"),
        What.EMAIL: t("Email changed"),
        What.PASSWORD_CHANGED: t("Password changed"),
        What.SESSION_ENDED: t("Session ended"),
        What.DISOWNED: t("Somebody else’s sign-in reported"),
        What.TWO_STEP_ON: t("Two-step sign-in switched on"),
        What.TWO_STEP_REQUIRED: t("Two-step sign-in required of everybody"),
        What.TWO_STEP_FREE: t("Two-step sign-in no longer required"),
        What.TWO_STEP_OFF: t("Two-step sign-in switched off"),
        What.CODES_RENEWED: t("New recovery codes made"),
        What.CODES_REMOVED: t("Recovery codes taken back"),
        What.RECOVERY_USED: t("Recovery code used"),
        What.PASSKEY_ADDED: t("Passkey added"),
        What.PASSKEY_RENAMED: t("Passkey renamed"),
        What.PASSKEY_REMOVED: t("Passkey removed"),
        What.DISABLED: t("Access closed"),
        What.ENABLED: t("Access opened again"),
        What.ADDRESS_ADDED: t("Address added"),
        What.ADDRESS: t("Address changed"),
        What.ADDRESS_REMOVED: t("Address removed"),
        What.ADDRESS_RESTORED: t("Address put back"),
        What.ADDRESS_DEFAULT: t("Default address chosen"),
        What.CARD_ADDED: t("Card added"),
        What.CARD_DEFAULT: t("Default card changed"),
        What.CARD_REMOVED: t("Card removed"),
        What.CARD_LOST: t("Card given up by the payment provider"),
        What.NOTICES: t("Choice of notices changed"),
        What.COPY_ADDED: t("Address for copies of invoices added"),
        What.COPY_CONFIRMED: t("Address for copies of invoices confirmed, by its mailbox"),
        What.COPY_REMOVED: t("Address for copies of invoices removed"),
        What.COPY_KEPT: t("Address for copies of invoices taken over from somebody else"),
        What.COPY_STOPPED: t("Copies of invoices stopped, by their mailbox"),
        What.COPY_RESUMED: t("Copies of invoices wanted again, by their mailbox"),
    }


@dataclass(frozen=True)
class By:
    """Who changes something, and the network address it came from."""

    person_id: int | None
    address: str = ""

    @classmethod
    def of(cls, sender: Sent[Any] | Who, client: str = "") -> "By":
        """Of a form that was sent, or of a signed-in person and the client's address."""
        return cls(sender.who.person_id, sender.client) if isinstance(sender, Sent) else cls(sender.person_id, client)


STAFF = By(None)
"""Odotrack's staff, at the command line."""


def record(
    session: Session,
    what: What,
    by: By,
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
