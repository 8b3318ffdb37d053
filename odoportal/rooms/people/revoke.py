"""Withdrawal of invitations when their sender loses the right to invite."""

from datetime import datetime

from sqlmodel import Session, select

from odoportal.accounts.access_loss import AccessLoss
from odoportal.accounts.activity_log import PeopleActivity, record
from odoportal.accounts.rights import Right
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.people.service import INVITATION_LIFETIME


def revoke(session: Session, lost: AccessLoss, now: datetime) -> None:
    """Withdraw the open invitations of a person who may no longer invite. See `accounts.access_loss`."""
    theirs = select(Invitation).where(Invitation.account_id == lost.account_id, Invitation.invited_by == lost.person_id)
    for invitation in session.exec(theirs.order_by(Invitation.email_key)).all():
        # Sending an invitation again renews it and changes `invited_by`, so this is the instant at which this person last sent it.
        if lost.ends(Right.PEOPLE, invitation.expires_at - INVITATION_LIFETIME):
            session.delete(invitation)
            about = {"about": invitation.email, "before": {"role": invitation.role}}
            record(session, PeopleActivity.WITHDRAWN, lost.by, now, account_id=lost.account_id, **about)
    session.flush()
