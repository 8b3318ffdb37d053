"""The files of an import in the order in which they are taken: what refers to another comes after it."""

from collections.abc import Mapping
from dataclasses import dataclass

from odoportal.exchange import formats
from odoportal.exchange.formats import FileRow, TwoLanguages


@dataclass(frozen=True)
class FileKind:
    """A file of an import.

    `brings` names what a row brings or belongs to, as column and kind: where the row is bad, rows that refer to the
    same thing are not reported too. `row` checks a row.
    """

    name: str
    row: type[FileRow]
    brings: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> frozenset[str]:
        """Every column that is read."""
        return frozenset(self.row.model_fields)

    def missing(self, header: set[str]) -> list[str]:
        """The required columns that a header lacks; of a text in two languages, one column is enough."""
        lacking = [name for name, field in self.row.model_fields.items() if field.is_required() and name not in header]
        texts = self.row.texts() if issubclass(self.row, TwoLanguages) else {}
        needed = [name for name, needed in texts.items() if needed and not header & {f"{name}_fr", f"{name}_en"}]
        return lacking + [f"{name}_fr or {name}_en" for name in needed]

    def belongs_to(self, row: Mapping[str, str]) -> list[tuple[str, str]]:
        """The kind and the key of what a raw row brings or belongs to."""
        if self.row is formats.TaxRow:
            return [(row.get("document", "").casefold(), row.get("number", ""))]
        return [(kind, row.get(column, "")) for column, kind in self.brings]


FILES = (
    FileKind("accounts.csv", formats.AccountRow, (("number", "account"),)),
    FileKind("people.csv", formats.PersonRow, ()),
    FileKind("addresses.csv", formats.AddressRow, (("code", "address"),)),
    FileKind("orders.csv", formats.OrderRow, (("number", "order"),)),
    FileKind("order_lines.csv", formats.OrderLineRow, (("order", "order"),)),
    FileKind("fulfilment.csv", formats.FulfilmentRow, ()),
    FileKind("invoices.csv", formats.InvoiceRow, (("number", "invoice"),)),
    FileKind("invoice_lines.csv", formats.InvoiceLineRow, (("invoice", "invoice"),)),
    FileKind("credit_notes.csv", formats.CreditNoteRow, (("number", "credit_note"),)),
    FileKind("taxes.csv", formats.TaxRow, ()),
    FileKind("payments.csv", formats.PaymentRow, (("reference", "payment"),)),
    FileKind("allocations.csv", formats.AllocationRow, ()),
    FileKind("devices.csv", formats.DeviceRow, ()),
)
BY_NAME = {kind.name: kind for kind in FILES}
