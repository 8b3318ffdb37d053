"""The view of the invoices page: ready strings in the page's language and the person's formats."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from sqlmodel import Session

from odoportal.core.clock import to_local
from odoportal.core.i18n import Formats, t, tn
from odoportal.core.identity import Identity
from odoportal.core.money import cents
from odoportal.documents.view import LineView, TaxView, TextLine, line_view, tax_view, text_lines
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.lists.view import DetailsView, ListView, details_frame
from odoportal.rooms.addresses import service as addresses
from odoportal.rooms.devices import service as devices
from odoportal.rooms.invoices import service
from odoportal.rooms.invoices.labels import state_labels
from odoportal.rooms.invoices.models import CreditNote, Invoice, Payment, PaymentStatus
from odoportal.rooms.invoices.service import FullInvoice, InvoiceState
from odoportal.settings import get_settings
from odoportal.web.links import link_to


@dataclass(frozen=True)
class Paid:
    """The Paid column of an invoice: its state, the label of the state, and a date or the remaining balance."""

    state: str = ""
    text: str = ""
    note: str = ""


@dataclass(frozen=True)
class InvoiceRow:
    """A row of the list."""

    key: str
    number: str
    date: str
    amount: str
    cents: int
    paid: Paid
    details: str
    pdf: str


@dataclass(frozen=True)
class PaymentView:
    """A payment or credit note on an invoice."""

    key: str
    name: str
    date: str
    amount: str
    received: str
    reference: str
    status: str
    pdf: str = ""


@dataclass(frozen=True)
class InvoiceDetails(DetailsView):
    """The details of an invoice."""

    paid: Paid = Paid()
    date: str = ""
    due: str = ""
    order: str = ""
    order_url: str = ""
    seller: list[TextLine] = field(default_factory=list)
    bill_to: list[TextLine] = field(default_factory=list)
    lines: list[LineView] = field(default_factory=list)
    subtotal: str = ""
    taxes: list[TaxView] = field(default_factory=list)
    total: str = ""
    payments: list[PaymentView] = field(default_factory=list)
    credit: str = ""
    balance: str = ""
    terms: str = ""
    devices: str = ""
    pdf_fr: str = ""
    pdf_en: str = ""


@dataclass(frozen=True)
class InvoicesView:
    """The page of invoices."""

    frame: ListView = field(default_factory=ListView)
    rows: list[InvoiceRow] = field(default_factory=list)
    pairs: list[list[str | int]] = field(default_factory=list)
    details: InvoiceDetails = field(default_factory=InvoiceDetails)


def invoices_view(session: Session, who: Identity, request: ListRequest, found: FoundRows, frame: ListView) -> InvoicesView:
    """Return the view of the invoices found, with the details of the open invoice if the query names one. See `ListTable.view`."""
    formats = Formats(who.region)
    rows = [
        InvoiceRow(
            key=i.number,
            number=i.number,
            date=formats.day(i.issued_on),
            amount=formats.amount(i.total),
            cents=cents(i.total),
            paid=paid_view(i, formats, request.today),
            details=request.query.url(open=i.number),
            pdf=pdf_address(who, i.number, request.language),
        )
        for i in found.rows
    ]
    details = _details(session, who, request, found.account_total) if request.query.open else InvoiceDetails()
    return InvoicesView(frame, rows, [[row.number, row.cents] for row in rows], details)


def pdf_address(who: Identity, number: str, language: str) -> str:
    """Return the address of an invoice's PDF in a language."""
    return link_to(who, language, f"/invoices/{quote(number, safe='')}.pdf")


def _credit_note_address(who: Identity, shown: PaymentView, language: str) -> str:
    return link_to(who, language, f"/credit-notes/{quote(shown.reference, safe='')}.pdf") if shown.status == "credit" else ""


def paid_view(invoice: Invoice, formats: Formats, today: date) -> Paid:
    """Return the Paid column: the day it was paid or credited, or else its due date and the days it is overdue (guide, Invoices)."""
    state, words = service.state_of(invoice, today), state_labels()
    settled = formats.day(invoice.settled_on) if invoice.settled_on else ""
    due = formats.day(invoice.due_on)
    late = (today - invoice.due_on).days
    label_and_note = {
        InvoiceState.PAID: (words[state], settled),
        InvoiceState.CREDITED: (words[state], settled),
        InvoiceState.UPCOMING: (words[state], t("due {day}", day=due)),
        InvoiceState.PENDING: (words[state], t("due {day}", day=due)),
        InvoiceState.TO_PAY: (words[state], t("by {day}", day=due)),
        InvoiceState.OVERDUE: (tn("{n} day overdue", "{n} days overdue", late), t("due {day}", day=due)),
        InvoiceState.PART_PAID: (words[state], t("{amount} left, by {day}", amount=formats.amount(service.balance(invoice)), day=due)),
    }
    return Paid(state, *label_and_note[state])


def _details(session: Session, who: Identity, request: ListRequest, total: int) -> InvoiceDetails:
    account_id, formats = request.account_id, Formats(who.region)
    query, language, today = request.query, request.language, request.today
    whole = service.get(session, account_id, query.open)
    if whole is None or (invoice_id := whole.invoice.id) is None:
        return InvoiceDetails(**details_frame(query))
    invoice = whole.invoice
    bill = addresses.by_id(session, account_id, (invoice.bill_to_id,)).get(invoice.bill_to_id or 0)
    trackers = len(devices.of_order(session, account_id, invoice.order_id)) if invoice.order_id else 0
    neighbours = service.LIST.neighbours(session, request, total, invoice_id)
    return InvoiceDetails(
        **details_frame(query, t("Invoice {number}", number=query.open), invoice.number, neighbours),
        paid=badge_view(invoice, formats, today),
        date=formats.day(invoice.issued_on),
        due=formats.day(invoice.due_on),
        order=whole.order_number,
        order_url=link_to(who, language, "/orders", open=whole.order_number) if whole.order_number else "",
        seller=text_lines(get_settings().company_lines(language)),
        bill_to=text_lines(addresses.lines(bill, language) or [who.account.name]),
        lines=[line_view(line, formats, language) for line in whole.lines],
        subtotal=formats.amount(invoice.subtotal),
        taxes=[tax_view(tax, formats, language) for tax in whole.taxes],
        total=formats.amount(invoice.total),
        payments=[replace(p, pdf=_credit_note_address(who, p, language)) for p in payment_views(whole, formats, language)],
        credit=formats.amount(service.credit(invoice)) if service.credit(invoice) else "",
        balance=formats.amount(service.balance(invoice)),
        terms=invoice.terms_en if language == "en" else invoice.terms_fr,
        pdf_fr=pdf_address(who, invoice.number, "fr"),
        pdf_en=pdf_address(who, invoice.number, "en"),
        devices=tn("{n} device", "{n} devices", trackers) if trackers else "",
    )


def badge_view(invoice: Invoice, formats: Formats, today: date) -> Paid:
    """Return the state as one text: `Paid on 2020-09-24`, `12 days overdue`."""
    paid = paid_view(invoice, formats, today)
    if not paid.note or paid.state not in service.SETTLED:
        return Paid(paid.state, paid.text, "")
    text = t("Paid on {day}", day=paid.note) if paid.state == InvoiceState.PAID else t("Credited on {day}", day=paid.note)
    return Paid(paid.state, text, "")


def payment_views(whole: FullInvoice, formats: Formats, language: str) -> list[PaymentView]:
    """Return the payments and credit notes of an invoice, oldest first."""
    dated: list[tuple[date, PaymentView]] = []
    for payment, amount in whole.payments:
        dated.append((to_local(payment.received_at).date(), _payment_view(payment, amount, formats, language)))
    dated += [(note.issued_on, _credit_note_view(note, formats, language)) for note in whole.credit_notes]
    return [view for _, view in sorted(dated, key=lambda pair: pair[0])]


def _payment_view(payment: Payment, amount: Decimal, formats: Formats, language: str) -> PaymentView:
    method = payment.method_en if language == "en" else payment.method_fr
    name: Any = {
        PaymentStatus.SETTLED: t("Paid by {method}", method=method),
        PaymentStatus.PENDING: t("Payment under way, {method}", method=method),
        PaymentStatus.FAILED: t("Payment refused, {method}", method=method),
    }[PaymentStatus(payment.status)]
    settled_amount = amount if payment.status == PaymentStatus.SETTLED else Decimal(0)
    return PaymentView(
        key=payment.reference,
        name=name,
        date=formats.day(to_local(payment.received_at).date()),
        amount=formats.amount(-settled_amount) if settled_amount else f"({formats.amount(amount)})",
        received=formats.moment(payment.received_at),
        reference=payment.reference,
        status=payment.status,
    )


def _credit_note_view(note: CreditNote, formats: Formats, language: str) -> PaymentView:
    reason = note.reason_en if language == "en" else note.reason_fr
    name = t("Credit note {number}", number=note.number)
    return PaymentView(
        note.number,
        f"{name}, {reason}" if reason else name,
        formats.day(note.issued_on),
        formats.amount(-note.total),
        formats.day(note.issued_on),
        note.number,
        "credit",
    )
