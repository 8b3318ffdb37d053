"""Copies of invoices end with the right of whoever added the address."""

from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.activity_log import ActivityKind, record
from odoportal.accounts.ending import Lost
from odoportal.accounts.rights import Right
from odoportal.rooms.notifications import copies
from odoportal.rooms.notifications.service import added_by


def end(session: Session, lost: Lost, now: datetime) -> None:
    """Stop the copies that somebody added who looks after billing no more. See `accounts.ending`.

    Where somebody decided (`keeper`), what is kept is the keeper's from now on and the rest is removed. Where nobody was asked, an
    address that was never confirmed is removed, so that its link dies for good, and a confirmed one is paused: `copies.active` leaves
    it out until somebody who looks after billing keeps it.
    """
    for copy in added_by(session, lost.account_id, lost.person_id):
        if not lost.ends(Right.BILLING, copy.expires_at - copies.LIFE):
            continue
        if lost.keeper is not None and copies.key_of(copy.email) in lost.kept:
            copies.take_over(session, copy, lost.keeper, lost.by, now)
        elif lost.keeper is not None or lost.since is not None or copy.confirmed_at is None:
            copies.forget(session, copy)
            record(session, ActivityKind.COPY_REMOVED, lost.by, now, account_id=lost.account_id, about=copy.email)
    session.flush()
