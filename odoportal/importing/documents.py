"""Importing orders, invoices and credit notes with their lines, taxes and steps."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from odoportal.importing.bulk import Key, Outcome, Values, by_key, fetch
from odoportal.importing.file_order import address_key
from odoportal.importing.reader import Line
from odoportal.importing.run import NATURAL_KEYS, RowRef, Run, unique_rows
from odoportal.importing.schemas import (
    CreditNoteRecord,
    FileRecord,
    FulfilmentRecord,
    InvoiceLineRecord,
    InvoiceRecord,
    LineRow,
    OrderLineRecord,
    OrderRecord,
    TaxRecord,
)
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.addresses.service import is_same_code
from odoportal.rooms.invoices.models import CreditNoteTax, InvoiceLine, InvoiceTax
from odoportal.rooms.orders.models import Fulfilment, OrderLine, OrderTax

D = TypeVar("D", OrderRecord, InvoiceRecord)
R = TypeVar("R", bound=FileRecord)
LARGEST_NUMBER = 2**63 - 1
TAXES = {"order": OrderTax, "invoice": InvoiceTax, "credit_note": CreditNoteTax}


def number_order(number: str) -> int:
    """Return the digits of a document's number as an integer to sort by, at most the largest that the column holds."""
    return min(int("".join(c for c in number if c in "0123456789") or 0), LARGEST_NUMBER)


def import_orders(run: Run) -> None:
    """Import orders, matched by number. An order of another account is refused, never moved."""
    name = "orders.csv"
    lines = list(unique_rows(run, name, run.lines(name, OrderRecord), ("number",), "order"))
    addresses = _Addresses(run, lines, ("ship_to", "bill_to"))
    existing = _stored_by_number(run, "order", [line.row.number for line in lines])

    def values(line: Line[OrderRecord], account: RowRef) -> Values:
        row, held = line.row, existing.get((line.row.number,))
        own = ("order", row.number)
        places = {
            f"{column}_id": addresses.find((name, line.at, column), account, row, getattr(held, f"{column}_id", None), own)
            for column in ("ship_to", "bill_to")
            if column in row.model_fields_set
        }
        return {**row.stated("account", "ship_to", "bill_to"), **places}

    wanted = _document_values(run, name, "order", lines, existing, values)
    fresh = {"ship_to_id": None, "bill_to_id": None, "first_line_en": "", "first_line_fr": "", "search": ""}
    _write_documents(run, name, "order", existing, wanted, fresh, lines)


def import_invoices(run: Run) -> None:
    """Import invoices, matched by number. An invoice of another account is refused, never moved."""
    name = "invoices.csv"
    lines = list(unique_rows(run, name, run.lines(name, InvoiceRecord), ("number",), "invoice"))
    addresses = _Addresses(run, lines, ("bill_to",))
    existing = _stored_by_number(run, "invoice", [line.row.number for line in lines])
    run.look_up("order", {line.row.order for line in lines})

    def values(line: Line[InvoiceRecord], account: RowRef) -> Values:
        row, held = line.row, existing.get((line.row.number,))
        own = ("invoice", row.number)
        found = row.stated("account", "order", "bill_to")
        if "bill_to" in row.model_fields_set:
            found["bill_to_id"] = addresses.find((name, line.at, "bill_to"), account, row, getattr(held, "bill_to_id", None), own)
        if "order" in row.model_fields_set:
            found["order_id"] = find_order_id(run, (name, line.at, "order"), account, row.order, own)
        return found

    wanted = _document_values(run, name, "invoice", lines, existing, values)
    fresh = {**InvoiceRecord.defaults("order", "bill_to"), "order_id": None, "bill_to_id": None, "search": ""}
    fresh |= {"paid": 0, "pending": 0, "credited": 0, "settled_on": None}
    _write_documents(run, name, "invoice", existing, wanted, fresh, lines)


def find_order_id(run: Run, at: tuple[str, int, str], account: RowRef, number: str, *brings: tuple[str, str]) -> int | None:
    """Return the id of the order that a row refers to, or None if it refers to none, or to one that is missing or of another account.

    A wrong reference is reported.
    """
    order = run.find("order", number, at, *brings) if number else None
    if order and order.account_id != account.id:
        run.refuse(*at, f"order {number} belongs to another account", *brings)
        return None
    return order.id if order else None


class OrderLines:
    """The number of lines of some orders, which a reference to a line must not exceed. They are looked up in a dry run only."""

    def __init__(self, run: Run, numbers: Iterable[str]) -> None:
        self._run, self._counts = run, dict[str, int]()
        wanted = {number for number in numbers if number} if run.dry else set[str]()
        ids = {ref.id: number for number in wanted if (ref := run.known["order"].get(number)) and ref.id > 0}
        for row in fetch(run.session, OrderLine, "order_id", ids):
            self._counts[ids[row.order_id]] = max(self._counts.get(ids[row.order_id], 0), row.position)
        # The rows of a file replace all stored lines of their orders.
        present = run.tables.get("order_lines.csv")
        self._counts |= Counter(line.row.order for line in run.lines("order_lines.csv", OrderLineRecord)) if present and wanted else {}
        self._counts |= run.pending.count_rows("order_lines.csv", wanted) if wanted else {}

    def check(self, at: tuple[str, int, str], order: str, line: int | None) -> None:
        """Report a line that the order does not have. An order without known lines is not checked."""
        known = self._counts.get(order)
        if known and line is not None and line > known:
            self._run.refuse(*at, f"order {order} has no line {line}, it has {known}")


class _Addresses:
    """The addresses of some accounts. A document keeps its address as long as its row names the same code."""

    def __init__(self, run: Run, lines: list[Line[D]], columns: tuple[str, ...]) -> None:
        self.run = run
        run.look_up("account", {line.row.account for line in lines})
        run.look_up("address", {address_key(line.row.account, getattr(line.row, column)) for line in lines for column in columns})
        ids = {found.id for line in lines if (found := run.known["account"].get(line.row.account)) and found.id > 0}
        self.rows = {row.id: row for row in fetch(run.session, Address, "account_id", ids)}
        self.by_code = {(row.account_id, row.code): row.id for row in self.rows.values()}

    def find(
        self, at: tuple[str, int, str], account: RowRef, row: OrderRecord | InvoiceRecord, held: int | None, own: tuple[str, str]
    ) -> int | None:
        """Return the id of the address that a row names in the column `at[2]`; None if it names none or a wrong one, which is reported."""
        code: str = getattr(row, at[2])
        if not code:
            return None
        place = address_key(row.account, code)
        if self.run.already_reported("address", place):
            self.run.refuse_dependent(*at, f"address {code} is bad", own)
            return None
        if held in self.rows and is_same_code(self.rows[held].code, code):
            return held
        brought = self.run.known["address"].get(place)
        found = self.by_code.get((account.id, code)) or (brought.id if brought else None)
        if found is None:
            self.run.refuse(*at, f"the account has no address {code}", own)
        return found


def _stored_by_number(run: Run, kind: str, numbers: Iterable[str]) -> dict[Key, Any]:
    model, column = NATURAL_KEYS[kind]
    return by_key(fetch(run.session, model, column, set(numbers)), (column,))


def _document_values(
    run: Run, name: str, kind: str, lines: list[Line[D]], existing: dict[Key, Any], values: Callable[[Line[D], RowRef], Values]
) -> dict[Key, Values]:
    """Return the values of the documents by number, without those whose account is unknown or differs from the stored one."""
    wanted: dict[Key, Values] = {}
    for line in lines:
        row = line.row
        account = run.find("account", row.account, (name, line.at, "account"), (kind, row.number))
        held = existing.get((row.number,))
        if account is None:
            continue
        if held is not None and held.account_id != account.id:
            run.refuse(name, line.at, "account", f"{kind} {row.number} belongs to another account", (kind, row.number))
            continue
        wanted[row.number,] = {**values(line, account), "account_id": account.id, "number_order": number_order(row.number)}
    return wanted


def _write_documents(
    run: Run, name: str, kind: str, existing: dict[Key, Any], wanted: dict[Key, Values], fresh: Values, lines: Iterable[Line[Any]]
) -> None:
    model, _ = NATURAL_KEYS[kind]
    lines = list(lines)
    outcome = run.upsert_and_count(name, model, ("number",), existing, wanted, fresh, lines={(line.row.number,): line.at for line in lines})
    refs = {number: RowRef(found, wanted[number,]["account_id"]) for (number,), found in outcome.ids.items()}
    run.known[kind].update(refs)
    run.planned[kind].update({ref.id: wanted[number,] for number, ref in refs.items()})
    for line in lines:
        if ref := refs.get(line.row.number):
            run.note_first_row(kind, ref.id, name, line.at)
    run.touch(kind, (refs[number] for (number,) in outcome.touched))


def import_order_lines(run: Run) -> None:
    """Import the lines of orders, in the order of the file."""
    name = "order_lines.csv"
    parts = _parts(run, name, run.lines(name, OrderLineRecord), lambda row: ("order", row.order), "order")
    _replace_lines(run, name, "order", OrderLine, OrderLineRecord.defaults(), parts, {})


def import_invoice_lines(run: Run) -> None:
    """Import the lines of invoices, in the order of the file."""
    name = "invoice_lines.csv"
    parts = _parts(run, name, run.lines(name, InvoiceLineRecord), lambda row: ("invoice", row.invoice), "invoice")
    numbers = {line.row.order for _, line in parts}
    run.look_up("order", numbers)
    order_lines = OrderLines(run, numbers)
    billed: dict[int, Values] = {}
    for ref, line in parts:
        order_id = find_order_id(run, (name, line.at, "order"), RowRef(ref.account_id, ref.account_id), line.row.order)
        order_lines.check((name, line.at, "line"), line.row.order, line.row.line)
        billed[line.at] = {"order_id": order_id, "order_line": line.row.line}
    _replace_lines(run, name, "invoice", InvoiceLine, InvoiceLineRecord.defaults("order", "line"), parts, billed)


def _parts(run: Run, name: str, lines: list[Line[R]], owner: Callable[[R], tuple[str, str]], column: str) -> list[tuple[RowRef, Line[R]]]:
    """Return the rows of a file with the document of each, without those whose document does not exist."""
    numbers_by_kind: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        kind, number = owner(line.row)
        numbers_by_kind[kind].add(number)
    for kind, numbers in numbers_by_kind.items():
        run.look_up(kind, numbers)
    parts: list[tuple[RowRef, Line[R]]] = []
    for line in lines:
        kind, number = owner(line.row)
        if ref := run.find(kind, number, (name, line.at, column)):
            run.note_first_row(kind, ref.id, name, line.at)
            parts.append((ref, line))
    return parts


def _numbered_parts(
    parts: Iterable[tuple[RowRef, Line[R]]], owner: str, values: Callable[[Line[R]], Values]
) -> tuple[dict[Key, Values], dict[Key, int]]:
    """Return the parts by document and position (numbered from 1 in the order of the file), and the line of each in the file."""
    counts: dict[int, int] = defaultdict(int)
    wanted: dict[Key, Values] = {}
    lines: dict[Key, int] = {}
    for ref, line in parts:
        counts[ref.id] += 1
        at = (ref.id, counts[ref.id])
        wanted[at] = {"account_id": ref.account_id, owner: ref.id, "position": at[1], **values(line)}
        lines[at] = line.at
    return wanted, lines


def _replace_lines(
    run: Run, name: str, kind: str, model: Any, defaults: Values, parts: list[tuple[RowRef, Line[Any]]], more: Mapping[int, Values]
) -> None:
    """Replace the lines of documents. `more` has the values of columns that refer to other records, by the line of the file."""

    def values(line: Line[Any]) -> Values:
        row: LineRow = line.row
        return {**defaults, **row.stated("order", "invoice", "line"), **more.get(line.at, {})}

    outcome = run.replace_parts(name, model, f"{kind}_id", (f"{kind}_id", "position"), *_numbered_parts(parts, f"{kind}_id", values))
    _touch_owners(run, kind, outcome, (ref for ref, _ in parts))


def _touch_owners(run: Run, kind: str, outcome: Outcome, owners: Iterable[RowRef]) -> None:
    ids = {at[0] for at in outcome.touched}
    run.touch(kind, (ref for ref in owners if ref.id in ids))


def import_fulfilment(run: Run) -> None:
    """Import the fulfilment steps of orders."""
    name, key = "fulfilment.csv", ("order_id", "step")
    lines = list(unique_rows(run, name, run.lines(name, FulfilmentRecord), ("order", "step")))
    defaults = FulfilmentRecord.defaults()
    parts = _parts(run, name, lines, lambda row: ("order", row.order), "order")
    wanted: dict[Key, Values] = {
        (ref.id, line.row.step): {"account_id": ref.account_id, "order_id": ref.id, **defaults, **line.row.stated("order")}
        for ref, line in parts
    }
    outcome = run.replace_parts(name, Fulfilment, "order_id", key, wanted, {(ref.id, line.row.step): line.at for ref, line in parts})
    _touch_owners(run, "order", outcome, (ref for ref, _ in parts))


def import_credit_notes(run: Run) -> None:
    """Import credit notes, matched by number. A credit note of another account is refused, never moved."""
    name = "credit_notes.csv"
    lines = list(unique_rows(run, name, run.lines(name, CreditNoteRecord), ("number",), "credit_note"))
    run.look_up("invoice", {line.row.invoice for line in lines})
    existing = _stored_by_number(run, "credit_note", [line.row.number for line in lines])
    wanted: dict[Key, Values] = {}
    for line in lines:
        row, own = line.row, ("credit_note", line.row.number)
        invoice = run.find("invoice", row.invoice, (name, line.at, "invoice"), own)
        held = existing.get((row.number,))
        if invoice is None:
            continue
        if held is not None and held.account_id != invoice.account_id:
            run.refuse(name, line.at, "invoice", f"credit note {row.number} belongs to another account", own)
            continue
        if row.issued_on > run.today:
            run.refuse(name, line.at, "issued_on", f"{row.issued_on} is after today; import the credit note on its day", own)
            continue
        wanted[row.number,] = {**row.stated("invoice"), "account_id": invoice.account_id, "invoice_id": invoice.id}
    _write_documents(run, name, "credit_note", existing, wanted, {}, lines)
    for held in existing.values():
        run.touch("invoice", [RowRef(held.invoice_id, held.account_id)])
    run.touch("invoice", (RowRef(values["invoice_id"], values["account_id"]) for values in wanted.values()))


def import_taxes(run: Run) -> None:
    """Import the taxes of orders, invoices and credit notes, in the order of the file. A tax without a base is on the subtotal."""
    name = "taxes.csv"
    parts = _parts(run, name, run.lines(name, TaxRecord), lambda row: (row.document, row.number), "number")
    for kind, model in TAXES.items():
        own_parts = [(ref, line) for ref, line in parts if line.row.document == kind]
        document, _ = NATURAL_KEYS[kind]
        planned = run.planned[kind]
        subtotals = {row.id: row.subtotal for row in fetch(run.session, document, "id", {ref.id for ref, _ in own_parts} - planned.keys())}
        subtotals |= {found: values["subtotal"] for found, values in planned.items()}
        wanted, lines = _numbered_parts(
            own_parts, f"{kind}_id", lambda line: {**line.row.stated("document", "number"), "base": line.row.base}
        )
        for at, values in wanted.items():
            values["base"] = subtotals[at[0]] if values["base"] is None else values["base"]
        outcome = run.replace_parts(name, model, f"{kind}_id", (f"{kind}_id", "position"), wanted, lines)
        _touch_owners(run, kind, outcome, (ref for ref, _ in own_parts))
