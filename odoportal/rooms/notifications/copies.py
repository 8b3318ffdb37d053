"""Addresses that get copies of invoices: added by who looks after billing, in force once the mailbox itself has said so.

An address gets copies only as long as whoever added it, or took it over since, looks after billing (`active`): an address that somebody
added must not get invoices after that person's access has ended.

Whoever changes something asks for the right again within the transaction (`rights.claim`), which also keeps another change of the same
account waiting: of two who add the tenth address at the same time, one is refused.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts import unsolicited
from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.models import Account
from odoportal.accounts.rights import Right, holders, require_right
from odoportal.accounts.service import email_key
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, digest
from odoportal.forms.handling import FormResult
from odoportal.mail import outbox
from odoportal.rooms.notifications import mails
from odoportal.rooms.notifications.models import InvoiceCopy
from odoportal.rooms.notifications.service import copies
from odoportal.rooms.notifications.unsubscribe import of_copy

LIFE = timedelta(days=7)
MOST = 10
KEEP = timedelta(days=30)


def key_of(email: str) -> str:
    """What stands for an address in a form: 16 hexadecimal digits, the same for every spelling of it."""
    return digest(email_key(email))[:16]


def active(session: Session, account_id: int) -> Sequence[InvoiceCopy]:
    """The addresses of an account to which copies go now: confirmed, not stopped, and added by somebody who looks after billing."""
    entitled = holders(session, account_id, Right.BILLING)
    return [c for c in copies(session, account_id) if c.confirmed_at is not None and c.stopped_at is None and c.asked_by in entitled]


def add(session: Session, who: Identity, by: Actor, email: str, language: str, now: datetime) -> FormResult:
    """Ask a mailbox whether it wants copies; until it says so it gets none.

    Args:
        session: writing.
        who: does it.
        by: the same, for the account's changes.
        email: as `email_validator` writes it.
        language: of its letters and documents.
        now: the instant.

    Raises:
        NotAllowed: the person may not.
    """
    require_right(session, who, Right.BILLING)
    known, account_id = copies(session, who.account.account_id), who.account.account_id
    if any(copy.email_key == email_key(email) for copy in known):
        return FormResult(errors={"email": t("This address is listed already.")})
    if len(known) >= MOST:
        return FormResult(error=t("There are ten addresses already. Remove one first."))
    if refused := _counted(session, who, email, now):
        return refused
    seed = outbox.new_seed()
    made = InvoiceCopy(
        account_id=account_id,
        email=email,
        email_key=email_key(email),
        language=language,
        hash=digest(outbox.token_of(seed)),
        asked_by=who.person_id,
        expires_at=now + LIFE,
    )
    session.add(made)
    session.flush()
    mails.copy_asked(session, made, who, seed, now)
    record(session, ActivityKind.COPY_ADDED, by, now, account_id=account_id, about=email)
    return FormResult(t("We mailed a link to {email}. Copies begin once it is confirmed there.", email=email))


def _counted(session: Session, who: Identity, email: str, now: datetime) -> FormResult | None:
    """Count a letter to a mailbox that never asked; what is answered where there were enough."""
    try:
        unsolicited.count(session, unsolicited.Kind.COPY, who.person_id, who.account.account_id, email, now)
    except unsolicited.TooManyLetters as why:
        return FormResult(error=unsolicited.explain(why, who.region))
    return None


def again(session: Session, who: Identity, email: str, now: datetime) -> FormResult:
    """Mail a new link to an address that was not confirmed yet; the link before no longer works.

    Raises:
        NotAllowed: the person may not.
    """
    require_right(session, who, Right.BILLING)
    copy = _named(session, who.account.account_id, email)
    if copy is None or copy.confirmed_at is not None:
        return FormResult(error=t("This address no longer waits for its confirmation."))
    if refused := _counted(session, who, copy.email, now):
        return refused
    seed = outbox.new_seed()
    copy.hash, copy.expires_at, copy.asked_by = digest(outbox.token_of(seed)), now + LIFE, who.person_id
    mails.copy_asked(session, copy, who, seed, now)
    return FormResult(t("We mailed a link to {email}. Copies begin once it is confirmed there.", email=copy.email))


def remove(session: Session, who: Identity, by: Actor, email: str, now: datetime) -> FormResult:
    """Send an address no more copies, and forget it.

    Raises:
        NotAllowed: the person may not.
    """
    require_right(session, who, Right.BILLING)
    if (copy := _named(session, who.account.account_id, email)) is not None:
        forget(session, copy)
        record(session, ActivityKind.COPY_REMOVED, by, now, account_id=who.account.account_id, about=copy.email)
    return FormResult(t("The address is removed."))


def keep(session: Session, who: Identity, by: Actor, email: str, now: datetime) -> FormResult:
    """Go on sending to an address whose adder no longer looks after billing; `who` answers for it from now on.

    Raises:
        NotAllowed: the person may not.
    """
    require_right(session, who, Right.BILLING)
    if (copy := _named(session, who.account.account_id, email)) is None:
        return FormResult(error=t("This address is no longer listed."))
    take_over(session, copy, who.person_id, by, now)
    return FormResult(t("Copies go on to {email}.", email=copy.email))


def take_over(session: Session, copy: InvoiceCopy, person_id: int, by: Actor, now: datetime) -> None:
    """Make an address somebody else's to answer for, without asking its mailbox again."""
    if copy.asked_by != person_id:
        copy.asked_by = person_id
        session.add(copy)
        record(session, ActivityKind.COPY_KEPT, by, now, account_id=copy.account_id, about=copy.email)


def forget(session: Session, copy: InvoiceCopy) -> None:
    """Drop an address: its links no longer work, and copies that wait in the outbox do not leave."""
    outbox.take_back(session, of_copy(copy.id or 0))
    session.delete(copy)


def _named(session: Session, account_id: int, email: str) -> InvoiceCopy | None:
    return session.exec(
        select(InvoiceCopy)
        .where(InvoiceCopy.account_id == account_id, InvoiceCopy.email_key == email_key(email))
        .execution_options(populate_existing=True)
    ).first()


def asked(session: Session, token: str, now: datetime) -> tuple[InvoiceCopy, Account] | None:
    """The address that an open link confirms, and the account.

    Returns:
        None when the link is unknown, used, replaced or over, or when whoever added the address no longer looks after billing.
    """
    found = session.exec(
        select(InvoiceCopy, Account)
        .join(Account, col(Account.id) == col(InvoiceCopy.account_id))
        .where(
            InvoiceCopy.hash == digest(token),
            col(InvoiceCopy.confirmed_at).is_(None),
            col(InvoiceCopy.expires_at) > now,
        )
    ).first()
    if found is None or found[0].asked_by not in holders(session, found[0].account_id, Right.BILLING):
        return None
    return found[0], found[1]


def confirm(session: Session, token: str, client: str, now: datetime) -> bool:
    """Send copies from now on; of any number of tries with a link one confirms, the others are told that it is used."""
    found = asked(session, token, now)
    if found is None:
        return False
    copy, _ = found
    taken = session.exec(
        sql_update(InvoiceCopy)
        .where(col(InvoiceCopy.id) == copy.id, col(InvoiceCopy.hash) == digest(token), col(InvoiceCopy.confirmed_at).is_(None))
        .values(confirmed_at=now)
    )
    if taken.rowcount == 1:
        record(session, ActivityKind.COPY_CONFIRMED, Actor(None, client), now, account_id=copy.account_id, about=copy.email)
    return taken.rowcount == 1


def purge_expired(session: Session, now: datetime) -> int:
    """Forget addresses that were asked long ago and never said yes; returns how many."""
    silent = (col(InvoiceCopy.confirmed_at).is_(None), col(InvoiceCopy.expires_at) <= now - KEEP)
    return session.exec(sql_delete(InvoiceCopy).where(*silent)).rowcount
