"""The printed documents of invoices and credit notes.

Whatever the total, each shows both tax registration numbers, the tax amounts, the buyer, the terms and a description; a credit note
also shows the invoice it corrects (product.md, taxes). Numbers are formatted for the document's language.
"""

from datetime import date

from sqlmodel import Session

from odoportal.core.i18n import Formats, region_of, t
from odoportal.core.identity import ActiveMembership
from odoportal.documents.sheet import Block, Sheet, Stamp, TotalRow, seller, tax_sums, terms_blocks
from odoportal.documents.view import LineView, line_view
from odoportal.rooms.addresses import service as addresses
from odoportal.rooms.invoices import credit_notes, service
from odoportal.rooms.invoices.labels import state_labels
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.invoices.service import InvoiceState
from odoportal.rooms.invoices.view import badge_view, payment_views
from odoportal.settings import get_settings


def invoice_sheet(session: Session, account: ActiveMembership, number: str, language: str, today: date) -> Sheet | None:
    """Return the sheet of an invoice with its balance today; None if the account has no invoice with this number.

    Args:
        session: a database session for reading.
        account: the account of the invoice.
        number: the number of the invoice.
        language: the document's language; it must be the current one.
        today: the business day of the balance.
    """
    whole = service.get(session, account.account_id, number)
    if whole is None:
        return None
    invoice, formats = whole.invoice, Formats(region_of(language))
    return Sheet(
        language=language,
        title=t("Invoice {number}", number=invoice.number),
        facts=[
            (t("Account no."), account.number),
            (t("Date"), formats.day(invoice.issued_on)),
            (t("Due"), formats.day(invoice.due_on)),
            *([(t("Order"), whole.order_number)] if whole.order_number else []),
            (t("Status"), badge_view(invoice, formats, today).text),
        ],
        parties=[seller(), _buyer(session, account, invoice, language)],
        lines=[line_view(line, formats, language) for line in whole.lines],
        sums=[
            *tax_sums(whole.taxes, invoice.subtotal, formats, language),
            TotalRow(t("Total"), formats.amount(invoice.total), kind="total"),
            *(TotalRow(paid.name, paid.amount, paid.date) for paid in payment_views(whole, formats, language)),
            *([TotalRow(t("Credit on account"), formats.amount(service.credit(invoice)))] if service.credit(invoice) else []),
            TotalRow(t("Balance on {day}", day=formats.day(today)), formats.amount(service.balance(invoice)), kind="balance"),
        ],
        stamp=_stamp(invoice, formats, today),
        notes=[*_how_to_pay(account, invoice, language), *terms_blocks(t("Terms"), _terms(invoice, language))],
    )


def credit_note_sheet(session: Session, account: ActiveMembership, number: str, language: str, today: date) -> Sheet | None:  # noqa: ARG001
    """Return the sheet of a credit note, with the invoice it corrects; arguments and None as for `invoice_sheet`."""
    whole = credit_notes.get(session, account.account_id, number)
    if whole is None:
        return None
    note, invoice, formats = whole.note, whole.invoice, Formats(region_of(language))
    reason, net_amount = note.reason_en if language == "en" else note.reason_fr, formats.amount(note.subtotal)
    return Sheet(
        language=language,
        title=t("Credit note {number}", number=note.number),
        facts=[
            (t("Account no."), account.number),
            (t("Date"), formats.day(note.issued_on)),
            (t("Original invoice"), invoice.number),
            (t("Invoice date"), formats.day(invoice.issued_on)),
        ],
        parties=[seller(), _buyer(session, account, invoice, language)],
        lines=[LineView("0", "", "", reason, "", "", net_amount)],
        sums=[
            *tax_sums(whole.taxes, note.subtotal, formats, language),
            TotalRow(t("Total credited"), formats.amount(note.total), kind="total"),
        ],
        notes=terms_blocks(t("Terms of the invoice"), _terms(invoice, language)),
    )


def _buyer(session: Session, account: ActiveMembership, invoice: Invoice, language: str) -> Block:
    bill = addresses.by_id(session, account.account_id, (invoice.bill_to_id,)).get(invoice.bill_to_id or 0)
    return Block(t("Billed to"), addresses.lines(bill, language) or [account.name])


def _terms(invoice: Invoice, language: str) -> str:
    return invoice.terms_en if language == "en" else invoice.terms_fr


def _how_to_pay(account: ActiveMembership, invoice: Invoice, language: str) -> list[Block]:
    """Return the block that says how to pay an invoice with a balance, if the settings say it."""
    lines = get_settings().how_to_pay(language)
    if not lines or not service.balance(invoice):
        return []
    quoted = t("With your payment, please quote account {account} and invoice {invoice}.", account=account.number, invoice=invoice.number)
    return [Block(t("How to pay"), [*lines, quoted])]


def _stamp(invoice: Invoice, formats: Formats, today: date) -> Stamp:
    state = service.state_of(invoice, today)
    if state not in service.SETTLED:
        return Stamp()
    day = formats.day(invoice.settled_on) if invoice.settled_on else ""
    return Stamp(state_labels()[state].upper(), day, "ok" if state == InvoiceState.PAID else "quiet")
