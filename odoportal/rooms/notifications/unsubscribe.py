"""The unsubscribe links of notifications and of copies of invoices, which can switch them on again, too.

A link is signed by the portal, so that it needs no sign-in and is valid only for one reader and one kind. It works as long as the
portal's secret is the same. It contains ids, but no email address.
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
    """The subject of a link and whether it is on: a person's kind of notification, or the copies of an address (`reader` is its id)."""

    kind: Kind
    reader: Reader | int
    account: Account
    on: bool


def of_person(kind: Kind, account_id: int, person_id: int) -> str:
    """Return the content of the token in the link of a person's notification."""
    return f"{kind.value}.{account_id}.{person_id}"


def of_copy(copy_id: int) -> str:
    """Return the content of the token in the link of a copy of an invoice."""
    return f"{_COPY}.{copy_id}"


def look(session: Session, token: str) -> Stopped | None:
    """Return the subject of a link.

    Returns:
        None if the portal did not sign the link, the person is no longer a member of the account, or the address is deleted or unconfirmed.
    """
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
    """Switch the subject of a link on or off, in the name of its reader. Doing it twice has no further effect.

    Args:
        session: a database session for writing.
        token: the token of the link.
        on: whether to switch it on.
        client: the network address of the client.
        now: the current instant.

    Returns:
        The subject with its new state; None as for `look`.
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
