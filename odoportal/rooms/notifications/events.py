"""Events of an account that people can be notified of, from the dates of its records. This module does not know which were reported.

Each event has a day: the date of an invoice, the day a payment was received, the 1st, 7th and 30th day an invoice is overdue, 60, 30
and 7 days before an agreement ends, or 30 days before a card expires. It is reported on that day or, if no run took place or an import
was late, within `LATE` after it, and never later. Of the stages of a record, only the current one is an event.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlmodel import Session

from odoportal.core import clock
from odoportal.rooms.cards import service as cards
from odoportal.rooms.cards.models import Card
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.models import Invoice, Payment
from odoportal.rooms.notifications.models import NotificationKind
from odoportal.rooms.orders import service as orders
from odoportal.rooms.orders.service import EndingAgreement

MAX_DELAY = timedelta(days=14)
OVERDUE_DAYS = (1, 7, 30)
ENDING_DAYS = (60, 30, 7)
CARD_DAYS = 30


@dataclass(frozen=True)
class PaymentIn:
    """A payment, and the numbers of the invoices it pays."""

    payment: Payment
    invoices: Sequence[str]

    @property
    def amount(self) -> Decimal:
        """The amount in dollars."""
        return self.payment.amount


@dataclass(frozen=True)
class Event:
    """An event: its kind, a key that is unique for the kind and account (`about`), its day, and the record it is about."""

    kind: NotificationKind
    about: str
    day: date
    record: Invoice | PaymentIn | EndingAgreement | Card


def events(session: Session, account_id: int, provider: str, since: date, today: date) -> list[Event]:
    """Return the events of an account that can be reported on a day.

    Args:
        session: a database session for reading.
        account_id: the account.
        provider: the payment provider of the cards on file; empty if there is none.
        since: the first day of events to report.
        today: the business day.
    """
    first = max(since, today - MAX_DELAY)
    found = (
        *_invoices(session, account_id, first, today),
        *_payments(session, account_id, first, today),
        *_overdue(session, account_id, today),
        *_ending(session, account_id, today),
        *_cards(session, account_id, provider, today),
    )
    return [event for event in found if event.day >= first]


def _invoices(session: Session, account_id: int, first: date, today: date) -> Iterator[Event]:
    for invoice in invoices.issued(session, account_id, first, today):
        yield Event(NotificationKind.INVOICE, invoice.number, invoice.issued_on, invoice)


def _payments(session: Session, account_id: int, first: date, today: date) -> Iterator[Event]:
    for payment, numbers in invoices.payments_received(session, account_id, first, today):
        yield Event(NotificationKind.PAYMENT, payment.reference, clock.to_local(payment.received_at).date(), PaymentIn(payment, numbers))


def _overdue(session: Session, account_id: int, today: date) -> Iterator[Event]:
    earliest_due = today - timedelta(days=max(OVERDUE_DAYS)) - MAX_DELAY
    for invoice in invoices.open_and_due(session, account_id, earliest_due, today - timedelta(days=1)):
        stage = max(days for days in OVERDUE_DAYS if invoice.due_on + timedelta(days=days) <= today)
        yield Event(NotificationKind.OVERDUE, f"{invoice.number} {stage}", invoice.due_on + timedelta(days=stage), invoice)


def _ending(session: Session, account_id: int, today: date) -> Iterator[Event]:
    for agreement in orders.ending(session, account_id, today):
        left = (agreement.end_on - today).days
        reached = [days for days in ENDING_DAYS if left <= days]
        if reached:
            stage = min(reached)
            # The key has the last day, so that an agreement that was prolonged is reported again.
            about = f"{agreement.number} {agreement.end_on.isoformat()} {stage}"
            yield Event(NotificationKind.ENDING, about, agreement.end_on - timedelta(days=stage), agreement)


def _cards(session: Session, account_id: int, provider: str, today: date) -> Iterator[Event]:
    for card in cards.cards(session, account_id, provider) if provider else ():
        last = cards.last_day(card)
        if 0 <= (last - today).days <= CARD_DAYS:
            yield Event(NotificationKind.CARD, f"{card.id} {last.isoformat()}", last - timedelta(days=CARD_DAYS), card)
