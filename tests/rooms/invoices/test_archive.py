"""Several invoices in one ZIP: its content, its streaming, and who gets it."""

import asyncio
import io
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.applications import Starlette

from odoportal.core import database
from odoportal.core.identity import ActiveMembership, Identity, current_identity
from odoportal.documents import routes
from odoportal.limits import concurrent_files
from odoportal.rooms.invoices import archive
from odoportal.rooms.invoices.routes import ROUTES
from odoportal.web.selection import MAX_BODY_BYTES
from tests.making import TODAY, account, identity_of, invoice
from tests.reading import full_text

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def mine(stored: Engine) -> int:
    """Return an account with twelve invoices; another account has one."""
    with database.write_session() as session:
        made, other = account(session), account(session, "B")
        for n in range(12):
            paid = Decimal("100.00") if n < 5 else Decimal(0)
            invoice(session, made, f"{n + 1}", issued=date(2020, 1, 28 - n), paid=paid)
        invoice(session, other, "777")
    return made


class Client:
    """A client that calls the routes as a signed-in person."""

    def __init__(self, asking: Identity) -> None:
        self.asking = asking
        self.app = Starlette(routes=list(ROUTES))

    async def _signed(self, scope: Any, receive: Any, send: Any) -> None:
        current_identity.set(self.asking)
        await self.app(scope, receive, send)

    def ask(self, method: str, path: str, body: str | bytes = b"", headers: dict[str, str] | None = None) -> httpx.Response:
        async def run() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._signed), base_url="http://localhost:3000") as client:
                return await client.request(method, path, content=body, headers=FORM if headers is None else headers)

        return asyncio.run(run())

    def zip(self, fields: list[tuple[str, str]], language: str = "en") -> httpx.Response:
        return self.ask("POST", f"/{language}/invoices.zip", urlencode(fields))


@pytest.fixture
def client(mine: int) -> Client:
    return Client(identity_of(mine))


def unpacked(answer: httpx.Response) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as read:
        assert read.testzip() is None
        assert read.namelist() == list(dict.fromkeys(read.namelist()))
        return {name: read.read(name) for name in read.namelist()}


@pytest.mark.parametrize(("language", "word", "file"), [("en", "Invoice", "Invoices"), ("fr", "Facture", "Factures")])
def test_the_ticked_ones_are_in_it_by_day_and_number(client: Client, language: str, word: str, file: str) -> None:
    answer = client.zip([("number", "3"), ("number", "12"), ("number", "3"), ("number", "1")], language)
    read = unpacked(answer)
    assert list(read) == ["2020-01-26_3.pdf", "2020-01-17_12.pdf", "2020-01-28_1.pdf"]
    for name, pdf in read.items():
        assert f"{word} {name.split('_')[1].removesuffix('.pdf')}" in full_text(pdf)
    assert answer.headers["content-type"] == "application/zip"
    assert f'attachment; filename="{file}-2020-09-24.zip"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store, private"
    assert answer.headers["x-files"] == "3"
    assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_all_that_match_are_in_it_whatever_the_page(client: Client) -> None:
    assert len(unpacked(client.zip([("all", "1"), ("query", "?size=10&page=2&open=5")]))) == 12
    found = unpacked(client.zip([("all", "1"), ("query", "from=2020-01-20&to=2020-01-22&sort=number"), ("number", "1")]))
    assert list(found) == ["2020-01-22_7.pdf", "2020-01-21_8.pdf", "2020-01-20_9.pdf"]
    assert len(unpacked(client.zip([("all", "1"), ("query", "state=paid")]))) == 5
    assert len(unpacked(client.zip([("all", "1")]))) == 12


@pytest.mark.asvs("8.2.2")
def test_a_foreign_number_is_as_unknown_as_any_and_nothing_is_made(client: Client) -> None:
    foreign, unknown = client.zip([("number", "1"), ("number", "777")]), client.zip([("number", "1"), ("number", "778")])
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content) == (404, b"not found")
    for query in ("account=B", "account=C"):
        assert client.zip([("all", "1"), ("query", query)]).status_code == 404
    assert client.zip([("all", "1"), ("query", "account=1042")]).status_code == 200
    assert client.zip([("all", "1"), ("query", "q=777")]).status_code == 422


def test_too_many_and_none_are_told_in_words(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_INVOICES", 11)
    for fields in ([("all", "1")], [("number", str(n)) for n in range(1, 13)]):
        answer = client.zip(fields)
        assert answer.status_code == 422
        assert "up to 11 invoices; you selected 12" in answer.text
        assert client.zip(fields, "fr").text != answer.text
    assert client.zip([]).text == "No invoice was selected."
    assert client.zip([("all", "0"), ("number", "")]).status_code == 422


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"number=1", {"content-type": "text/plain"}, 415),
        (b"number=1", {}, 415),
        (b"number=" + b"1" * MAX_BODY_BYTES, FORM, 413),
        (b"number=1&" * 10_001, FORM, 400),
        (b"\xff\xfe%ff=%00", FORM, 422),
        (b"number=%00&number=1%00", FORM, 404),
        (b"number=%27%20OR%201%3D1%20--", FORM, 404),
    ],
)
@pytest.mark.asvs("2.2.1")
def test_what_is_no_such_form_is_refused(client: Client, body: bytes, headers: dict[str, str], status: int) -> None:
    assert client.ask("POST", "/en/invoices.zip", body, headers).status_code == status


def test_another_language_is_not_there(client: Client) -> None:
    assert client.zip([("number", "1")], "de").status_code == 404
    assert client.ask("GET", "/en/invoices.zip").status_code == 405


@pytest.mark.asvs("5.3.2")
def test_a_name_in_it_leads_nowhere(client: Client, mine: int) -> None:
    odd = ("../../x", "..\\y", "/etc/z", "a/b", "a b", 'c"d\u202e', "..")
    with database.write_session() as session:
        for number in odd:
            invoice(session, mine, number, issued=date(1970, 1, 1))
    names = list(unpacked(client.zip([("number", number) for number in odd])))
    assert len(names) == len(odd)
    for name in names:
        assert name.startswith("1970-01-01_")
        assert not set(name) & set('/\\":\u202e ')
        assert ".." not in name
    assert len({name.casefold() for name in names}) == len(odd)


def member(account_id: int) -> ActiveMembership:
    return ActiveMembership(account_id, "1042", "Transport 1042", "owner")


class Counted:
    """A counter of the rendered documents."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._draw = routes.render_document
        monkeypatch.setattr(routes, "render_document", self)

    def __call__(self, *args: Any) -> bytes | None:
        self.count += 1
        return self._draw(*args)


@asynccontextmanager
async def coming(mine: int) -> AsyncIterator[Any]:
    with database.read_session() as session:
        chosen = archive.invoices_by_number(session, mine, [str(n + 1) for n in range(12)])
    portions = archive.portions(member(mine), chosen, "en", TODAY)
    yield portions
    await portions.aclose()  # type: ignore[attr-defined]


def test_it_is_sent_while_it_is_made(mine: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def run() -> list[int]:
        seen = []
        async with coming(mine) as portions:
            async for portion in portions:
                assert portion
                seen.append(counted.count)
        return seen

    seen = asyncio.run(run())
    # One portion per invoice and one for the ZIP's directory; never more than two documents ahead.
    assert len(seen) == 13
    assert all(done <= sent + archive.pdf.WORKERS for sent, done in enumerate(seen, 1))


def test_it_stops_when_the_client_goes_away(mine: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def run() -> None:
        async with coming(mine) as portions:
            await anext(portions)
        # Documents that were started are finished; no others are started.
        await archive.pdf.run_in_pdf_thread(lambda: None)

    asyncio.run(run())
    assert counted.count <= 1 + archive.pdf.WORKERS


def test_two_numbers_that_look_alike_in_a_file_both_have_their_place(stored: Engine) -> None:
    with Session(stored) as session:
        made = account(session)
        invoice(session, made, "a/b")
        invoice(session, made, "a b")
        session.commit()
    assert list(unpacked(Client(identity_of(made)).zip([("number", "a/b"), ("number", "a b")]))) == [
        "2020-09-01_a-b.pdf",
        "2020-09-01_a-b_2.pdf",
    ]


def test_numbers_that_are_one_name_on_windows_and_mac_have_two(stored: Engine) -> None:
    numbers = ["A1", "a1", "a1_2", "A-B", "a-b", "Été", "été", "Ete\u0301"]
    with Session(stored) as session:
        made = account(session)
        for number in numbers:
            invoice(session, made, number)
        session.commit()
    names = list(unpacked(Client(identity_of(made)).zip([("number", number) for number in numbers])))
    assert names[:3] == ["2020-09-01_A1.pdf", "2020-09-01_a1_2.pdf", "2020-09-01_a1_2_2.pdf"]
    assert len({unicodedata.normalize("NFD", name).casefold() for name in names}) == len(numbers)


@pytest.mark.parametrize(("language", "file"), [("en", "Missing invoices.txt"), ("fr", "Factures manquantes.txt")])
def test_a_document_that_cannot_be_made_is_left_out_and_named(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, language: str, file: str
) -> None:
    draw = routes.render_document

    def failing(render: Any, whose: Any, number: str, *more: Any) -> bytes | None:
        if number == "2":
            raise ValueError("'uk' is not a valid country code")
        return draw(render, whose, number, *more)

    monkeypatch.setattr(routes, "render_document", failing)
    read = unpacked(client.zip([("number", number) for number in ("1", "2", "3")], language))
    assert list(read) == ["2020-01-28_1.pdf", "2020-01-26_3.pdf", file]
    assert read[file].decode().splitlines()[2:] == ["2"]
    assert "zip: 2 failed" in caplog.text


def test_whoever_has_too_many_files_under_way_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent_files, "FILES", concurrent_files.ConcurrencyLimit(0, 9))
    with pytest.raises(concurrent_files.TooManyFiles):
        client.zip([("all", "1")])
    monkeypatch.setattr(concurrent_files, "DOCUMENTS", concurrent_files.ConcurrencyLimit(0, 9))
    with pytest.raises(concurrent_files.TooManyFiles):
        client.ask("GET", "/en/invoices/1.pdf")
