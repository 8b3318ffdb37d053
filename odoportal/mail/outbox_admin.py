"""The outbox for the operator: lists waiting and given-up mails and retries them. Never shows the contents of a mail."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.core.folding import printable
from odoportal.mail.outbox import Mail

MAX_LISTED = 200


@dataclass(frozen=True)
class UnsentMail:
    """A mail that was not sent: due while `next_try_at` is set, otherwise given up at `failed_at`. Times are UTC."""

    id: int
    to: str
    subject: str
    created_at: datetime
    attempts: int
    next_try_at: datetime | None
    failed_at: datetime | None
    error: str


def waiting(session: Session) -> tuple[list[UnsentMail], int]:
    """Return the due and given-up mails, oldest first, at most 200, and how many more there are.

    Body and seed are not even read. Characters that would move a terminal's cursor are replaced.
    """
    unsent = or_(col(Mail.next_try_at).is_not(None), col(Mail.failed_at).is_not(None))
    columns = (Mail.id, Mail.to, Mail.subject, Mail.created_at, Mail.attempts, Mail.next_try_at, Mail.failed_at, Mail.last_error)
    table = Mail.__table__  # pyright: ignore[reportAttributeAccessIssue]
    found = session.connection().execute(
        select(*(table.c[column.key] for column in columns)).where(unsent).order_by(table.c.id).limit(MAX_LISTED)  # pyright: ignore
    )
    mails = [
        UnsentMail(
            row.id,
            printable(row.to),
            printable(row.subject),
            row.created_at,
            row.attempts,
            row.next_try_at,
            row.failed_at,
            printable(row.last_error),
        )
        for row in found
    ]
    return mails, session.exec(select(func.count()).select_from(Mail).where(unsent)).one() - len(mails)


def retry(session: Session, now: datetime, mail_id: int | None = None) -> int:
    """Make a mail due now with a full number of attempts, or all given-up mails if no id is given. Return how many.

    A sent mail is never sent again.

    Args:
        session: a writing session; the caller commits.
        now: the current time.
        mail_id: the mail's id.
    """
    given_up = col(Mail.failed_at).is_not(None)
    which = (
        given_up
        if mail_id is None
        else (col(Mail.id) == mail_id) & col(Mail.sent_at).is_(None) & or_(given_up, col(Mail.next_try_at).is_not(None))
    )
    return session.exec(sql_update(Mail).where(which).values(next_try_at=now, failed_at=None, attempts=0)).rowcount
