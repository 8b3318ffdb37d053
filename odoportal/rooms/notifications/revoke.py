"""The end of copies of invoices when the person who added the address loses the billing right."""

from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.access_loss import AccessLoss
from odoportal.accounts.activity_log import record
from odoportal.accounts.rights import Right
from odoportal.rooms.notifications import copies
from odoportal.rooms.notifications.activity import NotificationActivity
from odoportal.rooms.notifications.service import added_by


def revoke(session: Session, lost: AccessLoss, now: datetime) -> None:
    """Stop the copies that a person added who has lost the billing right. See `accounts.access_loss`.

    If a person decided what is kept (`keeper`), the keeper takes over the kept addresses and the others are deleted. If another person
    was signed in (`since`), the addresses added from then on are deleted. Otherwise an unconfirmed address is deleted, so that its link
    stops working, and a confirmed one is paused: `copies.active` leaves it out until a person with the billing right keeps it.
    """
    for copy in added_by(session, lost.account_id, lost.person_id):
        if not lost.ends(Right.BILLING, copy.expires_at - copies.LINK_LIFETIME):
            continue
        if lost.keeper is not None and copies.key_of(copy.email) in lost.kept:
            copies.take_over(session, copy, lost.keeper, lost.by, now)
        elif lost.keeper is not None or lost.since is not None or copy.confirmed_at is None:
            copies.delete(session, copy)
            record(session, NotificationActivity.COPY_REMOVED, lost.by, now, account_id=lost.account_id, about=copy.email)
    session.flush()
