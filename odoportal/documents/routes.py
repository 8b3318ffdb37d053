"""Routes that hand out a document as PDF to whoever may see it."""

import re
from collections.abc import Callable
from datetime import date

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from odoportal.core import clock, database, i18n
from odoportal.core.identity import Membership, require_identity
from odoportal.documents import pdf
from odoportal.documents.sheet import Sheet
from odoportal.limits import concurrent_files
from odoportal.lists.download import attachment

Making = Callable[[Session, Membership, str, str, date], Sheet | None]
"""Makes the sheet of an account's document: session, account, number, language (the one in use), business day. None: no such one."""
POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The content security policy of a file: whatever it holds, it does nothing. Browsers' own viewers still show a PDF."""
_UNSAFE = re.compile(r"[^\w.-]+|\.{2,}|^\.")


def file_name(text: str) -> str:
    """A text as a part of a file's name: letters, digits, dashes and single points, none in front."""
    return _UNSAFE.sub("-", text)


def draw(make: Making, account: Membership, number: str, language: str, today: date, paper: str) -> bytes | None:
    """A document as PDF; None when the account has none of this number. For a thread: it reads the database and sets the sheet."""
    with i18n.use(language):
        with database.reading() as session:
            sheet = make(session, account, number, language, today)
        return pdf.render(sheet, paper) if sheet else None


def not_found() -> Response:
    """The answer to an unknown number, exactly as to another account's: the layer outside puts the portal's own page in its place."""
    return PlainTextResponse("not found", 404)


def route(path: str, name: Callable[[str], str], make: Making) -> Route:
    """The route of a kind of document, in both languages: `/{language}{path}/{number}.pdf`.

    `?paper=a4` chooses the paper and `?inline=1` has it shown in place of saved.

    Args:
        path: of the place of these documents, without its language.
        name: what the file of a number is called, in the language in use.
        make: makes the sheet.
    """

    async def hand_out(request: Request) -> Response:
        language, number = request.path_params["language"], request.path_params["number"]
        # PostgreSQL refuses to be asked for a text with a NUL in it.
        if language not in i18n.LANGUAGES or not number.isprintable():
            return not_found()
        asked = request.query_params
        paper = asked.get("paper", "") if asked.get("paper") in pdf.PAPERS else "letter"
        who = require_identity()
        with concurrent_files.DOCUMENTS.held(who.person_id):
            made = await pdf.in_turn(draw, make, who.account, number, language, clock.today(), paper)
        if made is None:
            return not_found()
        with i18n.use(language):
            headers = attachment(f"{file_name(name(number))}.pdf")
        if asked.get("inline") == "1":
            headers["content-disposition"] = headers["content-disposition"].replace("attachment", "inline", 1)
        return Response(made, headers={**headers, "content-security-policy": POLICY}, media_type="application/pdf")

    return Route(f"/{{language}}{path}/{{number:path}}.pdf", hand_out)  # a number may hold a slash
