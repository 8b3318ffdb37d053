"""The notification mails: one mail for each kind, with all new events of that kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from odoportal.accounts.models import Account, Person
from odoportal.accounts.unsolicited import plain_name
from odoportal.core import clock, i18n
from odoportal.core.i18n import Formats, t, tn, written_day
from odoportal.core.identity import Identity
from odoportal.core.money import ZERO
from odoportal.documents.routes import file_name
from odoportal.mail import outbox
from odoportal.rooms.cards.labels import card_name
from odoportal.rooms.cards.models import Card
from odoportal.rooms.cards.service import last_day
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.invoices.service import balance
from odoportal.rooms.notifications.events import Event, PaymentIn
from odoportal.rooms.notifications.labels import kind_labels
from odoportal.rooms.notifications.models import InvoiceCopy, NotificationKind
from odoportal.rooms.notifications.unsubscribe import of_copy, of_person
from odoportal.rooms.orders.service import EndingAgreement
from odoportal.rooms.signin.mails import MailContent, MailFooter, MailRow, post
from odoportal.web.links import absolute_link

MAX_ROWS = 20
"""The maximum number of events that a mail lists; the portal shows them all."""


@dataclass(frozen=True)
class _Content:
    """The content of a mail: `place` is the page that its button opens, and `open_` the record opened on that page."""

    subject: str
    text: str
    rows: Sequence[MailRow]
    button: str
    place: str
    open_: str = ""


def write_notification(
    session: Session, person: Person, account: Account, kind: NotificationKind, events: Sequence[Event], today: date, now: datetime
) -> outbox.Mail:
    """Write a person one mail about all new events of a kind in an account, in the person's language and formats."""
    with i18n.use(person.language):
        content = _BUILDERS[kind](events, Formats(person.region), today)
        rows = [*content.rows[:MAX_ROWS]]
        if len(content.rows) > MAX_ROWS:
            rows.append(MailRow(tn("and {n} more", "and {n} more", len(content.rows) - MAX_ROWS)))
        why = t(
            "You are receiving this email because “{kind}” is turned on for you in the account {account} ({number}).",
            kind=kind_labels()[kind],
            account=account.name,
            number=account.number,
        )
        letter = MailContent(
            subject=content.subject,
            paragraphs=[t("Account: {account} ({number})", account=account.name, number=account.number), content.text],
            rows=rows,
            button=content.button,
            address=absolute_link(person.language, f"/{content.place}", account=account.number, open=content.open_),
            foot=MailFooter(why, absolute_link(person.language, "/profile/notices", account=account.number)),
        )
        stop = of_person(kind, account.id or 0, person.id or 0)
        return post(session, person.email, person.language, person.name, letter, now, unsubscribe=stop)


def write_confirmation_mail(session: Session, copy: InvoiceCopy, who: Identity, seed: str, now: datetime) -> outbox.Mail:
    """Write a mail that asks a mailbox to confirm that it wants copies of an account's invoices."""
    about = {"account": who.account.name, "number": who.account.number}
    with i18n.use(copy.language):
        letter = MailContent(
            subject=t("Copies of invoices: please confirm"),
            paragraphs=[
                t(
                    "{name} ({email}) would like you to receive a copy of each invoice of {account} ({number}).",
                    name=plain_name(who.name, who.email),
                    email=who.email,
                    **about,
                ),
                t("Until you confirm, you will receive nothing further."),
            ],
            button=t("Receive copies"),
            address=absolute_link(copy.language, "/copy", token=outbox.TOKEN_PLACEHOLDER),
            after=t("The link works once, for 7 days. If you did not expect this, do nothing."),
        )
        return post(session, copy.email, copy.language, "", letter, now, seed)


def write_invoice_copy(session: Session, copy: InvoiceCopy, account: Account, invoice: Invoice, pdf: bytes, now: datetime) -> outbox.Mail:
    """Write a mail with a copy of an invoice as a PDF."""
    with i18n.use(copy.language):
        about = {"account": account.name, "number": account.number}
        letter = MailContent(
            subject=t("Invoice {invoice} of {account}", invoice=invoice.number, account=account.name)[:200],
            paragraphs=[t("Account: {account} ({number})", **about), t("The invoice is attached.")],
            rows=[invoice_row(invoice, Formats(i18n.region_of(copy.language)))],
            foot=MailFooter(
                t(
                    "You are receiving this email because this address was confirmed to receive copies of the invoices of "
                    "{account} ({number}).",
                    **about,
                )
            ),
        )
        name = file_name(t("Invoice {number}", number=invoice.number)) + ".pdf"
        stop = of_copy(copy.id or 0)
        return post(session, copy.email, copy.language, "", letter, now, unsubscribe=stop, attached=(name[-100:], pdf))


def _single(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ""


def invoice_row(invoice: Invoice, formats: Formats) -> MailRow:
    """Return the row of an invoice in a mail: its amount, and the due date if something of it is neither paid nor being paid."""
    if balance(invoice) == ZERO:
        due = t("Paid in full")
    elif invoice.pending >= balance(invoice):
        due = t("Payment in progress")
    else:
        due = t("Due on {day}", day=written_day(invoice.due_on))
    return MailRow(t("Invoice {number}", number=invoice.number), due, formats.amount(invoice.total))


def _invoices_content(subject: str, text: str, rows: Sequence[MailRow], single: str) -> _Content:
    """Return the content of a mail that links to the invoices page, and to the invoice itself if there is only one."""
    return _Content(subject, text, rows, t("See the invoice") if single else t("See the invoices"), "invoices", single)


def _invoices(events: Sequence[Event], formats: Formats, _today: date) -> _Content:
    found = [event.record for event in events if isinstance(event.record, Invoice)]
    single = _single([invoice.number for invoice in found])
    subject = t("New invoice {number}", number=single) if single else tn("{n} new invoice", "{n} new invoices", len(found))
    text = tn("A new invoice is available:", "New invoices are available:", len(found))
    return _invoices_content(subject, text, [invoice_row(invoice, formats) for invoice in found], single)


def _payments(events: Sequence[Event], formats: Formats, _today: date) -> _Content:
    found = [event.record for event in events if isinstance(event.record, PaymentIn)]
    french = i18n.current_language() == "fr"
    total = sum((payment.amount for payment in found), ZERO)

    def row(paid: PaymentIn) -> MailRow:
        method = paid.payment.method_fr if french else paid.payment.method_en
        about = [written_day(clock.to_local(paid.payment.received_at).date())]
        if paid.invoices:
            about.append(tn("invoice {numbers}", "invoices {numbers}", len(paid.invoices), numbers=", ".join(paid.invoices[:MAX_ROWS])))
        return MailRow(method, " · ".join(about), formats.amount(paid.amount))

    single = _single([number for paid in found for number in paid.invoices])
    subject = t("Payment received: {amount}", amount=formats.amount(total))
    text = tn("We have received your payment. Thank you.", "We have received your payments. Thank you.", len(found))
    return _invoices_content(subject, text, [row(paid) for paid in found], single)


def _overdue(events: Sequence[Event], formats: Formats, today: date) -> _Content:
    found = [event.record for event in events if isinstance(event.record, Invoice)]
    single = _single([invoice.number for invoice in found])

    def row(invoice: Invoice) -> MailRow:
        late = tn("{n} day overdue", "{n} days overdue", (today - invoice.due_on).days)
        due = t("Due on {day}", day=written_day(invoice.due_on))
        # What is being paid is not asked for.
        return MailRow(t("Invoice {number}", number=invoice.number), f"{due} · {late}", formats.amount(balance(invoice) - invoice.pending))

    one = t("Invoice {number} is overdue", number=single)
    subject = one if single else tn("{n} invoice is overdue", "{n} invoices are overdue", len(found))
    text = t("Our records show the following as unpaid. If you have paid in the last few days, thank you; please disregard this reminder.")
    return _invoices_content(subject, text, [row(invoice) for invoice in found], single)


def _ending(events: Sequence[Event], _formats: Formats, today: date) -> _Content:
    found = [event.record for event in events if isinstance(event.record, EndingAgreement)]
    single = _single([agreement.number for agreement in found])

    def row(agreement: EndingAgreement) -> MailRow:
        left = tn("{n} day left", "{n} days left", (agreement.end_on - today).days)
        plans = tn("{n} plan", "{n} plans", agreement.plans)
        about = " · ".join([t("Last day: {day}", day=written_day(agreement.end_on)), left, *([plans] if agreement.plans else [])])
        return MailRow(t("Order {number}", number=agreement.number), about)

    return _Content(
        t("The agreement of order {number} ends soon", number=single)
        if single
        else tn("{n} agreement ends soon", "{n} agreements end soon", len(found)),
        t("After its last day, an agreement’s vehicles are no longer tracked unless it is renewed."),
        [row(agreement) for agreement in found],
        t("See the order") if single else t("See the orders"),
        "orders",
        single,
    )


def _cards(events: Sequence[Event], _formats: Formats, _today: date) -> _Content:
    found = [event.record for event in events if isinstance(event.record, Card)]
    rows = [MailRow(card_name(card.brand, card.last4), t("Last day: {day}", day=written_day(last_day(card)))) for card in found]
    return _Content(
        t("A card on file expires soon"),
        t("Add the new card, or another one, so that payments can continue."),
        rows,
        t("See the cards"),
        "cards",
    )


_BUILDERS: dict[NotificationKind, Callable[[Sequence[Event], Formats, date], _Content]] = {
    NotificationKind.INVOICE: _invoices,
    NotificationKind.PAYMENT: _payments,
    NotificationKind.OVERDUE: _overdue,
    NotificationKind.ENDING: _ending,
    NotificationKind.CARD: _cards,
}
