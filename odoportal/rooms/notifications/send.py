"""A run of the notifications: report the new events of every account, once, to the people who want them.

However many runs take place, at once or in turn, and with any imports in between, exactly one reports an event: it is stored under a
unique key in the transaction that writes its mails. A person who joins an account, or switches a kind on, gets later events only.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from odoportal.accounts.models import Account, Membership, Person
from odoportal.core.database import read_session, write_session
from odoportal.core.identity import ActiveMembership as Member
from odoportal.documents.routes import render_document
from odoportal.observability.failures import Failures
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.invoices.pdf import invoice_sheet
from odoportal.rooms.notifications import mails
from odoportal.rooms.notifications.copies import active
from odoportal.rooms.notifications.events import Event, events
from odoportal.rooms.notifications.models import InvoiceCopy, Notice, NoticeChoice, NoticeReader, NoticeStart, NotificationKind
from odoportal.rooms.notifications.service import wants

Pdfs = dict[tuple[str, str], bytes]
"""PDFs by invoice number and language."""
GRACE = timedelta(days=3)
"""How far before an account's first run events are reported, so that they include a new customer's first invoice."""


@dataclass
class SendRun:
    """The result of a run: the number of events by kind, the number of mails, and the accounts and invoices that failed."""

    things: Counter[NotificationKind] = field(default_factory=Counter[NotificationKind])
    mails: int = 0
    failed: list[str] = field(default_factory=list[str])


def run(provider: str, today: date, now: datetime, dry: bool = False) -> SendRun:
    """Report the new events of every account. One that fails does not keep the others from it, and is tried again by the next run.

    Args:
        provider: the payment provider of the cards on file; empty if there is none.
        today: the business day.
        now: the current instant.
        dry: only return what would be reported.
    """
    result = SendRun()
    with read_session() as session:
        accounts = session.exec(select(Account.id, Account.number).order_by(col(Account.id))).all()
    failures = Failures("notices")
    for account_id, number in accounts:
        if account_id is None:
            continue
        with failures.skip(f"account {number}"):
            kinds, mail_count = _run_account(account_id, failures, provider, today, now, dry)
            result.things.update(kinds)
            result.mails += mail_count
    result.failed = failures.items
    return result


def _run_account(
    account_id: int, failures: Failures, provider: str, today: date, now: datetime, dry: bool
) -> tuple[list[NotificationKind], int]:
    """Report the new events of an account; return the kind of each, and the number of mails."""
    # Most accounts have nothing to report: look in a reading transaction first, which does not block writers.
    with read_session() as session:
        found: Sequence[Event] = _new_events(session, account_id, provider, today)
        started = session.get(NoticeStart, account_id) is not None
        mail_count = len(_due_mails(session, account_id, found))
        mail_count += len(active(session, account_id)) * sum(event.kind is NotificationKind.INVOICE for event in found)
    if not dry and (found or not started):
        pdfs = _render_copies(account_id, failures, found, today)
        with write_session() as session:
            found, sent = _report(session, account_id, provider, pdfs, today, now)
        mail_count = len(sent)
    return [event.kind for event in found], mail_count


def _new_events(session: Session, account_id: int, provider: str, today: date) -> list[Event]:
    start = session.get(NoticeStart, account_id)
    found = events(session, account_id, provider, start.since if start else today - GRACE, today)
    reported = select(Notice.kind, Notice.about).where(Notice.account_id == account_id, col(Notice.about).in_([e.about for e in found]))
    known = set(session.exec(reported).all()) if found else set[tuple[str, str]]()
    return [event for event in found if (event.kind.value, event.about) not in known]


def _due_mails(session: Session, account_id: int, found: Sequence[Event]) -> list[tuple[Person, NotificationKind]]:
    kinds = sorted({event.kind for event in found})
    return [(person, kind) for kind in kinds for person in recipients(session, account_id, kind)]


def recipients(session: Session, account_id: int, kind: NotificationKind) -> list[Person]:
    """Return the people of an account who get a kind of notification: they want it, have a password and are not disabled."""
    own_choice = (
        (col(NoticeChoice.account_id) == col(Membership.account_id))
        & (col(NoticeChoice.person_id) == col(Membership.person_id))
        & (col(NoticeChoice.kind) == kind.value)
    )
    found = session.exec(
        select(Person, Membership.role, NoticeChoice.wanted)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .join(NoticeChoice, own_choice, isouter=True)
        .where(Membership.account_id == account_id, Person.password != "", col(Person.disabled_at).is_(None))
        .order_by(col(Person.id))
    )
    return [person for person, role, choice in found if wants(role, kind, choice)]


def _render_copies(account_id: int, failures: Failures, found: Sequence[Event], today: date) -> Pdfs:
    """Return the PDFs of new invoices in each language of the copies, without those that cannot be set.

    Rendering takes a while, so it is done before the transaction.
    """
    with read_session() as session:
        languages = {copy.language for copy in active(session, account_id)}
        account = session.get_one(Account, account_id)
    whose = Member(account_id, account.number, account.name, "")
    pdfs: Pdfs = {}
    for event in found:
        for language in languages if event.kind is NotificationKind.INVOICE else ():
            with failures.skip(f"account {account.number}, invoice {event.about}"):
                if (body := render_document(invoice_sheet, whose, event.about, language, today, "letter")) is not None:
                    pdfs[event.about, language] = body
    return pdfs


def _report(
    session: Session, account_id: int, provider: str, pdfs: Pdfs, today: date, now: datetime
) -> tuple[Sequence[Event], Sequence[Person | InvoiceCopy]]:
    # Lock the account: another run waits here, and then finds the events reported.
    account = session.get_one(Account, account_id, with_for_update=True)
    if session.get(NoticeStart, account_id) is None:
        session.add(NoticeStart(account_id=account_id, since=today - GRACE))
        session.flush()
    addresses = active(session, account_id)
    # An invoice without its PDF, because it was imported since or cannot be set, waits for the next run.
    found = [
        event
        for event in _new_events(session, account_id, provider, today)
        if event.kind is not NotificationKind.INVOICE or all((event.about, copy.language) in pdfs for copy in addresses)
    ]
    stored = [(event, Notice(account_id=account_id, kind=event.kind.value, about=event.about, told_at=now)) for event in found]
    session.add_all([notice for _, notice in stored])
    session.flush()
    due_mails = _due_mails(session, account_id, found)
    recipients: dict[tuple[int, str], int | None] = {}
    for person, kind in due_mails:
        own = [(event, notice) for event, notice in stored if event.kind is kind]
        mails.write_notification(session, person, account, kind, [event for event, _ in own], today, now)
        recipients |= {(notice.id or 0, person.email): person.id for _, notice in own}
    sent: list[Person | InvoiceCopy] = [person for person, _ in due_mails]
    issued = [
        (event.record, notice) for event, notice in stored if event.kind is NotificationKind.INVOICE and isinstance(event.record, Invoice)
    ]
    for invoice, notice in issued:
        for copy in addresses:
            mails.write_invoice_copy(session, copy, account, invoice, pdfs[invoice.number, copy.language], now)
            recipients.setdefault((notice.id or 0, copy.email), None)
            sent.append(copy)
    session.add_all([NoticeReader(notice_id=n, email=email, person_id=who) for (n, email), who in recipients.items()])
    return found, sent
