"""Invitations end with the right of whoever sent them."""

from datetime import datetime

from sqlmodel import Session, select

from odoportal.accounts.activity_log import ActivityKind, record
from odoportal.accounts.ending import Lost
from odoportal.accounts.rights import Right
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.people.service import LIFE


def end(session: Session, lost: Lost, now: datetime) -> None:
    """Withdraw the open invitations of somebody who may invite no more. See `accounts.ending`."""
    theirs = select(Invitation).where(Invitation.account_id == lost.account_id, Invitation.invited_by == lost.person_id)
    for invitation in session.exec(theirs.order_by(Invitation.email_key)).all():
        # Sent again, it is the invitation of whoever sent it again, from then on.
        if lost.ends(Right.PEOPLE, invitation.expires_at - LIFE):
            session.delete(invitation)
            about = {"about": invitation.email, "before": {"role": invitation.role}}
            record(session, ActivityKind.WITHDRAWN, lost.by, now, account_id=lost.account_id, **about)
    session.flush()
