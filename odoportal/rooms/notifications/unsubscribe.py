"""What the link of a notice switches off, and on again: signed by the portal, so that it needs no sign-in and fits one reader and one kind.

The link works as long as the portal's secret is the same. It says who and what by number; no address is in it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.models import Account, Membership
from odoportal.core import signing
from odoportal.mail.outbox import UNSUBSCRIBE
from odoportal.rooms.notifications.models import InvoiceCopy, Kind
from odoportal.rooms.notifications.service import Reader, chosen, switch, wants

_COPY = "copy"


@dataclass(frozen=True)
class Stopped:
    """What a link is about, and whether it is on: a person's kind of notice, or the copies that a mailbox gets (`reader` is its number)."""

    kind: Kind
    reader: Reader | int
    account: Account
    on: bool


def of_person(kind: Kind, account_id: int, person_id: int) -> str:
    """What the link in a person's notice says."""
    return f"{kind.value}.{account_id}.{person_id}"


def of_copy(copy_id: int) -> str:
    """What the link in a copy of an invoice says."""
    return f"{_COPY}.{copy_id}"


def look(session: Session, token: str) -> Stopped | None:
    """What a link is about; None where the portal did not sign it, or the person belongs to the account no more."""
    said = signing.read(UNSUBSCRIBE, token)
    if said is None:
        return None
    what, *numbers = said.split(".")
    if what == _COPY:
        copy = session.get(InvoiceCopy, int(numbers[0]))
        if copy is None or copy.confirmed_at is None:
            return None
        return Stopped(Kind.INVOICE, copy.id or 0, session.get_one(Account, copy.account_id), copy.stopped_at is None)
    reader = Reader(*map(int, numbers))
    member = session.get(Membership, (reader.account_id, reader.person_id))
    if member is None:
        return None
    of = Kind(what)
    on = wants(member.role, of, chosen(session, reader.account_id, reader.person_id).get(of))
    return Stopped(of, reader, session.get_one(Account, reader.account_id), on)


def unsubscribe(session: Session, token: str, on: bool, client: str, now: datetime) -> Stopped | None:
    """Switch what a link is about on or off, in the name of its reader; told twice, nothing more happens.

    Args:
        session: writing.
        token: of the link.
        on: what it shall be.
        client: the network address it came from.
        now: the instant.
    """
    found = look(session, token)
    if found is not None:
        if isinstance(found.reader, Reader):
            switch(session, found.reader, found.kind, on, Actor(found.reader.person_id, client), now)
        elif found.on != on:
            copy = session.get_one(InvoiceCopy, found.reader)
            copy.stopped_at = None if on else now
            what = ActivityKind.COPY_RESUMED if on else ActivityKind.COPY_STOPPED
            record(session, what, Actor(None, client), now, account_id=copy.account_id, about=copy.email)
        found = Stopped(found.kind, found.reader, found.account, on)
    return found
