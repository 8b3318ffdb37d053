"""What a search over invoices reads."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol

from odoportal.core.folding import fold
from odoportal.rooms.orders.search_text import ItemText, amount_texts, line_texts


class InvoiceText(Protocol):
    """What an invoice itself gives to its search text."""

    number: str
    issued_on: date
    due_on: date
    settled_on: date | None
    total: Decimal
    paid: Decimal
    credited: Decimal


class PaymentText(Protocol):
    """What a payment gives to the search text of its invoices."""

    reference: str
    method_en: str
    method_fr: str


def search_text(invoice: InvoiceText, lines: Sequence[ItemText], payments: Sequence[PaymentText], order_number: str = "") -> str:
    """The folded text that a search over invoices reads.

    Args:
        invoice: its number, dates and amounts (total, what was paid, what is left).
        lines: all its lines.
        payments: those with a part on this invoice, pending and failed ones included.
        order_number: of the order it belongs to; "" without one.
    """
    days = [day.isoformat() for day in (invoice.issued_on, invoice.due_on, invoice.settled_on) if day]
    balance = max(invoice.total - invoice.paid - invoice.credited, Decimal(0))
    amounts = amount_texts((invoice.total, balance, invoice.paid))
    paid_by = [fold(text) for payment in payments for text in (payment.reference, payment.method_en, payment.method_fr)]
    words = [fold(invoice.number), *days, *amounts, fold(order_number), *line_texts(lines), *paid_by]
    return "\n".join(dict.fromkeys(word for word in words if word))
