"""A table to export: its columns with their types, and its rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

Cell = str | date | datetime | int | tuple[str, ...] | None
ROWS_PER_STEP = 40
"""Rows written between two pauses for other work."""


class CellKind(StrEnum):
    """The type of a column's cells. `TEXT` also takes several lines (a tuple), `PERCENT` whole percents, `MOMENT` an instant.

    An `AMOUNT` is in whole cents, as in the database: for 100,000 rows `Decimal` would take half the time of the export.
    """

    TEXT = "text"
    DAY = "day"
    MOMENT = "moment"
    AMOUNT = "amount"
    PERCENT = "percent"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: its name in CSV.
        title: its head in Excel.
        kind: the type of its cells.
        total: whether Excel shows its sum.
        words: by code, the text that Excel shows for it; CSV keeps the code.
        width: its width in Excel; 0 for the default of its kind.
    """

    key: str
    title: str
    kind: CellKind = CellKind.TEXT
    total: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    width: int = 0


@dataclass(frozen=True)
class Table:
    """A table to export.

    Attributes:
        name: names the workbook and its sheets.
        columns: its columns.
        rows: read once, from a database session that stays open until the end.
        total: the label of the row of totals.
    """

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    total: str = ""


def dollars_text(cents: Any) -> str:
    """Return whole cents as dollars with a decimal point: `-12.05`."""
    sign, whole = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{whole // 100}.{whole % 100:02d}"
