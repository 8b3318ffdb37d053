"""Reading a file row by row, whatever its size: checked rows with their lines, and the errors."""

import csv
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from odoportal.documents.characters import undrawable
from odoportal.importing.cells import RowError, clean, key, quoted
from odoportal.importing.dialect import ENCODINGS, Dialect, FileFormat, encoding_of, format_of, header_name, is_blank, misread
from odoportal.importing.file_order import REFERENCES, FileKind
from odoportal.importing.report import BadRow, Hints
from odoportal.importing.schemas import FileRecord, InvoiceRecord, TwoLanguages

R = TypeVar("R", bound=FileRecord)
Record = tuple[int, list[str]]
_ZIP, _OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DECLARE = "declare its encoding with --encoding, such as cp850 or cp863 (MS-DOS) or mac-roman, or windows-1252 if it is right"
_MOST_SIGNS = 3
_START = 1 << 16
_HEAD = 128
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
PLAIN = FileFormat("utf-8", has_bom=False, delimiter=",")
BOM = b"\xef\xbb\xbf"
_SHORT = 200
LONGEST_RECORD = 1 << 20
"""The maximum length of a record in characters, header included. The widest row that fits the database is far below 10,000."""
# Files repeat a few texts thousands of times.
_cleaned = lru_cache(maxsize=4096)(clean)


class Line(NamedTuple, Generic[R]):
    """A checked row and its line in the file."""

    at: int
    row: R


@dataclass
class FileTable:
    """The content of a file. `complete` is False if the rest of the file could not be read.

    `bad_records` has the records that bad rows define or belong to. `bad_units` has the line of each bad row and its unit. `hints` is what
    the good rows lack.
    """

    kind: FileKind
    lines: list[Line[FileRecord]] = field(default_factory=list[Line[FileRecord]])
    columns: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    bad: list[BadRow] = field(default_factory=list[BadRow])
    bad_records: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    bad_units: list[tuple[int, tuple[str, str]]] = field(default_factory=list[tuple[int, tuple[str, str]]])
    complete: bool = True
    form: FileFormat = PLAIN
    hints: Hints = field(default_factory=Hints)

    def refuse(self, line: int, column: str, reason: str) -> None:
        """Record a bad row."""
        self.bad.append(BadRow(self.kind.name, line, column, reason))

    def give_up(self, line: int, reason: str) -> None:
        """Record that the file cannot be read any further."""
        self.refuse(line, "", reason)
        self.complete = False


def read_table(kind: FileKind, raw: bytes, spelling: Dialect | None = None) -> FileTable:
    """Read a small file at once; bad rows are collected in the table, not raised."""
    table = FileTable(kind)
    table.lines = [line for line in read_rows(table, io.BytesIO(raw), spelling or Dialect()) if line]
    return table


def read_rows(table: FileTable, file: BinaryIO, spelling: Dialect) -> Iterator[Line[FileRecord] | None]:
    """Yield the rows of a file one by one; None for a bad row, whose errors are added to the table.

    Args:
        table: a table of the file's kind; its form and columns are set before the first row.
        file: a file that can be read from its start more than once.
        spelling: the declared format of the file.
    """
    file.seek(0)
    start = file.read(_START)
    if problem := _other_kind(start) or ("" if spelling.encoding else _utf_16(start)):
        table.give_up(1, problem)
        return
    encoding = ENCODINGS[spelling.encoding] if spelling.encoding else None
    marked = start.startswith(BOM) and encoding in {None, "utf-8"}
    encoding = encoding or ("utf-8" if marked else encoding_of(file))
    text = start.decode(encoding, "replace").lstrip("\ufeff")
    known = format_of(text, table.kind.columns, lambda names: not table.kind.missing(names), spelling.delimiter)
    table.form = FileFormat(encoding, marked, *known)
    found = records(table, file)
    first = next(found, None)
    header = _header(table, first) if table.complete else []
    if header:
        row_of = _RowReader(table, header, spelling)
        guessed = encoding == "cp1252" and spelling.encoding is None
        for at, cells in found:
            if guessed and (word := next(filter(None, map(misread, cells)), "")):
                table.give_up(at, f"{quoted(word)} is not in Windows-1252, as the file was read; {_DECLARE}")
                return
            row = row_of.read(at, cells)
            yield None if row is None else Line(at, row)


def _other_kind(start: bytes) -> str:
    """Return why a file is no text, by what it begins with; "" if it may be text."""
    if start.startswith(_OLD_OFFICE) or (start.startswith(_ZIP) and b"[Content_Types].xml" in start[:_HEAD]):
        return "the file is an Excel workbook; save its sheet as CSV"
    return "the file is a ZIP archive; unpack it" if start.startswith(_ZIP) else ""


def _utf_16(start: bytes) -> str:
    return "the file is UTF-16; save it as UTF-8, or declare it with --encoding utf-16" if start.startswith(UTF_16) else ""


class _LimitedLines:
    """The lines of a text, read in pieces of at most the length of one record.

    `csv.field_size_limit` checks a field only once its whole line is in memory, and does not limit the number of fields.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.remaining = LONGEST_RECORD

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self.remaining + 1)
        self.remaining -= len(line)
        if self.remaining < 0:
            raise csv.Error(f"a row has more than {LONGEST_RECORD} characters; it may have no line end or an open quote")
        if not line:
            raise StopIteration
        return line


def records(table: FileTable, file: BinaryIO) -> Generator[Record, None, None]:
    """Yield the header of a file and every record after it that is not blank, with its first line. The table has the file's form."""
    file.seek(len(BOM) if table.form.has_bom else 0)
    # Read invalid bytes as lone surrogates, so that each is reported with its line and column.
    text = io.TextIOWrapper(file, table.form.encoding, "surrogateescape", newline="")
    try:
        lines = _LimitedLines(text)
        reader = csv.reader(lines, delimiter=table.form.delimiter, strict=True)
        while True:
            at = reader.line_num + 1
            lines.remaining = LONGEST_RECORD
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                reason = "a cell is too long; a quote may be open" if "field limit" in str(problem) else problem
                table.give_up(at, f"cannot be read any further: {reason}")
                return
            if at >= table.form.header and not is_blank(cells):
                yield at, cells
    finally:
        # The caller closes the file.
        text.detach()


def _header(table: FileTable, record: Record | None) -> list[str]:
    """Return the names of the columns; an empty list if the file cannot be read with this header."""
    at, cells = record or (1, [])
    try:
        names = [header_name(clean(cell)) for cell in cells]
    except ValueError as problem:
        table.give_up(at, f"the header cannot be read: {problem}")
        return []
    twice = sorted({name for name in names if name and names.count(name) > 1})
    missing = table.kind.missing(set(names))
    for name in twice:
        table.refuse(at, name, "the column appears twice")
    for name in missing:
        table.refuse(at, name, "the column is missing")
    if twice or missing:
        table.complete = False
        return []
    table.columns = frozenset(names) & table.kind.columns
    table.ignored = tuple(name or "(without a name)" for name in names if name not in table.columns)
    return names


class _RowReader:
    """Converts the records of a file to checked rows."""

    def __init__(self, table: FileTable, header: list[str], spelling: Dialect) -> None:
        self._table = table
        self._width = len(header)
        self._columns = [(place, name) for place, name in enumerate(header) if name in table.columns]
        self._names = [name for _, name in self._columns]
        self._places = [place for place, _ in self._columns]
        readers = {**spelling.readers, "key": key}
        self._value_readers = [(name, readers[how]) for name, how in table.kind.value_formats.items() if name in table.columns]
        row = table.kind.row
        self._bilingual = [*row.texts()] if issubclass(row, TwoLanguages) else []
        self._validate = table.kind.row.__pydantic_validator__.validate_python

    def read(self, at: int, cells: list[str]) -> FileRecord | None:
        """Return the checked row, or None after recording everything that is wrong with it."""
        faults: list[tuple[str, str]] = []
        if len(cells) != self._width:
            # Excel leaves out empty cells at the end of a row, or adds some.
            if not is_blank(cells[self._width :]):
                name = self._table.form.delimiter_name
                faults.append(("", f"{len(cells)} cells in {self._width} columns; a value with a {name} goes in quotes"))
            cells = [*cells, *[""] * (self._width - len(cells))]
        raw = self._texts([cells[place] for place in self._places], faults)
        for name, read in self._value_readers:
            if text := raw.get(name):
                try:
                    raw[name] = read(text)
                except ValueError as problem:
                    faults.append((name, str(problem)))
        if not faults:
            try:
                row = self._validate(raw)
            except ValidationError as problem:
                faults = list(_faults(problem))
            else:
                self._look_for_hints(at, raw)
                return row
        for column, reason in faults:
            self._table.refuse(at, column, reason)
        self._table.bad_records.update(self._table.kind.belongs_to(raw))
        self._table.bad_units.append((at, self._table.kind.unit_of(raw)))
        return None

    def _look_for_hints(self, at: int, raw: dict[str, str]) -> None:
        kind, hints = self._table.kind, self._table.hints
        for language, other in (("fr", "en"), ("en", "fr")):
            lacking = (raw.get(f"{name}_{other}") and not raw.get(f"{name}_{language}") for name in self._bilingual)
            hints.one_language[language] += any(lacking)
        if kind.row is InvoiceRecord:
            hints.without_terms += not (raw.get("terms_fr") or raw.get("terms_en"))
        if kind.printed:
            for name, text in raw.items():
                if name not in REFERENCES and not text.isascii() and (signs := undrawable(text)):
                    hints.add_undrawable(BadRow(kind.name, at, name, f"documents cannot show {_named(signs)}"))

    def _texts(self, cells: list[str], faults: list[tuple[str, str]]) -> dict[str, str]:
        """Return the texts by column; texts that cannot be read are added to the faults."""
        together = "".join(cells)
        if together.isascii() and together.isprintable():
            return {name: cell.strip() for name, cell in zip(self._names, cells, strict=True)}
        texts: dict[str, str] = {}
        for name, cell in zip(self._names, cells, strict=True):
            try:
                texts[name] = _cleaned(cell) if len(cell) < _SHORT else clean(cell)
            except ValueError as problem:
                faults.append((name, str(problem)))
        return texts


def _named(signs: str) -> str:
    """Return the first characters of a text with their code points, for a message."""
    names = [f"{quoted(sign)} (U+{ord(sign):04X})" for sign in signs[:_MOST_SIGNS]]
    return ", ".join(names) + (" and others" if len(signs) > _MOST_SIGNS else "")


def _faults(problem: ValidationError) -> Iterator[tuple[str, str]]:
    for fault in problem.errors(include_url=False, include_input=False):
        error = fault.get("ctx", {}).get("error")
        column = error.column if isinstance(error, RowError) else ".".join(str(part) for part in fault["loc"])
        yield column, str(error or fault["msg"])
