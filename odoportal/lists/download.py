"""A table as a file: CSV for programs, an Excel workbook for people, and the routes that hand out a list as filtered.

CSV is the same in both languages: commas, points, ISO dates, English column names, UTF-8 with a byte order mark, lines and
quotes by RFC 4180. Excel speaks the page's language: typed dates and amounts in the person's format, the head frozen,
filters, totals of what the filters leave.
"""

import csv
import io
import unicodedata
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, quote

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from odoportal.core import clock, database, i18n
from odoportal.core.folding import without_marks
from odoportal.core.identity import Identity, require_identity
from odoportal.limits.concurrent_files import begun
from odoportal.lists.query import ListQuery, ListRules
from odoportal.lists.spooled_file import Spool

Cell = str | date | int | tuple[str, ...] | None
STEP = 40
"""Rows written between two moments in which others may work."""
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_CONTROL = ("\t", "\r", "\n")


class Kind(StrEnum):
    """What the cells of a column are: `TEXT` also takes several lines (a tuple), `PERCENT` whole percents.

    An `AMOUNT` is in whole cents, as the database has it: 100,000 rows of `Decimal` would take half the time of the export.
    """

    TEXT = "text"
    DAY = "day"
    AMOUNT = "amount"
    PERCENT = "percent"


@dataclass(frozen=True)
class Column:
    """A column: its name for programs, its head for people, and what a code in it is called (CSV keeps the code)."""

    key: str
    title: str
    kind: Kind = Kind.TEXT
    total: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    width: int = 0


@dataclass(frozen=True)
class Table:
    """What to export. `rows` is read once, from a session that stays open until then; `total` names the last row."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    total: str = ""


Making = Callable[[Session, Identity, ListQuery, str, date], Table]
"""Makes the table of a list's address; arguments as of a view."""


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection): an apostrophe goes before a risky beginning.

    Invisible marks go: one would hide that beginning, or turn the line around.
    """
    text = without_marks(text)
    return f"'{text}" if text.startswith(_CONTROL) or text.lstrip().startswith(_FORMULA) else text


def _text(cell: Any) -> str:
    return inert(" | ".join(cell) if isinstance(cell, tuple) else cell)


def decimal(cents: Any) -> str:
    """Whole cents as dollars with a point: `-12.05`."""
    sign, whole = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


_PLAIN: Mapping[Kind, Callable[[Any], str]] = {Kind.TEXT: _text, Kind.DAY: date.isoformat, Kind.AMOUNT: decimal, Kind.PERCENT: str}


def write_csv(table: Table, file: BinaryIO) -> Generator[None]:
    """Write a table as CSV; yields after every few rows."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        text.write("\ufeff")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([column.key for column in table.columns])
        plain = [_PLAIN[column.kind] for column in table.columns]
        for number, row in enumerate(table.rows, 1):
            writer.writerow(["" if cell is None else write(cell) for write, cell in zip(plain, row, strict=True)])
            if number % STEP == 0:
                text.flush()
                yield
    finally:
        text.detach()
    yield


_MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def attachment(name: str) -> dict[str, str]:
    """The headers of a private file that is saved under a name.

    Args:
        name: with its ending; letters outside ASCII are given in both spellings (RFC 6266).
    """
    name = "-".join(name.split())
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {"content-disposition": disposition, "cache-control": "no-store, private"}


def _handing_out(rules: ListRules, name: Callable[[], str], make: Making, ending: str) -> Callable[[Request], Any]:
    async def hand_out(request: Request) -> Response:
        language = request.path_params["language"]
        if language not in i18n.LANGUAGES:
            return PlainTextResponse("not found", 404)
        who, today = require_identity(), clock.today()
        query = ListQuery.parse(rules, dict(parse_qsl(request.url.query, keep_blank_values=True)))
        with i18n.use(language):
            headers = attachment(f"{name()}-{today.isoformat()}.{ending}")
        if request.method == "HEAD":
            return Response(headers=headers, media_type=_MEDIA[ending])

        from odoportal.lists.excel import write_excel

        def work(file: BinaryIO) -> Generator[None]:
            with i18n.use(language), database.reading() as session:
                table = make(session, who, query, language, today)
                yield from write_csv(table, file) if ending == "csv" else write_excel(table, file, who.region)

        portions = await begun(Spool(f"{who.person_id}", work).portions())
        return StreamingResponse(portions, headers=headers, media_type=_MEDIA[ending])

    return hand_out


def routes(path: str, rules: ListRules, name: Callable[[], str], make: Making, endings: Sequence[str] = ("csv", "xlsx")) -> list[Route]:
    """The routes that hand out a list: the address of its page with an ending, and the page's own query.

    Args:
        path: of the page, without its language.
        rules: what the list's address may say.
        name: what the file is called before the day, in the language in use.
        make: the table of an address.
        endings: the kinds of file.
    """
    return [Route(f"/{{language}}{path}.{ending}", _handing_out(rules, name, make, ending)) for ending in endings]
