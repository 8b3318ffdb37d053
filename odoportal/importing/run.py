"""The state of one run of an import: its rows, the records known by key, and what was touched or is bad."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Protocol, TypeVar, cast

from sqlmodel import Session

from odoportal.accounts.models import Account
from odoportal.core import clock
from odoportal.core.money import ZERO
from odoportal.importing.bulk import Key, Outcome, Values, by_key, delete_rows, fetch, upsert
from odoportal.importing.reader import FileTable, Line
from odoportal.importing.report import BadRow, Counts, Report
from odoportal.importing.schemas import FileRecord
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, Payment
from odoportal.rooms.orders.models import Order

R = TypeVar("R", bound=FileRecord)
NATURAL_KEYS = {
    "account": (Account, "number"),
    "order": (Order, "number"),
    "invoice": (Invoice, "number"),
    "credit_note": (CreditNote, "number"),
    "payment": (Payment, "reference"),
}
KIND_OF_MODEL = {model: kind for kind, (model, _) in NATURAL_KEYS.items()}
DISPLAY_NAMES = {"credit_note": "credit note"}


@dataclass(frozen=True)
class RowRef:
    """The id of a row, and the account it belongs to."""

    id: int
    account_id: int


class PendingRecords(Protocol):
    """The records that other parts of the same import bring."""

    def look_up(self, kind: str, keys: Collection[str]) -> dict[str, tuple[int, str]]:
        """Return those of the keys that will exist, with a negative number in place of the id, and the account's number."""
        ...

    def people(self, keys: Collection[str]) -> list[tuple[str, str, str]]:
        """Return the good rows about people with these email keys: the account's number, the email and the name of each."""
        ...

    def count_rows(self, name: str, keys: Collection[str]) -> dict[str, int]:
        """Return how many rows of a file each of these units has, by key; units without a row are left out."""
        ...


class NoPendingRecords:
    """The pending records of an import without other parts: none."""

    def look_up(self, kind: str, keys: Collection[str]) -> dict[str, tuple[int, str]]:  # noqa: ARG002
        """Return no keys."""
        return {}

    def people(self, keys: Collection[str]) -> list[tuple[str, str, str]]:  # noqa: ARG002
        """Return no people."""
        return []

    def count_rows(self, name: str, keys: Collection[str]) -> dict[str, int]:  # noqa: ARG002
        """Return no units."""
        return {}


@dataclass
class Run:
    """The state of an import, or of a part of one, while it is processed. Nothing here commits.

    A dry run checks and counts, and writes nothing: its new records have a negative number instead of an id.

    Attributes:
        pending: the records that other parts of the same import bring; `look_up` is used in a dry run only.
        bad_records: the kind and key of records that are missing or wrong because of a bad row.
        unread: the kinds whose file could not be read to its end.
        known: the records looked up so far, by kind and key; None for a key that does not exist.
        first_rows: the file and line at which the run first refers to a document, by kind and id; in a dry run only.
        touched: the orders, invoices, payments and devices to recompute.
        new_people: the account that first named a new person, both by id.
        dependent: rows that are good, but cannot be imported without a bad one.
    """

    session: Session
    now: datetime
    tables: dict[str, FileTable]
    report: Report
    dry: bool = False
    pending: PendingRecords = field(default_factory=NoPendingRecords)
    bad_records: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    unread: set[str] = field(default_factory=set[str])
    known: dict[str, dict[str, RowRef | None]] = field(default_factory=lambda: defaultdict(dict))
    first_rows: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict[tuple[str, int], tuple[str, int]])
    touched: dict[str, set[RowRef]] = field(default_factory=lambda: {"order": set(), "invoice": set(), "payment": set(), "device": set()})
    new_people: dict[int, int] = field(default_factory=dict[int, int])
    dependent: list[BadRow] = field(default_factory=list[BadRow])
    # The wanted documents and payments, by kind and id; the sums of parts, by model and document; and the allocations of each
    # payment by invoice, with the line of each.
    planned: dict[str, dict[int, Values]] = field(default_factory=lambda: defaultdict(dict))
    sums: dict[Any, dict[int, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    allocations: dict[int, dict[int, tuple[Decimal, int]]] = field(default_factory=lambda: defaultdict(dict))
    # How rows were counted, by file and line, in a dry run: the count is undone for a row that turns out to be bad later.
    counted: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    _temporary_ids: Iterator[int] = field(default_factory=lambda: count(-1, -1))

    def __post_init__(self) -> None:
        for table in self.tables.values():
            self.report.files.setdefault(table.kind.name, Counts(ignored=table.ignored))

    def lines(self, name: str, row: type[R]) -> list[Line[R]]:
        """Return the good rows of a file. `row` is their type."""
        if self.tables[name].kind.row is not row:
            raise TypeError(f"rows of {name} are not {row.__name__}")
        return cast("list[Line[R]]", self.tables[name].lines)

    def refuse(self, name: str, line: int, column: str, reason: str, *brings: tuple[str, str]) -> None:
        """Record a bad row and the records that it would have brought, so that rows that refer to them are not reported as well."""
        self.report.bad.append(BadRow(name, line, column, reason))
        self.report.uncount(name, self.counted.pop((name, line), ""))
        self.bad_records.update(brings)

    def refuse_dependent(self, name: str, line: int, _column: str, reason: str, *brings: tuple[str, str]) -> None:
        """Record a row that is good, but cannot be imported without a bad one."""
        self.dependent.append(BadRow(name, line, "", reason))
        self.bad_records.update(brings)

    def already_reported(self, kind: str, key: str) -> bool:
        """Return whether the record with this key is missing or wrong only because of a bad row that is reported already."""
        return kind in self.unread or (kind, key) in self.bad_records

    def look_up(self, kind: str, keys: Collection[str]) -> None:
        """Look up the keys that are not known yet, in a few statements for any number."""
        known = self.known[kind]
        missing = {key for key in keys if key and key not in known}
        known.update(dict.fromkeys(missing))
        if kind in NATURAL_KEYS:
            model, column = NATURAL_KEYS[kind]
            for row in fetch(self.session, model, column, missing):
                known[getattr(row, column)] = RowRef(row.id, row.id if kind == "account" else row.account_id)
        if self.dry and (found := self.pending.look_up(kind, [key for key in missing if known[key] is None])):
            self._add_pending(kind, found)

    def _add_pending(self, kind: str, pending: Mapping[str, tuple[int, str]]) -> None:
        if kind == "account":
            self.known[kind].update({key: RowRef(found, found) for key, (found, _) in pending.items()})
            return
        self.look_up("account", {account for _, account in pending.values()})
        for key, (found, number) in pending.items():
            if account := self.known["account"].get(number):
                self.known[kind][key] = RowRef(found, account.id)

    def find(self, kind: str, key: str, at: tuple[str, int, str], *brings: tuple[str, str]) -> RowRef | None:
        """Return the record that a row refers to, or None after reporting that it does not exist.

        Args:
            kind: the kind of record.
            key: its natural key.
            at: the file, line and column of the reference.
            brings: the kind and key of the records that are missing without this row.
        """
        found = self.known[kind].get(key)
        if found is None or self.already_reported(kind, key):
            if self.already_reported(kind, key):
                self.refuse_dependent(*at, f"{DISPLAY_NAMES.get(kind, kind)} {key} is bad", *brings)
            else:
                self.refuse(*at, f"there is no {DISPLAY_NAMES.get(kind, kind)} {key}", *brings)
            return None
        return found

    def count(self, name: str, new: bool, changed: bool) -> None:
        """Count a row of a file."""
        counts = self.report.files[name]
        counts.new += new
        counts.changed += changed and not new
        counts.same += not (new or changed)

    def recount(self, name: str) -> None:
        """Count a row as changed that will be counted as new."""
        self.report.files[name].new -= 1
        self.report.files[name].changed += 1

    def upsert(
        self,
        model: Any,
        key: tuple[str, ...],
        existing: Mapping[Key, Any],
        wanted: Mapping[Key, Values],
        fresh: Values,
        ids: bool = True,
    ) -> Outcome:
        """Write rows with `bulk.upsert`; in a dry run, new rows get negative numbers as ids."""
        outcome = upsert(self.session, model, key, existing, wanted, fresh, dry=self.dry, ids=ids)
        if self.dry and outcome.new and ids:
            pending = self.pending.look_up(KIND_OF_MODEL[model], [at[-1] for at in outcome.new]) if model in KIND_OF_MODEL else {}
            outcome.ids |= {at: pending[at[-1]][0] if at[-1] in pending else next(self._temporary_ids) for at in outcome.new}
        return outcome

    def upsert_and_count(
        self,
        name: str,
        model: Any,
        key: tuple[str, ...],
        existing: Mapping[Key, Any],
        wanted: Mapping[Key, Values],
        fresh: Values,
        ids: bool = True,
        lines: Mapping[Key, int] | None = None,
    ) -> Outcome:
        """Write rows with `upsert` and count them for a file. `lines` has the line of each row in the file."""
        outcome = self.upsert(model, key, existing, wanted, fresh, ids)
        if self.dry and lines:
            words = dict.fromkeys(outcome.new, "new") | dict.fromkeys(outcome.changed, "changed")
            self.counted.update({(name, lines[at]): words.get(at, "same") for at in wanted})
        counts = self.report.files[name]
        counts.new += len(outcome.new)
        counts.changed += len(outcome.changed)
        counts.same += outcome.same
        return outcome

    def replace_parts(
        self, name: str, model: Any, owner: str, key: tuple[str, str], wanted: Mapping[Key, Values], lines: Mapping[Key, int]
    ) -> Outcome:
        """Replace the parts of some documents by the wanted ones: lines, taxes, steps or allocations.

        Args:
            name: the file.
            model: the parts' model.
            owner: the column with the document's id, which is the first column of the key.
            key: the columns that identify a part.
            wanted: the parts by key; other parts of the same documents are deleted.
            lines: the line of each part in the file.
        """
        existing = by_key(fetch(self.session, model, owner, {at[0] for at in wanted if at[0] > 0}), key)
        outcome = self.upsert_and_count(name, model, key, existing, wanted, {}, ids=False, lines=lines)
        outcome.removed = existing.keys() - wanted.keys()
        self.report.files[name].removed += len(outcome.removed)
        if not self.dry:
            delete_rows(self.session, model, key, outcome.removed)
        elif model is not Allocation:
            sums = self.sums[model]
            for at, values in wanted.items():
                sums[at[0]] = sums.get(at[0], ZERO) + (values.get("amount") or ZERO)
        return outcome

    @property
    def today(self) -> date:
        """The day of the run: no payment has been received and no credit note issued after it, so that all that is stored counts."""
        return clock.to_local(self.now).date()

    def touch(self, kind: str, refs: Iterable[RowRef]) -> None:
        """Mark records whose sums and search texts must be recomputed: orders, invoices, payments and devices. Other kinds have none."""
        if kind in self.touched and not self.dry:
            self.touched[kind].update(refs)

    def note_first_row(self, kind: str, ref_id: int, name: str, line: int) -> None:
        """Remember the first row of a dry run that refers to a document, to report errors of the document as a whole there."""
        if self.dry:
            self.first_rows.setdefault((kind, ref_id), (name, line))


def unique_rows(run: Run, name: str, lines: list[Line[R]], key: tuple[str, ...], brings: str = "") -> Iterator[Line[R]]:
    """Yield the rows of a file with a key that has not occurred before; rows that repeat a key are refused."""
    seen: dict[Key, int] = {}
    for line in lines:
        at = tuple(getattr(line.row, column) for column in key)
        if (first := seen.setdefault(at, line.at)) != line.at:
            run.refuse(name, line.at, key[-1], f"repeats line {first}", *([(brings, at[-1])] if brings else []))
        else:
            yield line
