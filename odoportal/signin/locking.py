"""What is done for a person when somebody else was in."""

import logging
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.audit import By, What, record
from odoportal.accounts.models import Person
from odoportal.signin import audit, letters, links, passkeys, second, sessions
from odoportal.signin.models import LinkKind


def lock_out(session: Session, person: Person, since: datetime, by: By, now: datetime) -> None:
    """Every session ends, no password and no older link works any more, and a link to a new password is mailed to the person.

    A second step stays: whoever reads the person's mail must not get around it. Passkeys added `since` somebody else was in go.
    """
    assert person.id is not None  # noqa: S101 - read from the database
    person.password = ""
    sessions.end_all(session, person.id)
    for name in passkeys.remove_all(session, person.id, since):
        record(session, What.PASSKEY_REMOVED, by, now, subject_id=person.id, about=name)
    second.settle(session, person.id)
    letters.reset(session, person, person.language, links.make(session, person, LinkKind.RESET, now), now)
    audit.tell("authn_account_locked", level=logging.WARNING, person=person.id)
