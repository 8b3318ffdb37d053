"""A writer for the files of an import, with which the demonstration's fleets are made."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from odoportal.core.money import ZERO, tax

TODAY = date(2020, 9, 24)
QUEBEC = ZoneInfo("America/Toronto")
TAXES = (("TPS", "GST", "12345 6789 RT0001", "5"), ("TVQ", "QST", "1234567890 TQ0001", "9.975"))
COLUMNS = {
    "accounts.csv": "number name",
    "people.csv": "account email name role language phone",
    "addresses.csv": "account code name line1 city province postal_code",
    "orders.csv": "account number placed_at start_on end_on ship_to bill_to subtotal total",
    "order_lines.csv": "order quantity description_fr description_en note_fr note_en unit_price amount plan monthly",
    "fulfilment.csv": "order step done_at expected_on carrier tracking tracking_url note_fr note_en",
    "invoices.csv": "account number order issued_on due_on bill_to terms_fr terms_en subtotal total",
    "invoice_lines.csv": "invoice quantity description_fr description_en note_fr note_en unit_price amount order line",
    "credit_notes.csv": "number invoice issued_on reason_fr reason_en subtotal total",
    "taxes.csv": "document number name_fr name_en registration rate base amount",
    "payments.csv": "account reference received_at method_fr method_en amount status",
    "allocations.csv": "payment invoice amount",
    "devices.csv": "account serial model vehicle order line state since until last_signal_at",
}


@dataclass(frozen=True)
class Part:
    """A line to sell. A monthly line has no amount, because it is billed as it runs; without a quantity, the price is the amount."""

    fr: str
    en: str
    price: Decimal
    quantity: int | None = 1
    plan: bool = False
    monthly: bool = False

    @property
    def amount(self) -> Decimal | None:
        """Dollars before tax; None for a line that is billed as it runs."""
        return None if self.monthly else self.price * (1 if self.quantity is None else self.quantity)


def at(day: date, hour: int, minute: int = 0) -> str:
    """Return an instant in Québec in ISO 8601 with its offset."""
    return datetime.combine(day, time(hour, minute), QUEBEC).isoformat(timespec="minutes")


def with_taxes(subtotal: Decimal) -> Decimal:
    """Return a subtotal with GST and QST."""
    return subtotal + sum((tax(subtotal, Decimal(rate)) for *_, rate in TAXES), ZERO)


def subtotal_of(parts: Iterable[Part]) -> Decimal:
    """Return the billed amount of some parts, before tax."""
    return sum((part.amount for part in parts if part.amount is not None), ZERO)


@dataclass
class Sheets:
    """The rows of an import by file, in the columns of `COLUMNS`."""

    rows: dict[str, list[Sequence[object]]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def add(self, name: str, *cells: object) -> None:
        """Add a row; None is an empty cell."""
        self.rows[name].append(cells)

    def files(self) -> dict[str, bytes]:
        """Return the files as an import reads them."""
        return {name: _csv(COLUMNS[name].split(), rows) for name, rows in self.rows.items()}

    def account(self, number: str, name: str, yard: tuple[str, str, str], people: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Add an account with one address (street, city, postal code) and people (email, name, role, language, phone)."""
        self.add("accounts.csv", number, name)
        self.add("addresses.csv", number, "HQ", name, yard[0], yard[1], "QC", yard[2])
        for person in people:
            self.add("people.csv", number, *person)

    def order(self, account: str, number: str, placed: date, term: tuple[date, date], parts: Sequence[Part]) -> None:
        """Add an order with its lines and taxes, placed at 9:30."""
        subtotal = subtotal_of(parts)
        self.add("orders.csv", account, number, at(placed, 9, 30), *term, "HQ", "HQ", subtotal, with_taxes(subtotal))
        for p in parts:
            flags = ("yes" if p.plan else "no", "yes" if p.monthly else "no")
            price = None if p.quantity is None else p.price
            self.add("order_lines.csv", number, p.quantity, p.fr, p.en, None, None, price, p.amount, *flags)
        self._taxes("order", number, subtotal)

    def steps(self, order: str, placed: date, done: int = 4) -> None:
        """Add the steps of an order's fulfilment; the first `done` are completed."""
        waybill = f"3960{int(order) * 7919 % 10**8:08d}"
        link = f"https://www.fedex.com/fedextrack/?trknbr={waybill}"
        shipped = ("FedEx", waybill, link) if done > 2 else ("FedEx", None, None)
        for place, (step, days) in enumerate((("received", 0), ("prepared", 1), ("shipped", 2), ("activated", 6))):
            day = placed + timedelta(days)
            when = (at(day, 10 + place), None) if place < done else (None, day)
            self.add("fulfilment.csv", order, step, *when, *(shipped if step == "shipped" else (None, None, None)), None, None)

    def invoice(
        self, account: str, number: str, order: str, issued: date, due: date, parts: Sequence[Part], sold: Sequence[Part] = ()
    ) -> Decimal:
        """Add an invoice with its lines and taxes, and return its total. With `sold`, the order's lines, its lines name those they bill."""
        billed = [part for part in parts if not part.monthly]
        subtotal = subtotal_of(billed)
        total = with_taxes(subtotal)
        days = (due - issued).days
        terms = (f"Payable dans les {days} jours", f"Payable within {days} days")
        self.add("invoices.csv", account, number, order, issued, due, "HQ", *terms, subtotal, total)
        for p in billed:
            price = None if p.quantity is None else p.price
            # A month of plans bills the monthly plans of the order.
            line = next((place for place, part in enumerate(sold, 1) if p == part or (part.monthly and p.price == part.price)), None)
            place = (order if line else None, line)
            self.add("invoice_lines.csv", number, p.quantity, p.fr, p.en, None, None, price, p.amount, *place)
        self._taxes("invoice", number, subtotal)
        return total

    def credit(self, number: str, invoice: str, issued: date, reason: tuple[str, str], subtotal: Decimal) -> None:
        """Add a credit note with its taxes; the reason is in French and in English."""
        self.add("credit_notes.csv", number, invoice, issued, *reason, subtotal, with_taxes(subtotal))
        self._taxes("credit_note", number, subtotal)

    def payment(
        self, account: str, reference: str, received: date, method: tuple[str, str], paid: dict[str, Decimal], status: str = "settled"
    ) -> None:
        """Add a payment received at 14:20, and its allocations by invoice; the method is in French and in English."""
        self.add("payments.csv", account, reference, at(received, 14, 20), *method, sum(paid.values(), ZERO), status)
        for invoice, amount in paid.items():
            self.add("allocations.csv", reference, invoice, amount)

    def device(
        self,
        account: str,
        serial: str,
        vehicle: str,
        order: str = "",
        *,
        since: date | None = None,
        until: date | None = None,
        state: str = "",
        signal: str | None = None,
    ) -> None:
        """Add an assignment of a tracker to the first line of an order. The last signal is an instant as from `at`."""
        self.add("devices.csv", account, serial, "ODO50", vehicle, order, 1 if order else None, state, since, until, signal)

    def _taxes(self, document: str, number: str, subtotal: Decimal) -> None:
        for fr, en, registration, rate in TAXES:
            self.add("taxes.csv", document, number, fr, en, registration, rate, subtotal, tax(subtotal, Decimal(rate)))


def _csv(header: list[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
