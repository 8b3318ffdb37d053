"""A request to close an account ends with the right of whoever made it."""

from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.activity_log import ActivityKind, record
from odoportal.accounts.ending import Lost
from odoportal.accounts.models import Account, Person
from odoportal.accounts.rights import Right
from odoportal.rooms.privacy import mails
from odoportal.rooms.privacy.models import ClosingRequest


def end(session: Session, lost: Lost, now: datetime) -> None:
    """Take back the request of somebody who is no owner any more, and tell Odotrack. See `accounts.ending`.

    Closing cannot be undone, asking again can: an owner who stays asks again if it is still wanted.
    """
    asked = session.get(ClosingRequest, lost.account_id, populate_existing=True)
    if asked is None or asked.person_id != lost.person_id or not lost.ends(Right.ACCOUNT, asked.asked_at):
        return
    session.delete(asked)
    session.flush()
    account = session.get_one(Account, lost.account_id)
    mails.closing_lapsed(session, session.get_one(Person, lost.person_id), account, now)
    record(session, ActivityKind.CLOSING_TAKEN_BACK, lost.by, now, account_id=lost.account_id, about=account.number)
