"""Several invoices in one file: a ZIP of their PDFs, streamed while it is built."""

import asyncio
import io
import unicodedata
import zipfile
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from sqlmodel import Session, col, func, select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from odoportal.core import clock, database, i18n
from odoportal.core.i18n import Formats, region_of, t
from odoportal.core.identity import ActiveMembership, require_identity
from odoportal.documents import pdf, routes
from odoportal.limits import concurrent_files
from odoportal.lists.download import attachment
from odoportal.lists.query import ListQuery
from odoportal.observability.failures import Failures
from odoportal.rooms.invoices import service
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.invoices.pdf import invoice_sheet
from odoportal.web.selection import read_selection

MAX_INVOICES = 1_000
_FIRST_DAY = date(1980, 1, 1)
"""The earliest date that a ZIP can store."""
_NUMBER_AND_DAY = (col(Invoice.number), col(Invoice.issued_on))
Chosen = Sequence[tuple[str, date]]
"""Numbers and issue dates of invoices, in the order of the ZIP."""


class TooManyInvoices(ValueError):
    """More invoices were chosen than one file can hold; the argument is their number."""


class UnknownInvoice(LookupError):
    """The account does not have the invoice, or the list query names another account."""


async def post(request: Request) -> Response:
    """Answer with a ZIP of the chosen invoices' PDFs.

    The form has `number` (repeated), or `all=1` and the list's `query`. The status is 404 if the account lacks one of the invoices,
    400, 413 or 415 if the form is malformed, too large or of another type, and 422 with a message for none or too many invoices.
    The header `x-files` is the number of files, so that the page can show the progress.
    """
    language, who, today = request.path_params["language"], require_identity(), clock.today()
    account = who.account
    if language not in i18n.LANGUAGES:
        return routes.not_found()
    with i18n.use(language):
        try:
            form = await read_selection(request)
            found = await database.read(_select_invoices, account, form, today)
        except UnknownInvoice:
            return routes.not_found()
        except TooManyInvoices as error:
            return _refusal(422, _too_many(int(error.args[0])))
        except ValueError as error:
            return _refusal(int(error.args[0]), t("We could not read this request. Go back and try again."))
        if not found:
            return _refusal(422, t("No invoice was selected."))
        headers = attachment(f"{t('Invoices')}-{today.isoformat()}.zip")
    headers |= {"x-files": str(len(found)), "content-security-policy": routes.FILE_CSP}
    stream = await concurrent_files.started(_limit_concurrency(who.person_id, portions(account, found, language, today)))
    return StreamingResponse(stream, headers=headers, media_type="application/zip")


async def _limit_concurrency(person_id: int, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    with concurrent_files.FILES.held(f"{person_id}"):
        async with aclosing(chunks):
            async for portion in chunks:
                yield portion


def _refusal(status: int, text: str) -> Response:
    return PlainTextResponse(text, status, {"cache-control": "no-store"})


def _too_many(count: int) -> str:
    number = Formats(region_of(i18n.current_language())).number
    return t(
        "A file can hold up to {most} invoices; you selected {count}. Narrow the list, for instance by date, and try again.",
        most=number(MAX_INVOICES),
        count=number(count),
    )


def _missing() -> str:
    return t("These invoices could not be made. Download them again later, or write to us.")


def _select_invoices(session: Session, account: ActiveMembership, form: dict[str, list[str]], today: date) -> Chosen:
    if form.get("all") == ["1"]:
        return invoices_of_query(session, account, form.get("query", [""])[-1], today)
    return invoices_by_number(session, account.account_id, list(dict.fromkeys(form.get("number", []))))


def invoices_of_query(session: Session, account: ActiveMembership, query: str, today: date) -> Chosen:
    """Return the invoices on all pages of a list query, in its order.

    Raises:
        TooManyInvoices: if there are more than `MOST`.
        UnknownInvoice: if the query names another account.
    """
    list_query = ListQuery.parse(INVOICES.rules, dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))
    if list_query.account not in {"", account.number}:
        raise UnknownInvoice
    request = INVOICES.request(account.account_id, list_query, i18n.current_language(), today)
    where, order = service.LIST.where_and_order(request)
    count = session.exec(select(func.count()).select_from(Invoice).where(where)).one()
    if count > MAX_INVOICES:
        raise TooManyInvoices(count)
    rows = session.exec(select(*_NUMBER_AND_DAY).where(where).order_by(*order))
    return [(number, day) for number, day in rows]


def invoices_by_number(session: Session, account_id: int, numbers: Sequence[str]) -> Chosen:
    """Return the account's invoices with these numbers, in the order of the numbers.

    Raises:
        TooManyInvoices: if there are more than `MOST`.
        UnknownInvoice: if the account lacks one of them, even if another account has it.
    """
    if len(numbers) > MAX_INVOICES:
        raise TooManyInvoices(len(numbers))
    rows = session.exec(select(*_NUMBER_AND_DAY).where(Invoice.account_id == account_id, col(Invoice.number).in_(numbers)))
    days: dict[str, date] = dict(iter(rows))
    if len(days) < len(numbers):
        raise UnknownInvoice
    return [(number, days[number]) for number in numbers]


class _ZipBuffer(io.RawIOBase):
    """The output buffer of the ZIP. It cannot seek, and it drops what was taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def write(self, part: Any) -> int:
        """Keep a part until it is taken."""
        self._parts.append(bytes(part))
        return len(part)

    def drain(self) -> bytes:
        """Return what was written since the last call, and drop it."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def _same_file(name: str) -> str:
    """Return a key that is the same for names that are one file on some system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _zip_entry(number: str, day: date, taken: set[str]) -> zipfile.ZipInfo:
    """Return the ZIP entry of an invoice, and add its name to those that are taken.

    The name is unique, and stays so on Windows and macOS, where names that differ only in case or in how an accent is encoded are one name.
    """
    plain = f"{day.isoformat()}_{routes.file_name(number)}"
    names = (f"{plain}{again}.pdf" for again in ("", *(f"_{i}" for i in range(2, MAX_INVOICES + 2))))
    name = next(n for n in names if _same_file(n) not in taken)
    taken.add(_same_file(name))
    when = max(day, _FIRST_DAY)
    return zipfile.ZipInfo(name, (when.year, when.month, when.day, 0, 0, 0))


async def portions(account: ActiveMembership, chosen: Chosen, language: str, today: date) -> AsyncGenerator[bytes]:
    """Yield the ZIP in portions, one per invoice. A document that cannot be made is left out, and a text in the ZIP names it.

    As many PDFs are rendered at once as there are threads for it, and no more are in memory.

    Args:
        account: the account of the invoices.
        chosen: the invoices; their file names are like `2020-09-24_212048.pdf`, so that they sort by day.
        language: the language of the documents.
        today: the business day.
    """
    buffer, waiting, rendering = _ZipBuffer(), deque(chosen), deque[tuple[str, date, asyncio.Future[bytes | None]]]()
    archive, taken, failures = zipfile.ZipFile(buffer, "w", compresslevel=1), set[str](), Failures("zip")  # pyright: ignore[reportArgumentType]
    try:
        while waiting or rendering:
            while waiting and len(rendering) < pdf.WORKERS:
                number, day = waiting.popleft()
                work = pdf.run_in_pdf_thread(routes.render_document, invoice_sheet, account, number, language, today, "letter")
                rendering.append((number, day, asyncio.ensure_future(work)))
            number, day, future = rendering.popleft()
            with failures.skip(number):
                if (body := await future) is not None:
                    archive.writestr(_zip_entry(number, day, taken), body, zipfile.ZIP_DEFLATED)
            yield buffer.drain()
        if failures.items:
            with i18n.use(language):
                archive.writestr(t("Missing invoices") + ".txt", "\r\n".join([_missing(), "", *failures.items, ""]))
        archive.close()
        yield buffer.drain()
    finally:
        # The client may have disconnected: skip the PDFs that have not been started, and close the archive without an error.
        archive.close()
        for _, _, future in rendering:
            future.cancel()
