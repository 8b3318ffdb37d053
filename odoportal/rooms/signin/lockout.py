"""The lockout of an intruder from a person's access."""

import logging
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Person
from odoportal.pages import room
from odoportal.rooms.signin import links, mails, passkeys, security_log, sessions, two_factor
from odoportal.rooms.signin.activity import SigninActivity
from odoportal.rooms.signin.models import LinkKind


def lock_out(session: Session, person: Person, since: datetime, by: Actor, now: datetime) -> None:
    """Lock an intruder out: end every session, delete the password, invalidate older links, and mail a reset link to the person.

    Everything set up `since` the intrusion is removed: passkeys, an authenticator app, recovery codes, and what would give another person
    access to the accounts or their invoices (`accounts.access_loss`). Older second factors stay, so that an intruder who reads the
    person's mail cannot bypass them.

    Args:
        session: the writing database session.
        person: the person.
        since: the earliest instant of the intrusion.
        by: the actor to record in the activity.
        now: the current instant.
    """
    assert person.id is not None  # noqa: S101 - read from the database
    person.password = ""
    sessions.end_all(session, person.id)
    keys, more = passkeys.remove_all(session, person.id, since), two_factor.remove_since(session, person.id, since)
    two_factor.clean_up(session, person.id)
    for name in keys:
        record(session, SigninActivity.PASSKEY_REMOVED, by, now, subject_id=person.id, about=name)
    for what in more:
        record(session, what, by, now, subject_id=person.id)
    room.revoke_everywhere(session, person.id, by, now, since)
    mails.locked_out(session, person, links.create(session, person, LinkKind.RESET, now), keys, more, now)
    security_log.log_event("authn_account_locked", level=logging.WARNING, person=person.id)
