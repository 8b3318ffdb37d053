"""The statement as PDF, read back."""

import asyncio
import io
from datetime import date

import httpx
import pytest
from pypdf import PdfReader
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.applications import Starlette

from odoportal.core import i18n
from odoportal.limits import concurrent_files
from odoportal.rooms.statements import pdf
from odoportal.rooms.statements.routes import ROUTES
from tests.making import account, identity_of, invoice
from tests.states import signed_in


@pytest.fixture
def mine(stored: Engine) -> int:
    with Session(stored) as session, session.begin():
        made = account(session)
        for i in range(60):
            invoice(session, made, f"{212000 + i}", "576.07", date(2020, 1 + i % 9, 1 + i % 24))
        return made


def ask(path: str, account_id: int) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(Starlette(routes=list(ROUTES))), base_url="http://localhost:3000"
        ) as client:
            return await client.get(path)

    with signed_in(identity_of(account_id)):
        return asyncio.run(run())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Statement", "Opening balance", "$0.00", "Invoice 212000", "Closing balance", "$34,564.20", "Over 90 days"]),
        ("fr", ["0,00 $", "34 564,20 $", "576,07 $"]),
    ],
)
def test_it_says_what_the_page_says(mine: int, language: str, words: list[str]) -> None:
    answer = ask(f"/{language}/statement.pdf", mine)
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/pdf", "no-store, private")
    assert answer.headers["content-disposition"].split("filename*")[0].endswith('-2020-01-01-2020-09-24.pdf"; ')
    reader = PdfReader(io.BytesIO(answer.content))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for word in words:
        assert word in text
    assert text.count("212") >= 60
    assert len(reader.pages) > 1
    assert reader.root_object["/Lang"] in {"fr-CA", "en-CA"}
    assert "/StructTreeRoot" in reader.root_object


def test_a_long_one_says_what_it_leaves_out(stored: Engine, mine: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_MOVEMENTS_PRINTED", 10)
    reader = PdfReader(io.BytesIO(ask("/en/statement.pdf?from=2020-01-01&paper=a4", mine).content))
    text = " ".join(reader.pages[0].extract_text().split())
    assert "50 earlier transactions, in the CSV file $28,803.50 $28,803.50" in text
    whole = "".join(page.extract_text() for page in reader.pages)
    assert ("Invoice 212044" in whole, "Invoice 212000" in whole) == (True, False)
    assert round(float(reader.pages[0].mediabox.height)) == 842


def test_no_other_language(mine: int) -> None:
    assert ask("/de/statement.pdf", mine).status_code == 404
    assert i18n.LANGUAGES == ("fr", "en")


def test_whoever_has_too_many_files_under_way_waits(mine: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent_files, "FILES", concurrent_files.ConcurrencyLimit(0, 9))
    with pytest.raises(concurrent_files.TooManyFiles):
        ask("/en/statement.pdf", mine)
