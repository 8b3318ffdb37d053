"""Tables as files: CSV for programs, Excel workbooks for people, and the routes that serve a list as filtered.

CSV is the same in both languages: commas, decimal points, ISO dates, English column names, UTF-8 with a byte order mark, lines and quotes
by RFC 4180. Excel follows the page's language: typed dates and amounts in the person's format, a frozen head, filters, and totals of the
filtered rows.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, quote

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from odoportal.core import clock, database, i18n
from odoportal.core.folding import strip_invisible
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.limits.concurrent_files import started
from odoportal.lists.list_table import FileColumn, ListColumn, ListTable
from odoportal.lists.query import ListQuery, ListRules
from odoportal.lists.spooled_file import SpooledFile
from odoportal.lists.table import ROWS_PER_STEP, Cell, CellKind, Column, Table, dollars_text

_CONTROL_STARTS = ("\t", "\r", "\n")
_FORMULA_START = re.compile(r"""(?:^|(?<=[;\t\r\n\v\f\x85]))((?:[^\S\t\r\n\v\f\x85]|["'])*)(?=[=+\-@＝＋－＠])""")
"""Where a cell begins with a formula, also for a reader that splits at `;` or tabs and knows nothing of our quotes."""


Days = Callable[[ListQuery, date], str]
"""Returns what a file's name says of its days, from the list query and the business day."""
MakeTable = Callable[[Session, Identity, ListQuery, str, date], Table]
"""Returns the table for a list query, from a database session, identity, query, language and business day."""


def escape_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula (OWASP, CSV injection), with an apostrophe where one could begin.

    Excel splits CSV at the list separator of its region, `;` in Québec, so what follows one is the beginning of a cell, too. Invisible
    marks are removed: they could hide such a character or reverse the line.
    """
    text = _FORMULA_START.sub(r"'\1", strip_invisible(text))
    return f"'{text}" if text.startswith(_CONTROL_STARTS) else text


def _text(cell: Any) -> str:
    return escape_formula(" | ".join(cell) if isinstance(cell, tuple) else cell)


_CSV_WRITERS: Mapping[CellKind, Callable[[Any], str]] = {
    CellKind.TEXT: _text,
    CellKind.DAY: date.isoformat,
    CellKind.MOMENT: lambda instant: clock.to_local(instant).isoformat(timespec="seconds"),
    CellKind.AMOUNT: dollars_text,
    CellKind.PERCENT: str,
}


def write_csv(table: Table, file: BinaryIO) -> Generator[None]:
    """Write a table as CSV. Yields after every `STEP` rows."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        text.write("\ufeff")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([column.key for column in table.columns])
        plain = [_CSV_WRITERS[column.kind] for column in table.columns]
        for number, row in enumerate(table.rows, 1):
            writer.writerow(["" if cell is None else write(cell) for write, cell in zip(plain, row, strict=True)])
            if number % ROWS_PER_STEP == 0:
                text.flush()
                yield
    finally:
        text.detach()
    yield


_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def attachment(name: str) -> dict[str, str]:
    """Return the headers of a private file to be saved under a name.

    Args:
        name: with its extension; characters outside ASCII are given in both notations (RFC 6266).
    """
    name = "-".join(name.split())
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {"content-disposition": disposition, "cache-control": "no-store, private"}


def file_table(table: ListTable, session: Session, who: Identity, query: ListQuery, language: str, today: date) -> Table:
    """Return the rows on all pages of a list query, in its order, as the list's columns declare them for files.

    Args:
        table: A list with `records`.
        session: A reading session that stays open until the last row is read.
        who: The signed-in person, whose account is used.
        query: The list query.
        language: The language of the file; it must be the current one.
        today: The business day.
    """
    if table.records is None:
        raise ValueError(f"the list {table.path} has no files")
    records = table.records(session, table.request(who.account.account_id, query, language, today))
    columns = [part for column, file in table.files() for part in records.spread.get(column.key, [_file_column(column, file)])]
    spread = [(file.value, column.key in records.spread) for column, file in table.files()]

    def cells(record: Any) -> Sequence[Cell]:
        row: list[Cell] = []
        for value, several in spread:
            row.extend(value(record)) if several else row.append(value(record))
        return tuple(row)

    return Table(table.title(), columns, map(cells, records.rows), t("Total"))


def _file_column(column: ListColumn, file: FileColumn) -> Column:
    title = (file.title or column.title)()
    return Column(file.key or column.key, title, file.kind, file.total, file.words(), file.width)


def table_routes(table: ListTable) -> list[Route]:
    """Return the routes that serve a list as CSV and Excel files, for the query of its page."""
    return routes(table.path, table.rules, table.title, partial(file_table, table))


def _today(_query: ListQuery, today: date) -> str:
    return today.isoformat()


def _download_endpoint(rules: ListRules, name: Callable[[], str], make: MakeTable, extension: str, days: Days) -> Callable[[Request], Any]:
    async def download(request: Request) -> Response:
        language = request.path_params["language"]
        if language not in i18n.LANGUAGES:
            return PlainTextResponse("not found", 404)
        who, today = require_identity(), clock.today()
        query = ListQuery.parse(rules, dict(parse_qsl(request.url.query, keep_blank_values=True)))
        with i18n.use(language):
            headers = attachment(f"{name()}-{days(query, today)}.{extension}")
        if request.method == "HEAD":
            return Response(headers=headers, media_type=_MEDIA_TYPES[extension])

        return await file_response(make, who, query, language, today, headers, extension)

    return download


async def file_response(
    make: MakeTable, who: Identity, query: ListQuery, language: str, today: date, headers: Mapping[str, str], extension: str
) -> Response:
    """Answer with a file of a table, which is sent while it is being written.

    Args:
        make: Makes the table; the next four arguments are its own.
        who: The signed-in person.
        query: The list query.
        language: The language of the file.
        today: The business day.
        headers: See `attachment`.
        extension: "csv" or "xlsx".
    """
    from odoportal.lists.excel import write_excel

    def work(file: BinaryIO) -> Generator[None]:
        with i18n.use(language), database.read_session() as session:
            table = make(session, who, query, language, today)
            yield from write_csv(table, file) if extension == "csv" else write_excel(table, file, who.region)

    portions = await started(SpooledFile(f"{who.person_id}", work).portions())
    return StreamingResponse(portions, headers=headers, media_type=_MEDIA_TYPES[extension])


def routes(path: str, rules: ListRules, name: Callable[[], str], make: MakeTable, days: Days = _today) -> list[Route]:
    """Return the routes that serve a list as files: the address of its page with an extension, and the page's own query.

    Args:
        path: the page's path, without language.
        rules: the rules of the list's query.
        name: returns the file name, without its days, in the current language.
        make: makes the table for a query.
        days: see `Days`; without it, the business day.
    """
    return [Route(f"/{{language}}{path}.{ending}", _download_endpoint(rules, name, make, ending, days)) for ending in _MEDIA_TYPES]
