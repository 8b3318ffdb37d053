"""The route of the lines that the check of a pasted list left out, as a file to correct and paste again."""

from datetime import date
from io import BytesIO

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from odoportal.core import clock, database, i18n
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.documents.routes import not_found
from odoportal.lists.download import attachment, write_csv
from odoportal.lists.table import Column, Table
from odoportal.rooms.devices import assign
from odoportal.rooms.devices.assign import NoSuchList, Result
from odoportal.rooms.devices.assign_view import reason_text


async def download_left_out(request: Request) -> Response:
    """Answer with the lines that the check of a list leaves out, as CSV; 404 if the person keeps no such list."""
    language, who, today = request.path_params["language"], require_identity(), clock.today()
    if language not in i18n.LANGUAGES:
        return not_found()
    with i18n.use(language):
        try:
            body = await database.read(_left_out, who, request.query_params.get("list", ""), today)
        except NoSuchList:
            return not_found()
        headers = attachment(f"{t('Skipped lines')}-{today.isoformat()}.csv")
    return Response(body, headers=headers, media_type="text/csv; charset=utf-8")


def _left_out(session: Session, who: Identity, key: str, today: date) -> bytes:
    kept = assign.get(session, who, key, clock.now())
    lines = assign.preview(session, who.account.account_id, kept.content, today).lines
    rows = [(line.line.serial, line.line.vehicle, reason_text(line)) for line in lines if line.result == Result.LEFT_OUT]
    columns = [Column("serial", t("Serial number")), Column("vehicle", t("Vehicle")), Column("reason", t("Result"))]
    file = BytesIO()
    for _ in write_csv(Table(t("Skipped lines"), columns, rows), file):
        pass
    return file.getvalue()


ROUTES = (Route("/{language}/devices/assign.csv", download_left_out),)
