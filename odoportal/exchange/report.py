"""What an import tells: per file what was new, changed and the same, and each bad row."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class BadRow:
    """A row that cannot be taken. `column` is "" where the row as a whole is meant."""

    file: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.reason}"


@dataclass
class Counts:
    """Rows of one file. `removed` are rows of its documents that were in the database and are not in the file."""

    new: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0
    ignored: tuple[str, ...] = ()


@dataclass
class Report:
    """The outcome of an import; `kept` is False when a bad row made it leave nothing."""

    files: dict[str, Counts] = field(default_factory=dict[str, Counts])
    bad: list[BadRow] = field(default_factory=list[BadRow])
    ignored_files: list[str] = field(default_factory=list[str])
    invited: int = 0
    kept: bool = False

    def bad_lines(self, file: str) -> int:
        """How many rows of a file are bad; a row with two faults counts once."""
        return len({bad.line for bad in self.bad if bad.file == file})

    def lines(self) -> Iterator[str]:
        """The report in plain English, a line at a time: bad rows, ignored files, one line per file, the outcome."""
        yield from (str(bad) for bad in sorted(self.bad))
        for name in self.ignored_files:
            yield f"{name}: ignored, this is no file of an import"
        for name, counts in self.files.items():
            yield f"{name}: {self._told(name, counts)}"
        if self.invited:
            yield f"invited: {self.invited}"
        yield "Everything was kept." if self.kept else "Nothing of this run was kept."

    def _told(self, name: str, counts: Counts) -> str:
        told = [f"{counts.new} new", f"{counts.changed} changed", f"{counts.same} same"]
        told += [f"{counts.removed} removed"] if counts.removed else []
        told += [f"{bad} bad"] if (bad := self.bad_lines(name)) else []
        return ", ".join(told) + (f"; columns ignored: {', '.join(counts.ignored)}" if counts.ignored else "")
