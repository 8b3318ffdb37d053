"""From the bytes of a file to checked rows, each with its line, and what could not be read."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import ValidationError

from odoportal.exchange.files import FileKind
from odoportal.exchange.formats import FileRow
from odoportal.exchange.report import BadRow
from odoportal.exchange.values import RowError, clean

R = TypeVar("R", bound=FileRow)
BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Line(Generic[R]):
    """A checked row and where it stands."""

    at: int
    row: R


@dataclass
class Table:
    """A file as read. `whole` is False when the rest of it could not be read."""

    kind: FileKind
    lines: list[Line[FileRow]] = field(default_factory=list[Line[FileRow]])
    columns: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    bad: list[BadRow] = field(default_factory=list[BadRow])
    broken: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    whole: bool = True

    def refuse(self, line: int, column: str, reason: str) -> None:
        """Take down a bad row."""
        self.bad.append(BadRow(self.kind.name, line, column, reason))

    def give_up(self, line: int, reason: str) -> None:
        """Take down that the file cannot be read from here on."""
        self.refuse(line, "", reason)
        self.whole = False


def read_table(kind: FileKind, raw: bytes) -> Table:
    """Read a file: UTF-8 with or without a byte order mark, commas, a header line.

    Bad rows are collected in the table, never raised.
    """
    table = Table(kind)
    if encoding := BOMS.get(raw[:2]):
        table.give_up(1, f"the file is {encoding}; save it as UTF-8")
        return table
    # Bytes that are not UTF-8 come through as lone surrogates, so that each is reported with its line and column.
    text = raw.decode("utf-8-sig", "surrogateescape")
    records = _records(table, text)
    header = _header(table, next(records, None))
    if header:
        for at, cells in records:
            _take(table, header, at, cells)
    return table


def _records(table: Table, text: str) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not blank, with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        at = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            table.give_up(at, f"cannot be read any further: {problem}")
            return
        if any(cell.strip() for cell in cells):
            yield at, cells


def _header(table: Table, record: tuple[int, list[str]] | None) -> list[str]:
    """The names of the columns; an empty list when the file cannot be read without them."""
    at, cells = record or (1, [])
    try:
        names = [clean(cell).casefold() for cell in cells]
    except ValueError as problem:
        table.give_up(at, f"the header cannot be read: {problem}")
        return []
    twice = sorted({name for name in names if name and names.count(name) > 1})
    missing = table.kind.missing(set(names))
    for name in twice:
        table.refuse(at, name, "the column is there twice")
    for name in missing:
        table.refuse(at, name, "the column is missing")
    if twice or missing:
        table.whole = False
        return []
    table.columns = frozenset(names) & table.kind.columns
    table.ignored = tuple(name or "(without a name)" for name in names if name not in table.columns)
    return names


def _take(table: Table, header: list[str], at: int, cells: list[str]) -> None:
    """Check one record and keep it as a row, or take down all that is wrong with it."""
    raw: dict[str, str] = {}
    faults: list[tuple[str, str]] = []
    if len(cells) != len(header):
        faults.append(("", f"{len(cells)} cells in {len(header)} columns; a value with a comma goes in quotes"))
    for name, cell in zip(header, cells, strict=False):
        if name in table.columns:
            try:
                raw[name] = clean(cell)
            except ValueError as problem:
                faults.append((name, str(problem)))
    if not faults:
        try:
            table.lines.append(Line(at, table.kind.row.model_validate(raw)))
        except ValidationError as problem:
            faults = list(_faults(problem))
    if faults:
        for column, reason in faults:
            table.refuse(at, column, reason)
        table.broken.update(table.kind.belongs_to(raw))


def _faults(problem: ValidationError) -> Iterator[tuple[str, str]]:
    for fault in problem.errors(include_url=False, include_input=False):
        error = fault.get("ctx", {}).get("error")
        column = error.column if isinstance(error, RowError) else ".".join(str(part) for part in fault["loc"])
        yield column, str(error or fault["msg"])
