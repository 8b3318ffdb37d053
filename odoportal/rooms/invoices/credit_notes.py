"""Queries for credit notes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from odoportal.rooms.invoices.models import CreditNote, CreditNoteTax, Invoice


@dataclass(frozen=True)
class FullCreditNote:
    """A credit note, the invoice it corrects, and its taxes."""

    note: CreditNote
    invoice: Invoice
    taxes: Sequence[CreditNoteTax]


def get(session: Session, account_id: int, number: str) -> FullCreditNote | None:
    """Return a credit note of the account by its number; None if the number is unknown or belongs to another account."""
    note = session.exec(select(CreditNote).where(CreditNote.account_id == account_id, CreditNote.number == number)).first()
    if note is None:
        return None
    invoice = session.exec(select(Invoice).where(Invoice.account_id == account_id, Invoice.id == note.invoice_id)).one()
    of_note = (CreditNoteTax.account_id == account_id, CreditNoteTax.credit_note_id == note.id)
    return FullCreditNote(note, invoice, session.exec(select(CreditNoteTax).where(*of_note).order_by(col(CreditNoteTax.position))).all())
