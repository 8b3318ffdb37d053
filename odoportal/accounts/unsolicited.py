"""Limits for unsolicited mail: mail to an address that a customer typed and that may belong to anyone.

Code that sends such a mail first calls `count` in the same transaction: for an invitation and every resend of it, for the request to
confirm an address for copies of invoices, and for the confirmation of a new email. `LIMITS` and `PER_MAILBOX` are the only limits. The
counts are kept in the database, so that neither a restart nor a flood of other requests clears them. They are kept by what a caller
cannot invent: the account, the signed-in person, and the mailbox, which ignores case, dots and a `+tag`. Withdrawing and asking again
counts again.

Reset links are sent only to a person's stored email and have their own limits (`signin.routes`). Copies of invoices and notifications
are sent only to people who have agreed to them.

These mails are sent from Odotrack's own domain. The name in them is chosen by the customer, and is therefore reduced to `plain_name`.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete as sql_delete
from sqlmodel import Session, col, select

from odoportal.accounts.models import UnsolicitedMail
from odoportal.accounts.service import email_key
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import require_identity, token_hash

DAY = timedelta(days=1)
MAX_NAME_LENGTH = 60
"""The longest name, in characters, that fits into a mail program's list together with the rest of the subject."""
_NAME_SIGNS = frozenset(" '’-.,&()")


class MailKind(StrEnum):
    """A kind of unsolicited mail. The value is stored in the database."""

    INVITATION = "invitation"
    COPY = "copy"
    EMAIL = "email"


@dataclass(frozen=True)
class Limit:
    """A sliding-window limit: at most `most` mails in any period of length `span`."""

    most: int
    span: timedelta


PER_MAILBOX = Limit(3, DAY)
"""The limit for one mailbox, over all kinds and all senders."""


@dataclass(frozen=True)
class KindLimits:
    """The limits of one kind of mail: for one person, and for all people of an account together."""

    person: Limit
    account: Limit


LIMITS: Mapping[MailKind, KindLimits] = {
    # Enough to invite the whole office of a fleet in a day.
    MailKind.INVITATION: KindLimits(person=Limit(20, DAY), account=Limit(30, DAY)),
    # An account has ten addresses at most.
    MailKind.COPY: KindLimits(person=Limit(10, DAY), account=Limit(10, DAY)),
    MailKind.EMAIL: KindLimits(person=Limit(5, timedelta(hours=1)), account=Limit(5, timedelta(hours=1))),
}


class TooManyMails(Exception):
    """A limit is reached. `until` is the instant (UTC) to try again from; `mailbox` is True for the limit of the mailbox."""

    def __init__(self, until: datetime, mailbox: bool) -> None:
        super().__init__(until)
        self.until, self.mailbox = until, mailbox


def count_mail(session: Session, kind: MailKind, person_id: int, account_id: int | None, email: str, now: datetime) -> None:
    """Count one mail that is about to be sent. Call it before anything else is written.

    Args:
        session: The database session that writes the mail. The limits of the person and the account are exact when their rows are
            locked in it; the mailbox limit can be exceeded by simultaneous requests from different accounts.
        kind: The kind of mail.
        person_id: The person who causes it.
        account_id: The account it is about; None when it is about the person only.
        email: The address it is sent to.
        now: The current instant.

    Raises:
        TooManyMails: If a limit is reached: the mail must not be sent.
    """
    hashed, limits, of_kind = mailbox_hash(email), LIMITS[kind], UnsolicitedMail.kind == kind.value
    checks: list[tuple[Limit, list[object]]] = [
        (PER_MAILBOX, [UnsolicitedMail.mailbox_hash == hashed]),
        (limits.person, [UnsolicitedMail.person_id == person_id, of_kind]),
    ]
    if account_id is not None:
        checks.append((limits.account, [UnsolicitedMail.account_id == account_id, of_kind]))
    for number, (limit, where) in enumerate(checks):
        newest_first = select(UnsolicitedMail.at).where(*where).order_by(col(UnsolicitedMail.at).desc())  # pyright: ignore[reportArgumentType]
        full_since = session.exec(newest_first.offset(limit.most - 1).limit(1)).first()
        if full_since is not None and full_since + limit.span > now:
            raise TooManyMails(full_since + limit.span, mailbox=number == 0)
    session.add(UnsolicitedMail(at=now, kind=kind.value, person_id=person_id, account_id=account_id, mailbox_hash=hashed))
    session.flush()


def mailbox_hash(email: str) -> str:
    """Return the digest that identifies a mailbox, ignoring case, dots and a `+tag` before the `@`.

    Mail providers deliver such variants to one mailbox (RFC 5233 for the `+`). Two mailboxes that differ only in dots share a limit.
    """
    local, _, domain = email_key(email).rpartition("@")
    return token_hash(f"{local.partition('+')[0].replace('.', '') or local}@{domain}")


def limit_message(refusal: TooManyMails) -> str:
    """Return the message for the signed-in person, in the language in use, with the instant in the person's format."""
    moment = Formats(require_identity().region).moment_in_text(refusal.until)
    if refusal.mailbox:
        return t("This address was emailed several times in the last 24 hours. Try again after {moment}.", moment=moment)
    return t("Too many of these emails were sent. Try again after {moment}.", moment=moment)


def plain_name(name: str, email: str) -> str:
    """Return a name reduced for a mail to a stranger: letters and a few signs, at most 60 characters; the email if no letter is left.

    The result contains nothing that mail programs make clickable, such as a web address or a phone number: no digits, slashes, colons or
    invisible characters, and no dot between two letters.
    """
    kept = "".join(c if c in _NAME_SIGNS or unicodedata.category(c)[0] in "LM" else " " for c in unicodedata.normalize("NFKC", name))
    spaced = " ".join(re.sub(r"\.(?=\S)", ". ", kept).split())
    if not any(c.isalpha() for c in spaced):
        return email
    return spaced if len(spaced) <= MAX_NAME_LENGTH else spaced[: MAX_NAME_LENGTH - 1].rstrip() + "…"


def purge_expired(session: Session, now: datetime) -> int:
    """Delete the counts that are too old for any limit, and return how many rows were deleted."""
    return session.exec(sql_delete(UnsolicitedMail).where(col(UnsolicitedMail.at) <= now - DAY)).rowcount
