"""Withdrawal of a request to close an account when its author loses the right to make it."""

from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.activity_log import ActivityKind, record
from odoportal.accounts.ending import Lost
from odoportal.accounts.models import Account, Person
from odoportal.accounts.rights import Right
from odoportal.rooms.privacy import mails
from odoportal.rooms.privacy.models import ClosingRequest


def end(session: Session, lost: Lost, now: datetime) -> None:
    """Withdraw the closing request of a person who is no longer an owner, and mail Odotrack. See `accounts.ending`.

    Closing an account cannot be undone, while withdrawing a request can: a remaining owner can ask again.
    """
    asked = session.get(ClosingRequest, lost.account_id, populate_existing=True)
    if asked is None or asked.person_id != lost.person_id or not lost.ends(Right.ACCOUNT, asked.asked_at):
        return
    session.delete(asked)
    session.flush()
    account = session.get_one(Account, lost.account_id)
    mails.closing_lapsed(session, session.get_one(Person, lost.person_id), account, now)
    record(session, ActivityKind.CLOSING_TAKEN_BACK, lost.by, now, account_id=lost.account_id, about=account.number)
