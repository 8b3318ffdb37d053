"""The file of the lines that a check left out: the person's own list, corrected and pasted again."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response

from odoportal.core import clock, database
from odoportal.core.identity import Identity, current_identity
from odoportal.rooms.devices import assign
from odoportal.rooms.devices.routes import download_left_out
from tests.making import NOON, device
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures

People = dict[str, Identity]


@pytest.fixture
def key(people: People) -> str:  # noqa: F811
    clock.set_source(lambda: NOON)
    with database.write_session() as session:
        device(session, people["owner"].account.account_id, "5011702")
        content = "5011702\tUnit 1\n5011720\tUnit 2, Ford\n5,01E+06\t-3\n"
        return assign.keep(session, people["owner"], content, NOON).key


def download(who: Identity, key: str, language: str = "en") -> Response:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": f"list={key}".encode()}
    token = current_identity.set(who)
    try:
        return asyncio.run(download_left_out(Request({**scope, "path_params": {"language": language}})))
    finally:
        current_identity.reset(token)


def test_the_lines_left_out_can_be_corrected_and_pasted_again(people: People, key: str) -> None:  # noqa: F811
    answer = download(people["owner"], key)
    text = bytes(answer.body).decode("utf-8-sig")
    assert text == (
        "serial,vehicle,reason\r\n"
        '5011720,"Unit 2, Ford",No device in this account has this serial number. The closest is 5011702.\r\n'
        '"5,01E+06",\'-3,Excel has shortened this serial number. Format the column as text and paste again.\r\n'
    )
    assert answer.headers["content-disposition"].startswith('attachment; filename="Skipped-lines-2020-09-24.csv"')
    assert [(line.serial, line.vehicle) for line in assign.parse(text)] == [("5011720", "Unit 2, Ford"), ("5,01E+06", "-3")]
    assert "Aucun appareil de ce compte" in bytes(download(people["owner"], key, "fr").body).decode()


@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize("role", ["operations", "stranger"])
def test_somebody_else_s_list_is_not_found(people: People, key: str, role: str) -> None:  # noqa: F811
    assert download(people[role], key).status_code == 404
    assert download(people["owner"], "0" * 32).status_code == download(people["owner"], key, "de").status_code == 404
