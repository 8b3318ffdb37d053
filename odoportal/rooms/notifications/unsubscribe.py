"""The unsubscribe links of notifications and of copies of invoices, which can switch them on again, too.

A link is signed by the portal, so that it needs no sign-in and is valid only for one reader and one kind. It works as long as the
portal's secret is the same. It contains ids, but no email address.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Account, Membership
from odoportal.core import signing
from odoportal.mail.outbox import UNSUBSCRIBE
from odoportal.rooms.notifications.activity import NotificationActivity
from odoportal.rooms.notifications.models import InvoiceCopy, NotificationKind
from odoportal.rooms.notifications.service import Reader, chosen, switch, wants

_COPY = "copy"


@dataclass(frozen=True)
class Subscription:
    """The subject of a link and whether it is on: a person's kind of notification, or the copies of an address (`reader` is its id)."""

    kind: NotificationKind
    reader: Reader | int
    account: Account
    on: bool


def of_person(kind: NotificationKind, account_id: int, person_id: int) -> str:
    """Return the content of the token in the link of a person's notification."""
    return f"{kind.value}.{account_id}.{person_id}"


def of_copy(copy_id: int) -> str:
    """Return the content of the token in the link of a copy of an invoice."""
    return f"{_COPY}.{copy_id}"


def read_link(session: Session, token: str) -> Subscription | None:
    """Return the subject of a link.

    Returns:
        None if the portal did not sign the link, the person is no longer a member of the account, or the address is deleted or unconfirmed.
    """
    content = signing.verify(UNSUBSCRIBE, token)
    if content is None:
        return None
    subject, *ids = content.split(".")
    if subject == _COPY:
        copy = session.get(InvoiceCopy, int(ids[0]))
        if copy is None or copy.confirmed_at is None:
            return None
        return Subscription(NotificationKind.INVOICE, copy.id or 0, session.get_one(Account, copy.account_id), copy.stopped_at is None)
    reader = Reader(*map(int, ids))
    member = session.get(Membership, (reader.account_id, reader.person_id))
    if member is None:
        return None
    kind = NotificationKind(subject)
    on = wants(member.role, kind, chosen(session, reader.account_id, reader.person_id).get(kind))
    return Subscription(kind, reader, session.get_one(Account, reader.account_id), on)


def unsubscribe(session: Session, token: str, on: bool, client: str, now: datetime) -> Subscription | None:
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
    found = read_link(session, token)
    if found is not None:
        if isinstance(found.reader, Reader):
            switch(session, found.reader, found.kind, on, Actor(found.reader.person_id, client), now)
        elif found.on != on:
            copy = session.get_one(InvoiceCopy, found.reader)
            copy.stopped_at = None if on else now
            activity = NotificationActivity.COPY_RESUMED if on else NotificationActivity.COPY_STOPPED
            record(session, activity, Actor(None, client), now, account_id=copy.account_id, about=copy.email)
        found = Subscription(found.kind, found.reader, found.account, on)
    return found
