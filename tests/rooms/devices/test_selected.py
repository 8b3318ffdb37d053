"""The actions on selected devices: an Excel file of them, and a list of their vehicles to change."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import openpyxl
import pytest
from starlette.requests import Request
from starlette.responses import Response

from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity, NotAllowed, current_identity
from odoportal.forms.fields import FormModel, validate
from odoportal.forms.handling import FormResult, SentForm
from odoportal.rooms.devices.assign import MAX_LINES
from odoportal.rooms.devices.assign_view import assign_view
from odoportal.rooms.devices.selected import HANDLERS, download_selected
from tests.making import NOON, TODAY, device
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures

People = dict[str, Identity]


@pytest.fixture
def fleet(people: People) -> People:  # noqa: F811
    clock.set_source(lambda: NOON)
    with database.write_session() as session:
        mine = people["owner"].account.account_id
        for serial, vehicle in (("5011702", "Unit 1"), ("5011703", ""), ("5011704", "Unit 3")):
            device(session, mine, serial, vehicle=vehicle)
        device(session, mine, "5011600", vehicle="Gone", until=TODAY.replace(year=2019))
        device(session, people["stranger"].account.account_id, "5011999", vehicle="Theirs")
    return people


def assign(who: Identity, mark: str = "a", **fields: str) -> FormResult:
    async def run() -> FormResult:
        values = validate(HANDLERS["assign"].model, fields)
        assert isinstance(values, FormModel), values
        return await HANDLERS["assign"].run(SentForm("assign", who, "en", values, "", "", mark * 32, "203.0.113.9", ""))

    with i18n.use("en"):
        return asyncio.run(run())


def pasted(who: Identity, result: FormResult) -> str:
    query = dict(part.split("=") for part in result.go.partition("?")[2].split("&"))
    with i18n.use("en"), database.read_session() as session:
        return str(assign_view(session, who, query, "en", TODAY).check.initial["content"])


def download(who: Identity, fields: Mapping[str, object], language: str = "en") -> Response:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": urlencode(fields, doseq=True).encode(), "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
        "path_params": {"language": language},
    }

    async def run() -> Response:
        answer = await download_selected(Request(scope, receive))
        parts: AsyncIterator[bytes] | None = getattr(answer, "body_iterator", None)
        if parts is not None:
            answer.body = b"".join([part async for part in parts])
        return answer

    token = current_identity.set(who)
    try:
        return asyncio.run(run())
    finally:
        current_identity.reset(token)


def serials(answer: Response) -> list[str]:
    sheet = openpyxl.load_workbook(io.BytesIO(bytes(answer.body))).worksheets[0]
    return [str(row[0]) for row in sheet.iter_rows(values_only=True) if str(row[0]).startswith("501")]


def test_the_selected_devices_are_a_list_to_change(fleet: People) -> None:
    who = fleet["owner"]
    assert pasted(who, assign(who, numbers="5011704\n5011703\n5011704")) == "5011704\tUnit 3\n5011703\t"


def test_of_the_selected_only_those_that_the_account_holds(fleet: People) -> None:
    who = fleet["owner"]
    assert pasted(who, assign(who, numbers="5011600\n5011999\n5011702")) == "5011702\tUnit 1"
    assert assign(who, "b", numbers="5011600\n5011999").error == "This device is no longer in the account."
    assert assign(who, "c").error == "This device is no longer in the account."


def test_all_that_the_list_finds_are_a_list_to_change(fleet: People) -> None:
    who = fleet["operations"]
    assert pasted(who, assign(who, every="1", query="q=unit&sort=serial")) == "5011702\tUnit 1\n5011704\tUnit 3"


def test_more_than_a_list_may_have_are_refused(fleet: People) -> None:
    with database.write_session() as session:
        for n in range(MAX_LINES):
            device(session, fleet["owner"].account.account_id, f"6{n:06}")
    assert assign(fleet["owner"], every="1").errors == {"content": "A list can have at most 500 lines. Split it into several."}


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("role", ["billing", "read_only"])
def test_others_may_not_assign(fleet: People, role: str) -> None:
    with pytest.raises(NotAllowed):
        assign(fleet[role], numbers="5011702")


def test_the_file_has_the_selected_devices(fleet: People) -> None:
    who = fleet["read_only"]
    answer = download(who, {"number": ["5011702", "5011704", "5011702"]})
    assert serials(answer) == ["5011704", "5011702"]
    assert answer.headers["content-disposition"].startswith('attachment; filename="Devices-2020-09-24.xlsx"')
    assert serials(download(who, {"all": "1", "query": "?q=unit&sort=serial&page=2&open=5011702"})) == ["5011702", "5011704"]


@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize(
    "fields",
    [
        {"number": ["5011702", "5011999"]},
        {"number": ["5011000"]},
        {},
        {"all": "1", "query": "account=00000"},
    ],
)
def test_what_the_account_does_not_have_is_not_found(fleet: People, fields: Mapping[str, object]) -> None:
    assert download(fleet["owner"], fields).status_code == 404


def test_no_address_filters_by_serials(fleet: People) -> None:
    answer = download(fleet["owner"], {"all": "1", "query": "serials=5011702&sort=serial"})
    assert serials(answer) == ["5011600", "5011702", "5011703", "5011704"]
