"""The working file of an import: any number of checked rows outside the database, grouped by the record they are part of.

A **unit** is imported as a whole or not at all: a document with its lines, taxes and steps, a payment with its allocations, a person, an
address, a device. A **batch** is written in one transaction: whole units, and whole accounts if an account is small enough.
"""

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, create_model

from odoportal.core import private_files
from odoportal.core.money import cents, dollars
from odoportal.importing.checks import PAID, InvoiceChange, Move, combine_moves
from odoportal.importing.dialect import Dialect
from odoportal.importing.file_order import FILES, FileKind
from odoportal.importing.reader import FileTable, Line, read_rows
from odoportal.importing.report import BadRow
from odoportal.importing.schemas import FileRecord

# The rows of one transaction; another writer waits for less than a second.
BATCH_ROWS = 8000
CHUNK = 2000
FILE_INDEX = {kind.name: place for place, kind in enumerate(FILES)}
HEAD_FILES = {kind.name for kind in FILES if kind.unit[0] in {"number", "reference", "serial", "code"} and kind.name != "taxes.csv"}
# A record comes after the records that it refers to; accounts, people and addresses come before everything else.
KIND_ORDER = ("account", "person", "address", "order", "invoice", "credit_note", "payment", "device")
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE row (id INTEGER PRIMARY KEY, file INT, line INT, kind TEXT, key TEXT, head INT, account TEXT, invoice TEXT, body TEXT);
CREATE TABLE fault (file INT, line INT, field TEXT, reason TEXT, own INT);
CREATE TABLE spoiled (file INT, line INT, kind TEXT, key TEXT);
CREATE TABLE move (invoice INT, what TEXT, cents INT, file INT, line INT, number TEXT, counted TEXT);
CREATE TABLE unit (id INTEGER PRIMARY KEY, kind TEXT, key TEXT, account TEXT, first INT, size INT, batch INT, bad INT DEFAULT 0);
"""

_MOVES = "SELECT invoice, what, cents, file, line, number FROM move ORDER BY invoice, file, line"
# Each row that is not imported, with its own faults; else with the bad record that it depends on; else as part of a bad unit.
_LEFT_OUT = """
WITH at AS (
    SELECT line FROM spoiled WHERE file = :file
    UNION SELECT line FROM fault WHERE file = :file
    UNION SELECT row.line FROM unit JOIN row ON row.kind = unit.kind AND row.key = unit.key WHERE unit.bad AND row.file = :file
), faults AS (
    SELECT line, own, group_concat(CASE field WHEN '' THEN reason ELSE field || ': ' || reason END, '; ') AS reasons
    FROM (SELECT DISTINCT line, own, field, reason FROM fault WHERE file = :file) GROUP BY line, own
)
SELECT line, coalesce(
    (SELECT reasons FROM faults WHERE faults.line = at.line ORDER BY own DESC LIMIT 1), 'belongs together with a bad row'
) FROM at ORDER BY line
"""


def _row_adapter(kind: FileKind) -> TypeAdapter[list[FileRecord]]:
    """Return a reader for stored rows: the same types, without the checks, because the rows were checked before they were stored."""
    fields: dict[str, Any] = {
        name: (field.annotation, ... if field.is_required() else field.default) for name, field in kind.row.model_fields.items()
    }
    row: Any = create_model(f"Stored{kind.row.__name__}", __base__=FileRecord, **fields)
    rows: Any = list[row]
    return TypeAdapter(rows)


class Staging:
    """A working file. `close` keeps it; `remove` deletes it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create an empty one that only its owner can read."""
        self.path = path
        self.tables: dict[str, FileTable] = {}
        self._readers: dict[str, TypeAdapter[list[FileRecord]]] = {}
        fresh = not path.exists()
        if fresh:
            private_files.make_folder(path.parent)
            private_files.make_file(path)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE; PRAGMA cache_size=-8000;")
        if fresh:
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def flush(self) -> None:
        """Flush the file to disk."""
        handle = os.open(self.path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    def note(self, name: str, value: object) -> None:
        """Store a fact about the run."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def noted(self, name: str) -> Any:
        """Return a fact about the run; None if it is not stored."""
        found = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def load(self, kind: FileKind, file: BinaryIO, spelling: Dialect) -> Iterator[int]:
        """Read a file into the working file; yield the number of rows read so far, after each chunk.

        Args:
            kind: the kind of the file.
            file: a file that can be read from its start more than once.
            spelling: the declared format of the file.
        """
        table = self.tables[kind.name] = FileTable(kind)
        done, rows = 0, list[tuple[Any, ...]]()
        for line in read_rows(table, file, spelling):
            if line:
                rows.append(self._row(kind, line))
            if len(rows) == CHUNK or len(table.bad) >= CHUNK:
                done += self._insert(table, rows)
                yield done
        self._insert(table, rows)
        self.note(kind.name, list(table.ignored))

    def _row(self, kind: FileKind, line: Line[FileRecord]) -> tuple[Any, ...]:
        values = line.row.__dict__
        own = kind.unit_of(values)
        head = kind.name in HEAD_FILES
        account = (values.get("account") or (own[1] if own[0] == "account" else None)) if head else None
        note_of = values["invoice"] if own[0] == "credit_note" and head else None
        return (
            FILE_INDEX[kind.name],
            line.at,
            *own,
            head,
            account,
            note_of,
            line.row.__pydantic_serializer__.to_json(line.row, exclude_unset=True),
        )

    def _insert(self, table: FileTable, rows: list[tuple[Any, ...]]) -> int:
        place, many = FILE_INDEX[table.kind.name], len(rows)
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO row (file, line, kind, key, head, account, invoice, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany("INSERT INTO spoiled VALUES (?, ?, ?, ?)", [(place, at, *own) for at, own in table.bad_units])
        self._db.execute("COMMIT")
        self.record_faults(table.bad)
        rows.clear()
        table.bad.clear()
        table.bad_units.clear()
        return many

    def record_faults(self, faults: Iterable[BadRow], own: bool = True) -> None:
        """Record bad rows; `own` is False for rows that are good but depend on a bad one."""
        rows = [(FILE_INDEX[bad.file], bad.line, bad.column, bad.reason, own) for bad in faults]
        if rows:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO fault VALUES (?, ?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")

    def faults(self, most: int) -> tuple[list[BadRow], int]:
        """Return the first faults by file, line and column, and the number of all faults."""
        found = self._db.execute("SELECT file, line, field, reason FROM fault WHERE own ORDER BY file, line, field LIMIT ?", (most,))
        rows = [BadRow(FILES[file].name, line, field, reason) for file, line, field, reason in found]
        return rows, self._one("SELECT count(*) FROM fault WHERE own")

    def bad_rows(self) -> dict[str, int]:
        """Return the number of rows of each file that are bad themselves."""
        found = self._db.execute("SELECT file, count(DISTINCT line) FROM fault WHERE own GROUP BY file")
        return {FILES[file].name: many for file, many in found}

    def _one(self, statement: str, *values: object) -> int:
        return int(self._db.execute(statement, values).fetchone()[0] or 0)

    def plan_batches(self, most: int = BATCH_ROWS) -> int:
        """Sort the rows into units and the units into batches; return the number of batches.

        Args:
            most: the maximum number of rows in a batch; only a single unit with more rows makes a larger batch.
        """
        self._db.executescript(
            """
            CREATE INDEX row_unit ON row (kind, key);
            CREATE INDEX row_place ON row (file, line);
            INSERT INTO unit (kind, key, account, first, size)
                -- A device that moves from one account to another comes after both.
                SELECT kind, key, CASE WHEN count(DISTINCT account) = 1 THEN max(account) END, min(id), count(*)
                FROM row GROUP BY kind, key;
            CREATE UNIQUE INDEX unit_key ON unit (kind, key);
            UPDATE unit SET account = (
                SELECT owner.account FROM row JOIN unit AS owner ON owner.kind = 'invoice' AND owner.key = row.invoice
                WHERE row.kind = unit.kind AND row.key = unit.key AND row.head
            ) WHERE kind = 'credit_note';
            """
        )
        stage = " ".join(f"WHEN '{kind}' THEN {place}" for place, kind in enumerate(KIND_ORDER))
        # First the records that all accounts share, then one account after another, then parts of documents that are stored already.
        block = "CASE WHEN kind IN ('account', 'person', 'address') THEN 0 WHEN account IS NULL THEN 2 ELSE 1 END"
        owner = f"CASE {block} WHEN 1 THEN account ELSE '' END"
        sizes = {(at, of): size for at, of, size in self._db.execute(f"SELECT {block}, {owner}, sum(size) FROM unit GROUP BY 1, 2")}  # noqa: S608
        ordered = self._db.execute(f"SELECT id, {block}, {owner}, size FROM unit ORDER BY 2, 3, CASE kind {stage} END, first")  # noqa: S608
        placed, count = _pack(ordered, sizes, most)
        self._db.execute("BEGIN")
        self._db.executemany("UPDATE unit SET batch = ? WHERE id = ?", placed)
        self._db.execute("COMMIT")
        self._db.execute("CREATE INDEX unit_batch ON unit (batch)")
        self.note("batches", count)
        return count

    def batch(self, number: int) -> dict[str, FileTable]:
        """Return the rows of a batch by file, in import order and in the order of the lines, without bad units."""
        found = self._db.execute(
            "SELECT row.file, row.line, row.body FROM unit JOIN row ON row.kind = unit.kind AND row.key = unit.key"
            " WHERE unit.batch = ? AND NOT unit.bad ORDER BY row.file, row.line",
            (number,),
        ).fetchall()
        tables: dict[str, FileTable] = {}
        start = 0
        while start < len(found):
            end = start
            while end < len(found) and found[end][0] == found[start][0]:
                end += 1
            kind = FILES[found[start][0]]
            reader = self._readers.setdefault(kind.name, _row_adapter(kind)) if kind.name not in self._readers else self._readers[kind.name]
            rows = reader.validate_json(b"[" + b",".join(body for *_, body in found[start:end]) + b"]")
            lines = [Line(line, row) for (_, line, _), row in zip(found[start:end], rows, strict=True)]
            tables[kind.name] = FileTable(kind, lines, ignored=tuple(self.noted(kind.name)))
            start = end
        return tables

    def look_up(self, kind: str, keys: Collection[str]) -> dict[str, tuple[int, str]]:
        """Return those of the keys that the import brings, with a negative number in place of the id, and the account's number."""
        found = self._db.execute(
            # A cross join makes SQLite start from the keys, not from all rows of the kind.
            "SELECT row.key, row.id, row.account FROM json_each(?) AS asked CROSS JOIN row ON row.kind = ? AND row.key = asked.value"
            " WHERE row.head ORDER BY row.id DESC",
            (json.dumps(list(keys)), kind),
        )
        return {key: (-number, account or "") for key, number, account in found}

    def people(self, keys: Collection[str]) -> list[tuple[str, str, str]]:
        """Return the good rows about people with these email keys: the account's number, the email and the name of each."""
        return self._db.execute(
            "SELECT json_extract(row.body, '$.account'), json_extract(row.body, '$.email'), json_extract(row.body, '$.name')"
            " FROM json_each(?) AS asked CROSS JOIN row ON row.kind = 'person' AND row.key = asked.value"
            " JOIN unit ON unit.kind = row.kind AND unit.key = row.key WHERE NOT unit.bad",
            (json.dumps(list(keys)),),
        ).fetchall()

    def count_rows(self, name: str, keys: Collection[str]) -> dict[str, int]:
        """Return how many rows of a file each of these units has, by key; units without a row are left out."""
        kind = FILES[FILE_INDEX[name]].unit[1]
        found = self._db.execute(
            "SELECT row.key, count(*) FROM json_each(?) AS asked CROSS JOIN row ON row.kind = ? AND row.key = asked.value"
            " WHERE row.file = ? GROUP BY row.key",
            (json.dumps(list(keys)), kind, FILE_INDEX[name]),
        )
        return dict(found.fetchall())

    def add_moves(self, moves: Iterable[Move], counted: Mapping[tuple[str, int], str]) -> None:
        """Store the effects of rows on invoices, and how the rows were counted, by file and line."""
        rows = [
            (m.invoice, m.what, cents(m.amount), FILE_INDEX[m.file], m.line, m.number, counted.get((m.file, m.line), "")) for m in moves
        ]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO move VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def clear_moves(self) -> None:
        """Delete all stored effects on invoices."""
        self._db.execute("DELETE FROM move")

    def combined_moves(self) -> Iterator[dict[int, InvoiceChange]]:
        """Yield the combined effect of all rows by invoice, some invoices at a time."""
        rows: list[Move] = []
        for invoice, what, amount, file, line, number in self._db.execute(_MOVES):
            if len(rows) >= CHUNK and rows[-1].invoice != invoice:
                yield combine_moves(rows)
                rows = []
            rows.append(Move(invoice, what, dollars(amount), FILES[file].name, line, number))
        yield combine_moves(rows)

    def pop_count(self, file: str, line: int) -> str:
        """Return how a row that affects an invoice was counted, and forget it: a second call returns ""."""
        self._db.execute("CREATE INDEX IF NOT EXISTS move_place ON move (file, line)")
        at = (FILE_INDEX[file], line)
        found = self._db.execute("SELECT counted FROM move WHERE file = ? AND line = ?", at).fetchone()
        self._db.execute("UPDATE move SET counted = '' WHERE file = ? AND line = ?", at)
        return str(found[0])

    def contributing_rows(self, invoice: int, what: str) -> list[tuple[str, int]]:
        """Return the rows that add to what is paid or credited on an invoice."""
        found = self._db.execute("SELECT file, line FROM move WHERE invoice = ? AND what = ?", (invoice, what or PAID))
        return [(FILES[file].name, line) for file, line in found]

    def exclude_bad_units(self) -> list[tuple[str, str]]:
        """Mark every unit with a bad row as bad; return the kind and key of the units that were not marked before."""
        self._db.execute("CREATE INDEX IF NOT EXISTS fault_place ON fault (file, line)")
        found = self._db.execute(
            "SELECT id, kind, key FROM unit WHERE NOT bad AND (kind, key) IN ("
            " SELECT kind, key FROM spoiled UNION"
            " SELECT row.kind, row.key FROM fault JOIN row ON row.file = fault.file AND row.line = fault.line)"
        ).fetchall()
        self._db.executemany("UPDATE unit SET bad = 1 WHERE id = ?", [(found_id,) for found_id, *_ in found])
        return [(kind, key) for _, kind, key in found]

    def rejected_rows(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield the line and the reason of each row of a file that is not imported, in the order of the file."""
        yield from self._db.execute(_LEFT_OUT, {"file": FILE_INDEX[name]})


def _pack(ordered: Iterable[tuple[int, int, str, int]], sizes: dict[tuple[int, str], int], most: int) -> tuple[list[tuple[int, int]], int]:
    """Return pairs of batch and unit, and the number of batches. A block of units goes into one batch if it fits."""
    placed: list[tuple[int, int]] = []
    batch, filled, block = 0, 0, None
    for unit, at, owner, size in ordered:
        opens = (at, owner) != block
        block = (at, owner)
        needed = sizes[block] if opens else size if sizes[block] > most else 0
        if filled and filled + needed > most:
            batch, filled = batch + 1, 0
        filled += size
        placed.append((batch, unit))
    return placed, batch + 1 if placed else 0
