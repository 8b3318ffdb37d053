"""Mail to mailboxes that have not asked for it: an address that a customer typed, and that may be anybody's.

Whatever writes to such an address counts it first with `count`, in its own transaction: an invitation and each time it is sent again, the
question whether a mailbox wants copies of invoices, and the confirmation of another email. `LIMITS` is the one table of how much there
may be. It is kept in the database, so that neither a restart nor many other tries wash it away, and it is counted by what nobody can make
up: the account, the signed-in person, and the mailbox, which is the same with another spelling, other dots or another `+tag`. To withdraw
and to ask again counts anew.

A reset link goes to the stored address of a person only and has its own limits (`signin.routes`). Copies of invoices and notices go to
who has said yes.

Such a letter leaves from Odotrack's own domain. What the customer chose in it, the name, is therefore cut down to `plain_name`.
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
from odoportal.core.identity import digest

DAY = timedelta(days=1)
LONGEST_NAME = 60
"""What fits into the line of a list of mails, with what the portal itself says in it."""
_NAME = frozenset(" '’-.,&()")


class Kind(StrEnum):
    """What is asked of the mailbox. The word is stored."""

    INVITATION = "invitation"
    COPY = "copy"
    EMAIL = "email"


@dataclass(frozen=True)
class Limit:
    """At most so many letters in any span of time."""

    most: int
    span: timedelta


PER_MAILBOX = Limit(3, DAY)
"""To one mailbox, of every kind and whoever asks."""


@dataclass(frozen=True)
class Limits:
    """How many letters of a kind one person, and all people of an account together, may cause."""

    person: Limit
    account: Limit


LIMITS: Mapping[Kind, Limits] = {
    # A fleet's whole office is invited in a day; nobody invites more.
    Kind.INVITATION: Limits(person=Limit(20, DAY), account=Limit(30, DAY)),
    # An account has ten addresses at most.
    Kind.COPY: Limits(person=Limit(10, DAY), account=Limit(10, DAY)),
    Kind.EMAIL: Limits(person=Limit(5, timedelta(hours=1)), account=Limit(5, timedelta(hours=1))),
}


class TooManyLetters(Exception):
    """A limit is reached; `until` is the instant from which the same may be tried again."""

    def __init__(self, until: datetime, mailbox: bool) -> None:
        super().__init__(until)
        self.until, self.mailbox = until, mailbox


def count(session: Session, kind: Kind, person_id: int, account_id: int | None, email: str, now: datetime) -> None:
    """Count one letter that is about to be written; call it before anything else is written.

    Args:
        session: the session that writes the letter. Whoever holds the account or the person in it is exact about their limits; the limit
            of a mailbox may be passed by as many as ask at the same instant in different accounts.
        kind: what is asked.
        person_id: who asks.
        account_id: for which account; None where it is about the person alone.
        email: of the mailbox, as it is written to.
        now: the instant.

    Raises:
        TooManyLetters: it must not be written now.
    """
    box, limits, of_kind = mailbox(email), LIMITS[kind], UnsolicitedMail.kind == kind.value
    asked: list[tuple[Limit, list[object]]] = [
        (PER_MAILBOX, [UnsolicitedMail.mailbox_hash == box]),
        (limits.person, [UnsolicitedMail.person_id == person_id, of_kind]),
    ]
    if account_id is not None:
        asked.append((limits.account, [UnsolicitedMail.account_id == account_id, of_kind]))
    for number, (limit, where) in enumerate(asked):
        newest_first = select(UnsolicitedMail.at).where(*where).order_by(col(UnsolicitedMail.at).desc())  # pyright: ignore[reportArgumentType]
        full_since = session.exec(newest_first.offset(limit.most - 1).limit(1)).first()
        if full_since is not None and full_since + limit.span > now:
            raise TooManyLetters(full_since + limit.span, mailbox=number == 0)
    session.add(UnsolicitedMail(at=now, kind=kind.value, person_id=person_id, account_id=account_id, mailbox_hash=box))
    session.flush()


def mailbox(email: str) -> str:
    """What stands for a mailbox: a digest in which spelling, dots and what follows a `+` before the `@` make no difference.

    Mail providers deliver these to one mailbox (RFC 5233 for the `+`). Two mailboxes that differ only in dots share a limit.
    """
    local, _, domain = email_key(email).rpartition("@")
    return digest(f"{local.partition('+')[0].replace('.', '') or local}@{domain}")


def explain(why: TooManyLetters, region: str) -> str:
    """What the customer is told, in the language in use, with the instant in the person's format."""
    moment = Formats(region).moment(why.until)
    if why.mailbox:
        return t("This address was emailed several times in the last 24 hours. Try again after {moment}.", moment=moment)
    return t("Too many of these emails were sent. Try again after {moment}.", moment=moment)


def plain_name(name: str, email: str) -> str:
    """A name as a letter to a stranger has it: letters and a few signs, 60 characters at most; the email where no letter is left.

    Nothing in it looks like a web address or a phone number, which mail programs make clickable: there are no digits, slashes, colons or
    invisible signs, and no dot stands between two letters.
    """
    kept = "".join(c if c in _NAME or unicodedata.category(c)[0] in "LM" else " " for c in unicodedata.normalize("NFKC", name))
    spaced = " ".join(re.sub(r"\.(?=\S)", ". ", kept).split())
    if not any(c.isalpha() for c in spaced):
        return email
    return spaced if len(spaced) <= LONGEST_NAME else spaced[: LONGEST_NAME - 1].rstrip() + "…"


def sweep(session: Session, now: datetime) -> int:
    """Forget what no limit counts any more; returns how many rows went."""
    return session.exec(sql_delete(UnsolicitedMail).where(col(UnsolicitedMail.at) <= now - DAY)).rowcount
