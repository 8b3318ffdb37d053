"""The schemas of the files of an import: the columns of each, and what makes a row valid.

A column is required if its field has no default. `docs/import.md` describes the same format in words.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from odoportal.accounts.models import Account, Person, Role
from odoportal.importing import cells
from odoportal.importing.cells import RowError
from odoportal.rooms.addresses import postal
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.devices.models import Device, DeviceAssignment, DeviceState
from odoportal.rooms.invoices.models import CreditNote, CreditNoteTax, Invoice, Payment, PaymentStatus
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine, Step

DOCUMENTS = ("order", "invoice", "credit_note")


def _require(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


Required = BeforeValidator(_require)
# Pydantic runs the last validator of an annotation first.
Total = Annotated[Decimal, BeforeValidator(cells.total_amount), Required]
Positive = Annotated[Decimal, BeforeValidator(cells.positive_amount), Required]
Day = Annotated[date, BeforeValidator(cells.day), Required]
Instant = Annotated[datetime, BeforeValidator(cells.instant), Required]
Flag = Annotated[bool, BeforeValidator(cells.flag)]


def _optional(read: Any) -> BeforeValidator:
    """Return a validator that reads an empty cell as None."""
    return BeforeValidator(lambda text: read(text) if text else None)


def _optional_text(read: Any) -> BeforeValidator:
    """Return a validator that keeps an empty cell empty."""
    return BeforeValidator(lambda text: read(text) if text else "")


def _text(model: Any, column: str) -> BeforeValidator:
    return BeforeValidator(cells.max_length(model, column))


AccountNumber = Annotated[str, _text(Account, "number"), Required]
DocumentNumber = BeforeValidator(cells.document_number)
OrderNumber = Annotated[str, DocumentNumber, _text(Order, "number"), Required]
InvoiceNumber = Annotated[str, DocumentNumber, _text(Invoice, "number"), Required]
OptionalOrder = Annotated[str, DocumentNumber, _text(Order, "number")]
AddressCode = Annotated[str, BeforeValidator(cells.code), _text(Address, "code")]
Description = Annotated[str, _text(OrderLine, "description_en")]
SettledByDefault = BeforeValidator(lambda text: text or PaymentStatus.SETTLED.value)
FILE_STATES = tuple(state for state in DeviceState if state != DeviceState.SILENT)
OptionalDay = Annotated[date | None, _optional(cells.day)]
Position = Annotated[int | None, _optional(cells.position)]
OptionalAmount = Annotated[Decimal | None, _optional(cells.amount)]


class FileRecord(BaseModel):
    """A validated row of an import."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def stated(self, *without: str) -> dict[str, Any]:
        """Return the values of the columns that the file has, except those in `without`."""
        own = self.model_fields_set.difference(without)
        return {name: value for name, value in self.__dict__.items() if name in own}

    @classmethod
    def defaults(cls, *without: str) -> dict[str, Any]:
        """Return the default values of the optional columns, except those in `without`."""
        return {name: field.default for name, field in cls.model_fields.items() if not field.is_required() and name not in without}


def _fill_languages(row: Mapping[str, str], name: str, needed: bool) -> dict[str, str]:
    """Return both languages of a text; if one is empty, the other is used for both."""
    fr, en = row.get(f"{name}_fr", ""), row.get(f"{name}_en", "")
    if needed and not (fr or en):
        raise RowError(f"{name}_fr", f"{name}_fr and {name}_en are both empty")
    return {f"{name}_fr": fr or en, f"{name}_en": en or fr}


class TwoLanguages(FileRecord):
    """A row with texts in both languages, `x_fr` and `x_en`, one of which may be missing."""

    @classmethod
    def texts(cls) -> dict[str, bool]:
        """Return the texts by name, and whether each is required."""
        return {}

    @model_validator(mode="before")
    @classmethod
    def _fill_missing_language(cls, row: dict[str, str]) -> dict[str, str]:
        filled = dict(row)
        for name, needed in cls.texts().items():
            if needed or f"{name}_fr" in row or f"{name}_en" in row:
                filled |= _fill_languages(row, name, needed)
        return filled


class AccountRecord(FileRecord):
    """A customer account."""

    number: AccountNumber
    name: Annotated[str, _text(Account, "name"), Required]


class PersonRecord(FileRecord):
    """The role of a person in an account; a person in two accounts has two rows."""

    account: AccountNumber
    email: Annotated[str, BeforeValidator(cells.email), _text(Person, "email"), Required]
    name: Annotated[str, _text(Person, "name"), Required]
    role: Annotated[str, BeforeValidator(cells.one_of(Role)), Required]
    language: Annotated[str | None, _optional(cells.one_of("fr", "en"))] = None
    phone: Annotated[str, _text(Person, "phone")] = ""


class AddressRecord(FileRecord):
    """An address of an account."""

    account: AccountNumber
    code: Annotated[AddressCode, Required]
    name: Annotated[str, _text(Address, "name"), Required]
    line1: Annotated[str, _text(Address, "line1"), Required]
    line2: Annotated[str, _text(Address, "line2")] = ""
    city: Annotated[str, _text(Address, "city"), Required]
    province: Annotated[str, _text(Address, "province")] = ""
    postal_code: Annotated[str, _text(Address, "postal_code")] = ""
    country: Annotated[str, BeforeValidator(cells.country)] = postal.HOME

    @model_validator(mode="before")
    @classmethod
    def _understand_parts(cls, row: dict[str, str]) -> dict[str, str]:
        try:
            code = cells.country(row.get("country", ""))
        except ValueError:
            # Reported with its column.
            return row
        return {name: value for name, value in postal.understood({**row, "country": code}).items() if name in row}


class OrderRecord(FileRecord):
    """An order; its lines, taxes and steps are in separate files."""

    account: AccountNumber
    number: OrderNumber
    placed_at: Instant
    start_on: Day
    end_on: Day
    ship_to: AddressCode = ""
    bill_to: AddressCode = ""
    subtotal: Total
    total: Total

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.end_on < self.start_on:
            raise RowError("end_on", f"{self.end_on} is before start_on {self.start_on}")
        return self


class LineRow(TwoLanguages):
    """The common columns of the lines of orders and invoices. Lines keep the order of the file."""

    quantity: Annotated[int | None, _optional(cells.quantity)] = None
    description_fr: Description = ""
    description_en: Description = ""
    note_fr: Annotated[str, _text(OrderLine, "note_fr")] = ""
    note_en: Annotated[str, _text(OrderLine, "note_en")] = ""
    unit_price: OptionalAmount = None
    amount: OptionalAmount = None

    @classmethod
    def texts(cls) -> dict[str, bool]:
        """Return the required description and the optional note."""
        return {"description": True, "note": False}


class OrderLineRecord(LineRow):
    """A line of an order."""

    order: OrderNumber
    plan: Flag = False
    monthly: Flag = False

    @model_validator(mode="after")
    def _check_monthly(self) -> Self:
        if self.monthly and self.amount is not None:
            raise RowError("amount", "a monthly line is billed as it runs and has no amount")
        return self


class FulfilmentRecord(TwoLanguages):
    """A step of an order's fulfilment."""

    order: OrderNumber
    step: Annotated[str, BeforeValidator(cells.one_of(Step)), Required]
    done_at: Annotated[datetime | None, _optional(cells.instant)] = None
    expected_on: Annotated[date | None, _optional(cells.day)] = None
    carrier: Annotated[str, _text(Fulfilment, "carrier")] = ""
    tracking: Annotated[str, _text(Fulfilment, "tracking")] = ""
    tracking_url: Annotated[str, BeforeValidator(cells.web_address), _text(Fulfilment, "tracking_url")] = ""
    note_fr: Annotated[str, _text(Fulfilment, "note_fr")] = ""
    note_en: Annotated[str, _text(Fulfilment, "note_en")] = ""

    @classmethod
    def texts(cls) -> dict[str, bool]:
        """Return the optional note."""
        return {"note": False}


def _require_order(order: str, line: int | None) -> None:
    if line is not None and not order:
        raise RowError("line", "a line needs its order")


class InvoiceRecord(TwoLanguages):
    """An invoice; its lines, taxes and payments are in separate files."""

    account: AccountNumber
    number: InvoiceNumber
    order: OptionalOrder = ""
    issued_on: Day
    due_on: Day
    bill_to: AddressCode = ""
    terms_fr: Annotated[str, _text(Invoice, "terms_fr")] = ""
    terms_en: Annotated[str, _text(Invoice, "terms_en")] = ""
    subtotal: Total
    total: Total

    @classmethod
    def texts(cls) -> dict[str, bool]:
        """Return the optional terms."""
        return {"terms": False}

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.due_on < self.issued_on:
            raise RowError("due_on", f"{self.due_on} is before issued_on {self.issued_on}")
        return self


class InvoiceLineRecord(LineRow):
    """A line of an invoice, and the line of an order that it bills: `line` is its position in the order, from 1."""

    invoice: InvoiceNumber
    order: OptionalOrder = ""
    line: Position = None

    @model_validator(mode="after")
    def _check_line(self) -> Self:
        _require_order(self.order, self.line)
        return self


class CreditNoteRecord(TwoLanguages):
    """A credit note and the invoice it corrects."""

    number: Annotated[str, DocumentNumber, _text(CreditNote, "number"), Required]
    invoice: InvoiceNumber
    issued_on: Day
    reason_fr: Annotated[str, _text(CreditNote, "reason_fr")] = ""
    reason_en: Annotated[str, _text(CreditNote, "reason_en")] = ""
    subtotal: Positive
    total: Positive

    @classmethod
    def texts(cls) -> dict[str, bool]:
        """Return the required reason."""
        return {"reason": True}


class TaxRecord(TwoLanguages):
    """A tax of an order, an invoice or a credit note. Without a base it is on the document's subtotal."""

    document: Annotated[str, BeforeValidator(cells.one_of(*DOCUMENTS)), Required]
    number: InvoiceNumber
    name_fr: Annotated[str, _text(CreditNoteTax, "name_fr")] = ""
    name_en: Annotated[str, _text(CreditNoteTax, "name_en")] = ""
    registration: Annotated[str, _text(CreditNoteTax, "registration"), Required]
    rate: Annotated[Decimal, BeforeValidator(cells.rate), Required]
    base: Annotated[Decimal | None, _optional(cells.total_amount)] = None
    amount: Total

    @classmethod
    def texts(cls) -> dict[str, bool]:
        """Return the required name."""
        return {"name": True}


class PaymentRecord(TwoLanguages):
    """A payment: received, pending or failed."""

    account: AccountNumber
    reference: Annotated[str, _text(Payment, "reference"), Required]
    received_at: Instant
    method_fr: Annotated[str, _text(Payment, "method_fr")] = ""
    method_en: Annotated[str, _text(Payment, "method_en")] = ""
    amount: Positive
    status: Annotated[str, BeforeValidator(cells.one_of(PaymentStatus)), SettledByDefault] = PaymentStatus.SETTLED

    @classmethod
    def texts(cls) -> dict[str, bool]:
        """Return the required method of payment."""
        return {"method": True}


class AllocationRecord(FileRecord):
    """The part of a payment that goes to one invoice."""

    payment: Annotated[str, _text(Payment, "reference"), Required]
    invoice: InvoiceNumber
    amount: Positive


class DeviceRecord(FileRecord):
    """A tracker, and an assignment of it to an account; a tracker with several assignments has several rows.

    `line` is the position of the line in the order, from 1. Without `since`, a row is about the present assignment.
    """

    account: AccountNumber
    serial: Annotated[str, _text(Device, "serial"), Required]
    model: Annotated[str, _text(Device, "model"), Required]
    vehicle: Annotated[str, _text(DeviceAssignment, "vehicle")] = ""
    order: OptionalOrder = ""
    line: Position = None
    state: Annotated[str, _optional_text(cells.one_of(*FILE_STATES))] = ""
    since: OptionalDay = None
    until: OptionalDay = None
    last_signal_at: Annotated[datetime | None, _optional(cells.instant)] = None

    @model_validator(mode="after")
    def _check_dates_and_line(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise RowError("until", f"{self.until} is before since {self.since}")
        _require_order(self.order, self.line)
        return self
