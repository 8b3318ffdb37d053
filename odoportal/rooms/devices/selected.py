"""The actions on devices that were selected in the list: an Excel file of them, and assigning vehicles to them."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

from pydantic import Field
from sqlmodel import Session, col, func, select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from odoportal.accounts.rights import Right
from odoportal.core import clock, database, i18n
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.documents.routes import not_found
from odoportal.forms.fields import FormModel, Line
from odoportal.forms.handling import FormHandler, FormResult, SentForm, in_transaction
from odoportal.lists.download import attachment, file_response, file_table
from odoportal.lists.query import ListQuery
from odoportal.rooms.devices import assign, forms, service, vehicles
from odoportal.rooms.devices.models import Device
from odoportal.rooms.devices.page import DEVICES
from odoportal.web.selection import read_selection


class SelectedRows(FormModel):
    """The selected rows of the list: their serials, one a line; or with `every`, all that the list's query finds."""

    numbers: forms.PastedList = Field(default="", max_length=assign.MAX_CHARACTERS)
    every: Line = Field(default="", max_length=1)
    query: Line = Field(default="", max_length=1000)


def _query(written: str) -> ListQuery:
    return ListQuery.parse(DEVICES.rules, dict(parse_qsl(written.removeprefix("?"), keep_blank_values=True)))


def _assign(session: Session, sent: SentForm[SelectedRows]) -> FormResult:
    """Keep a list of the selected devices and their present vehicles, and go to where it is changed."""
    account_id, today = sent.who.account.account_id, clock.today()
    serials: Sequence[str] = sent.values.numbers.split()
    if sent.values.every:
        where, order = service.LIST.where_and_order(DEVICES.request(account_id, _query(sent.values.query), sent.language, today))
        # One more than fits, so that too many are refused.
        serials = session.exec(select(Device.serial).where(where).order_by(*order).limit(assign.MAX_LINES + 1)).all()
    held = vehicles.held_devices(session, account_id, serials[: assign.MAX_LINES + 1], today)
    if not held:
        raise vehicles.NoSuchDevice
    content = "\n".join(f"{serial}\t{held[serial].vehicle}" for serial in dict.fromkeys(serials) if serial in held)
    kept = assign.keep(session, sent.who, content, clock.now())
    return FormResult(go=sent.link_to(forms.ASSIGN_PATH, list=kept.key, edit="1"))


async def download_selected(request: Request) -> Response:
    """Answer with an Excel file of the selected devices: those of the posted numbers, or with `all=1` those that the `query` finds.

    The status is 404 if the account lacks one of them, and that of `read_selection` if the form cannot be read.
    """
    language, who, today = request.path_params["language"], require_identity(), clock.today()
    if language not in i18n.LANGUAGES:
        return not_found()
    with i18n.use(language):
        try:
            form = await read_selection(request)
        except ValueError as error:
            text = t("We could not read this request. Go back and try again.")
            return PlainTextResponse(text, int(error.args[0]), {"cache-control": "no-store"})
        headers = attachment(f"{DEVICES.title()}-{today.isoformat()}.xlsx")
    if form.get("all") == ["1"]:
        query = _query(form.get("query", [""])[-1])
        if query.account not in {"", who.account.number}:
            return not_found()
    else:
        serials = list(dict.fromkeys(form.get("number", [])))
        if not serials or await database.read(_count, who, serials) < len(serials):
            return not_found()
        query = replace(_query(""), texts={service.SERIALS: "\n".join(serials)})
    return await file_response(partial(file_table, DEVICES), who, query, language, today, headers, "xlsx")


def _count(session: Session, who: Identity, serials: Sequence[str]) -> int:
    mine = (Device.account_id == who.account.account_id, col(Device.serial).in_(serials))
    return session.exec(select(func.count()).select_from(Device).where(*mine)).one()


HANDLERS = {"assign": FormHandler(SelectedRows, Right.VEHICLES, in_transaction(_assign), forms.ERRORS)}
ROUTES = (Route("/{language}/devices/selected.xlsx", download_selected, methods=["POST"]),)
