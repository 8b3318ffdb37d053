"""The statement of account as PDF, for filing and for the customer's accountant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from odoportal.core import clock, database, i18n
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import ActiveMembership, require_identity
from odoportal.documents import pdf, routes
from odoportal.documents.sheet import Block, Sheet, TotalRow, seller
from odoportal.documents.view import LineView
from odoportal.limits import concurrent_files
from odoportal.lists.download import attachment
from odoportal.lists.query import ListQuery
from odoportal.rooms.statements import service
from odoportal.rooms.statements.exports import period_name
from odoportal.rooms.statements.service import Movement, Statement
from odoportal.rooms.statements.view import RULES, aging_rows, movement_name, movement_note, older_movements

MAX_MOVEMENTS_PRINTED = 2_000


@dataclass(frozen=True)
class StatementSheet(Sheet):
    """A sheet whose lines have other headings than those of an invoice."""

    heads: tuple[str, str, str, str] = ("", "", "", "")


def statement_sheet(session: Session, account: ActiveMembership, query: ListQuery, language: str, today: date) -> StatementSheet:
    """Return the sheet of a statement. Formats follow the language, as on every printed document.

    Args:
        session: a database session for reading.
        account: the account of the statement.
        query: the list query of the page.
        language: the document's language; it must be the current one.
        today: the business day.
    """
    formats = Formats(i18n.region_of(language))
    since, until = service.period(query.since, query.until, today)
    found = service.statement(session, account.account_id, since, until, today, MAX_MOVEMENTS_PRINTED)
    return StatementSheet(
        language=language,
        title=t("Statement"),
        facts=[(t("From"), formats.day(since)), (t("To"), formats.day(until)), (t("Closing balance"), formats.amount(found.closing))],
        parties=[seller(), Block(t("Account"), [account.name, t("No. {number}", number=account.number)])],
        heads=(t("Transaction"), t("Date"), t("Amount"), t("Balance")),
        lines=[
            LineView("opening", "", formats.day(since), t("Opening balance"), "", "", formats.amount(found.opening)),
            *_older(found, formats),
            *(_line(at, move, formats, language) for at, move in enumerate(found.movements)),
        ],
        sums=_sums(found, formats),
    )


def _older(found: Statement, formats: Formats) -> list[LineView]:
    name = older_movements(found)
    amounts = formats.amount(found.carried - found.opening), formats.amount(found.carried)
    return [LineView("older", "", "", name, "", *amounts)] if name else []


def _line(at: int, move: Movement, formats: Formats, language: str) -> LineView:
    return LineView(
        key=str(at),
        quantity="",
        count=formats.day(move.day),
        item=movement_name(move, language),
        note=movement_note(move, formats, language),
        price=formats.amount(move.amount),
        amount=formats.amount(move.balance),
    )


def _sums(found: Statement, formats: Formats) -> list[TotalRow]:
    rows = [
        TotalRow(t("Opening balance"), formats.amount(found.opening)),
        TotalRow(t("Invoiced"), formats.amount(found.charged)),
        TotalRow(t("Paid and credited"), formats.amount(-found.credited)),
        TotalRow(t("Closing balance"), formats.amount(found.closing), kind="total"),
        TotalRow(t("Outstanding on {day}, by age", day=formats.day(found.until)), "", kind="heading"),
        *(TotalRow(age.text, age.amount) for age in aging_rows(found.aging, formats)),
    ]
    if found.aging.being_paid:
        rows.append(TotalRow(t("You owe"), formats.amount(found.aging.owed), kind="total"))
        rows.append(TotalRow(t("Payments being processed"), formats.amount(found.aging.being_paid)))
    rows.append(TotalRow(t("Total outstanding"), formats.amount(found.aging.total), kind="total"))
    if found.credit:
        rows.append(TotalRow(t("Credit on account"), formats.amount(-found.credit)))
    return [*rows, TotalRow(t("Closing balance"), formats.amount(found.closing), kind="balance")]


def _render(account: ActiveMembership, params: Mapping[str, str], language: str, today: date, paper: str) -> bytes:
    with i18n.use(language):
        with database.read_session() as session:
            sheet = statement_sheet(session, account, ListQuery.parse(RULES, params), language, today)
        return pdf.render(sheet, paper)


async def download_statement(request: Request) -> Response:
    """Answer with the PDF for the query of the statement page; `?paper=a4` selects the paper size."""
    language, params, today = request.path_params["language"], request.query_params, clock.today()
    if language not in i18n.LANGUAGES:
        return routes.not_found()
    with i18n.use(language):
        headers = attachment(f"{routes.file_name(t('Statement'))}-{period_name(ListQuery.parse(RULES, params), today)}.pdf")
    paper = params.get("paper", "") if params.get("paper") in pdf.PAPERS else "letter"
    who = require_identity()
    with concurrent_files.FILES.held(f"{who.person_id}"):
        body = await pdf.run_alone(who.person_id, _render, who.account, params, language, today, paper)
    return Response(body, headers={**headers, "content-security-policy": routes.FILE_CSP}, media_type="application/pdf")
