"""What is done for a person when somebody else was in."""

import logging
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts import ending
from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.models import Person
from odoportal.rooms.signin import links, mails, passkeys, security_log, sessions, two_factor
from odoportal.rooms.signin.models import LinkKind


def lock_out(session: Session, person: Person, since: datetime, by: Actor, now: datetime) -> None:
    """Every session ends, no password and no older link works any more, and a link to a new password is mailed to the person.

    What was set up `since` somebody else was in is taken back: passkeys, an authenticator app, recovery codes, and what would let
    somebody into the person's accounts or get their invoices (`accounts.ending`). A second step from before stays: whoever reads the
    person's mail must not get around it.
    """
    assert person.id is not None  # noqa: S101 - read from the database
    person.password = ""
    sessions.end_all(session, person.id)
    keys, more = passkeys.remove_all(session, person.id, since), two_factor.take_back(session, person.id, since)
    two_factor.settle(session, person.id)
    for name in keys:
        record(session, ActivityKind.PASSKEY_REMOVED, by, now, subject_id=person.id, about=name)
    for what in more:
        record(session, what, by, now, subject_id=person.id)
    ending.end_everywhere(session, person.id, by, now, since)
    mails.locked_out(session, person, links.make(session, person, LinkKind.RESET, now), keys, more, now)
    security_log.log_event("authn_account_locked", level=logging.WARNING, person=person.id)
