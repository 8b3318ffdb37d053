"""Routes that serve the PDF files of an account's documents."""

import re
from collections.abc import Callable
from datetime import date

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from odoportal.core import clock, database, i18n
from odoportal.core.identity import ActiveMembership, require_identity
from odoportal.documents import pdf
from odoportal.documents.sheet import Sheet
from odoportal.limits import concurrent_files
from odoportal.lists.download import attachment

MakeSheet = Callable[[Session, ActiveMembership, str, str, date], Sheet | None]
"""A function that returns the sheet of an account's document, or None when there is no such document.

Its arguments are the database session, the account, the document's number, the language (the one in use) and the business day."""
FILE_CSP = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The content security policy of a file, which disables all active content. The PDF viewers of browsers still work."""
_UNSAFE = re.compile(r"[^\w.-]+|\.{2,}|^\.")


def file_name(text: str) -> str:
    """Return a text as a safe part of a file name: letters, digits, `_`, `-` and single points, with no point in front."""
    return _UNSAFE.sub("-", text)


def render_document(make: MakeSheet, account: ActiveMembership, number: str, language: str, today: date, paper: str) -> bytes | None:
    """Return a document as PDF; None when the account has no document with this number.

    Run it in a thread: it reads the database and renders the sheet.
    """
    with i18n.use(language):
        with database.read_session() as session:
            sheet = make(session, account, number, language, today)
        return pdf.render(sheet, paper) if sheet else None


def not_found() -> Response:
    """Return the 404 answer for an unknown number or one of another account; the document server replaces it by the portal's page."""
    return PlainTextResponse("not found", 404)


def route(path: str, name: Callable[[str], str], make: MakeSheet) -> Route:
    """Return the route of a kind of document, in both languages: `/{language}{path}/{number}.pdf`.

    `?paper=a4` chooses the paper, and `?inline=1` shows the document in the browser instead of saving it.

    Args:
        path: The path of this kind of document, without the language.
        name: A function that returns the file name, without extension, for a number, in the language in use.
        make: The function that returns the sheet.
    """

    async def download(request: Request) -> Response:
        language, number = request.path_params["language"], request.path_params["number"]
        # PostgreSQL raises an error on a text with a NUL character.
        if language not in i18n.LANGUAGES or not number.isprintable():
            return not_found()
        query = request.query_params
        paper = query.get("paper", "") if query.get("paper") in pdf.PAPERS else "letter"
        who = require_identity()
        with concurrent_files.DOCUMENTS.held(who.person_id):
            document = await pdf.run_in_pdf_thread(render_document, make, who.account, number, language, clock.today(), paper)
        if document is None:
            return not_found()
        with i18n.use(language):
            headers = attachment(f"{file_name(name(number))}.pdf")
        if query.get("inline") == "1":
            headers["content-disposition"] = headers["content-disposition"].replace("attachment", "inline", 1)
        return Response(document, headers={**headers, "content-security-policy": FILE_CSP}, media_type="application/pdf")

    return Route(f"/{{language}}{path}/{{number:path}}.pdf", download)  # a number may hold a slash
