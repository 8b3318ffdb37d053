"""The report of an import: the new, changed and unchanged rows of each file, and each bad row."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# More bad rows than a person would read; `--keep-good` writes all of them.
MAX_FAULTS = 1000
MAX_UNDRAWABLE = 20

NO_IMPORT_FILE = "not an import file"
_WORKBOOK = "a workbook, to be saved as CSV"
OTHER_FILES = {
    ".csv": "",
    ".xlsx": _WORKBOOK,
    ".xlsm": _WORKBOOK,
    ".xls": _WORKBOOK,
    ".ods": _WORKBOOK,
    ".zip": "a ZIP archive, to be unpacked",
}
"""The suffixes of files that are reported when they are not imported, and what such a file is, if that says more than its name."""


@dataclass(frozen=True, order=True)
class BadRow:
    """An error in a row that cannot be imported. `column` is "" if it concerns the row as a whole."""

    file: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.reason}"


@dataclass
class Counts:
    """The number of rows of one file, by outcome.

    `removed` counts rows of its documents that were in the database and are not in the file. `earlier` counts rows that name a person by an
    email that the person no longer has.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0
    earlier: int = 0
    ignored: tuple[str, ...] = ()


@dataclass
class Hints:
    """The texts, terms and characters that the good rows of one file lack.

    `one_language` counts the rows with a text that is not in a language ("fr" or "en"), so that the other is shown for both;
    `without_terms` the invoices without terms. `undrawable` has the first cells with characters that no font of the documents has, and
    `undrawable_cells` counts all of them.
    """

    one_language: dict[str, int] = field(default_factory=lambda: {"fr": 0, "en": 0})
    without_terms: int = 0
    undrawable: list[BadRow] = field(default_factory=list[BadRow])
    undrawable_cells: int = 0

    def add_undrawable(self, cell: BadRow) -> None:
        """Report a cell that documents cannot show."""
        self.undrawable_cells += 1
        if len(self.undrawable) < MAX_UNDRAWABLE:
            self.undrawable.append(cell)

    def notes(self) -> list[str]:
        """Return what was counted, for the line of the file."""
        french, english = self.one_language["fr"], self.one_language["en"]
        return [
            *([f"{self.without_terms} without terms"] if self.without_terms else []),
            *([f"{french} without French, where the English is shown"] if french else []),
            *([f"{english} without English, where the French is shown"] if english else []),
        ]


@dataclass
class Report:
    """The outcome of an import. `kept` is False if bad rows prevented it, and after a dry run.

    `bad` has the first faults, `faults` is their total number, and `bad_rows` the number of bad rows of each file. `left_out` has, for each
    file, the number of rejected rows and the path they were written to. `forms` describes how files were read if that is unusual, and
    `hints` says what their good rows lack.
    `remarks` has the first rows that were skipped without being bad, with the reason; `remarked` is their total number.
    """

    files: dict[str, Counts] = field(default_factory=dict[str, Counts])
    bad: list[BadRow] = field(default_factory=list[BadRow])
    faults: int = 0
    bad_rows: dict[str, int] = field(default_factory=dict[str, int])
    left_out: dict[str, tuple[int, Path]] = field(default_factory=dict[str, tuple[int, Path]])
    forms: dict[str, str] = field(default_factory=dict[str, str])
    hints: dict[str, Hints] = field(default_factory=dict[str, Hints])
    ignored_files: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])
    remarked: int = 0
    invited: int = 0
    kept: bool = False
    dry: bool = False

    def remark(self, text: str) -> None:
        """Report a row that is skipped without being bad."""
        self.remarked += 1
        if len(self.remarks) < MAX_FAULTS:
            self.remarks.append(text)

    def uncount(self, name: str, counted: str) -> None:
        """Subtract a row from the count it was added to: `new`, `changed` or `same`; "" for none."""
        if counted:
            counts = self.files[name]
            setattr(counts, counted, getattr(counts, counted) - 1)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the report in plain English: bad rows, skipped rows, ignored files, one line for each file, the outcome."""
        yield from (str(bad) for bad in self.bad)
        if self.faults > len(self.bad):
            yield f"and {self.faults - len(self.bad)} more"
        yield from self.remarks
        if self.remarked > len(self.remarks):
            yield f"and {self.remarked - len(self.remarks)} more skipped"
        for hints in self.hints.values():
            yield from (str(cell) for cell in hints.undrawable)
            if hints.undrawable_cells > len(hints.undrawable):
                yield f"and {hints.undrawable_cells - len(hints.undrawable)} more that documents cannot show"
        for name in self.ignored_files:
            yield f"{name}: ignored: {OTHER_FILES[Path(name).suffix.casefold()] or NO_IMPORT_FILE}"
        for name, counts in self.files.items():
            yield f"{name}: {self._file_summary(name, counts)}"
        if self.invited:
            yield f"invited: {self.invited}"
        for name, (rows, path) in self.left_out.items():
            yield f"{name}: {rows} not imported, written to {path}"
        yield self._outcome()

    def _outcome(self) -> str:
        if self.dry:
            return "Nothing was written: this was a dry run."
        if not self.kept:
            return "Nothing was imported."
        return "The good rows were imported." if self.left_out else "Everything was imported."

    def _file_summary(self, name: str, counts: Counts) -> str:
        parts = [f"{counts.new} new", f"{counts.changed} changed", f"{counts.same} same"]
        parts += [f"{counts.removed} removed"] if counts.removed else []
        parts += [f"{bad} bad"] if (bad := self.bad_rows.get(name)) else []
        notes = [f"columns ignored: {', '.join(counts.ignored)}"] if counts.ignored else []
        notes += [f"known by an earlier email: {counts.earlier}"] if counts.earlier else []
        notes += self.hints[name].notes() if name in self.hints else []
        notes += [self.forms[name]] if name in self.forms else []
        return "; ".join([", ".join(parts), *notes])
