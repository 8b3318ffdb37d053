"""The search text of invoices."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol

from odoportal.core.folding import fold
from odoportal.rooms.orders.search_text import ItemText, amount_texts, line_texts


class InvoiceText(Protocol):
    """The fields of an invoice that are part of its search text."""

    number: str
    issued_on: date
    due_on: date
    settled_on: date | None
    subtotal: Decimal
    total: Decimal
    paid: Decimal
    credited: Decimal


class PaymentText(Protocol):
    """The fields of a payment that are part of the search text of its invoices."""

    reference: str
    method_en: str
    method_fr: str


class CreditNoteText(Protocol):
    """The fields of a credit note that are part of the search text of its invoice."""

    number: str
    total: Decimal


def search_text(
    invoice: InvoiceText,
    lines: Sequence[ItemText],
    payments: Sequence[PaymentText],
    order_number: str = "",
    credit_notes: Sequence[CreditNoteText] = (),
) -> str:
    """Return the folded text in which a search looks for an invoice.

    Args:
        invoice: the number, dates and amounts (subtotal, total, paid, balance) of the invoice.
        lines: all lines of the invoice.
        payments: the payments allocated to this invoice, including pending and failed ones.
        order_number: the number of its order; "" if it has none.
        credit_notes: its credit notes.
    """
    days = [day.isoformat() for day in (invoice.issued_on, invoice.due_on, invoice.settled_on) if day]
    balance = max(invoice.total - invoice.paid - invoice.credited, Decimal(0))
    amounts = amount_texts((invoice.total, invoice.subtotal, balance, invoice.paid, *(note.total for note in credit_notes)))
    paid_by = [fold(text) for payment in payments for text in (payment.reference, payment.method_en, payment.method_fr)]
    words = [
        fold(invoice.number),
        *days,
        *amounts,
        fold(order_number),
        *line_texts(lines),
        *paid_by,
        *(fold(note.number) for note in credit_notes),
    ]
    return "\n".join(dict.fromkeys(word for word in words if word))
