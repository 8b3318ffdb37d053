"""The files of an import in the order in which they are imported: a file comes after the files that it refers to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, get_args

from odoportal.accounts.service import email_key
from odoportal.importing import schemas
from odoportal.importing.schemas import FileRecord, TwoLanguages

REFERENCES = frozenset(("account", "order", "invoice", "payment", "ship_to", "bill_to"))
"""The columns that refer to a record of another file."""
KEYS = REFERENCES | {"number", "reference", "serial", "code"}
"""The columns that name a record."""


@dataclass(frozen=True)
class FileKind:
    """A kind of file in an import.

    `row` is the model that validates a row. `brings` lists, as column and kind, the records that a row defines or belongs to: if the row is
    bad, rows that refer to the same records are not reported as well. `unit` is the column and the kind of the record that a row is part
    of; a unit is imported or refused as a whole.
    """

    name: str
    row: type[FileRecord]
    brings: tuple[tuple[str, str], ...]
    unit: tuple[str, str]

    @property
    def printed(self) -> bool:
        """Whether its texts are printed on documents."""
        return self.row not in {schemas.PersonRecord, schemas.FulfilmentRecord, schemas.DeviceRecord}

    @property
    def columns(self) -> frozenset[str]:
        """Every column that is read."""
        return frozenset(self.row.model_fields)

    @cached_property
    def value_formats(self) -> Mapping[str, str]:
        """The columns whose values can be written in several ways, with the name of the format (`Dialect.readers`), or "key"."""
        found: dict[str, str] = {}
        for name, field in self.row.model_fields.items():
            kinds: set[Any] = {field.annotation, *get_args(field.annotation)}
            if name in KEYS:
                found[name] = "key"
            elif name == "quantity":
                found[name] = "quantity"
            elif Decimal in kinds:
                found[name] = "rate" if name == "rate" else "amount"
            elif kinds & {date, datetime}:
                found[name] = "instant" if datetime in kinds else "day"
        return found

    def missing(self, header: set[str]) -> list[str]:
        """Return the required columns that a header lacks; for a text in two languages, one column is enough."""
        lacking = [name for name, field in self.row.model_fields.items() if field.is_required() and name not in header]
        texts = self.row.texts() if issubclass(self.row, TwoLanguages) else {}
        needed = [name for name, needed in texts.items() if needed and not header & {f"{name}_fr", f"{name}_en"}]
        return lacking + [f"{name}_fr or {name}_en" for name in needed]

    def belongs_to(self, row: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the kind and the key of each record that an unvalidated row defines or belongs to."""
        return (
            [self.unit_of(row)]
            if self.row in {schemas.TaxRecord, schemas.AddressRecord}
            else [(kind, row.get(column, "")) for column, kind in self.brings]
        )

    def unit_of(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return the kind and the key of the record that a row, validated or not, is part of; the key is "" if the row does not say."""
        column, kind = self.unit
        key = row.get(column, "")
        if self.row is schemas.TaxRecord:
            return row.get("document", "").casefold(), key
        if self.row is schemas.AddressRecord:
            return kind, address_key(row.get("account", ""), key)
        return kind, email_key(key) if kind == "person" else key


def address_key(account: str, code: str) -> str:
    """Return the key of an address: the number of its account and its code, which never contains a `~`."""
    return f"{account}~{code}"


FILES = (
    FileKind("accounts.csv", schemas.AccountRecord, (("number", "account"),), ("number", "account")),
    FileKind("people.csv", schemas.PersonRecord, (), ("email", "person")),
    FileKind("addresses.csv", schemas.AddressRecord, (("code", "address"),), ("code", "address")),
    FileKind("orders.csv", schemas.OrderRecord, (("number", "order"),), ("number", "order")),
    FileKind("order_lines.csv", schemas.OrderLineRecord, (("order", "order"),), ("order", "order")),
    FileKind("fulfilment.csv", schemas.FulfilmentRecord, (), ("order", "order")),
    FileKind("invoices.csv", schemas.InvoiceRecord, (("number", "invoice"),), ("number", "invoice")),
    FileKind("invoice_lines.csv", schemas.InvoiceLineRecord, (("invoice", "invoice"),), ("invoice", "invoice")),
    FileKind("credit_notes.csv", schemas.CreditNoteRecord, (("number", "credit_note"),), ("number", "credit_note")),
    FileKind("taxes.csv", schemas.TaxRecord, (), ("number", "document")),
    FileKind("payments.csv", schemas.PaymentRecord, (("reference", "payment"),), ("reference", "payment")),
    FileKind("allocations.csv", schemas.AllocationRecord, (), ("payment", "payment")),
    FileKind("devices.csv", schemas.DeviceRecord, (), ("serial", "device")),
)
BY_NAME = {kind.name: kind for kind in FILES}
