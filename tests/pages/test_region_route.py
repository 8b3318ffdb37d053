"""Tests of the route for the choice of region formats in the header."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.routing import Route

from odoportal.accounts.models import Person
from odoportal.core import database
from odoportal.forms.handling import FORMS_PER_PERSON
from odoportal.limits import rate_limits
from odoportal.pages.region_route import region
from tests.making import NOON, account, identity_of
from tests.states import signed_in

HERE = "http://localhost:3000"
APP = Starlette(routes=[Route("/auth/region", region, methods=["POST"])])


@pytest.fixture(autouse=True)
def _maria(stored: Engine) -> Iterator[None]:
    with database.write_session() as session:
        account(session)
        session.add(Person(email="maria@example.com", email_key="maria@example.com", name="Maria", region="en-CA", created_at=NOON))
    yield


def choose(content: str | AsyncIterator[bytes], referer: str = "", signed: bool = True) -> str:
    """Post a choice and return the address of the redirect."""

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url=HERE) as client:
            body = content.encode() if isinstance(content, str) else content
            headers = {"content-type": "application/x-www-form-urlencoded", "referer": referer}
            return await client.post("/auth/region", content=body, headers=headers)

    with signed_in(identity_of(1) if signed else None):
        answer = asyncio.run(run())
    assert answer.status_code == 303
    return answer.headers["location"]


def stands() -> str:
    with database.read_session() as session:
        return session.get_one(Person, 1).region


def test_a_choice_is_kept_and_leads_back() -> None:
    assert choose("region=fr-CA", f"{HERE}/en/orders?q=a%20b") == "/en/orders?q=a%20b"
    assert stands() == "fr-CA"


@pytest.mark.parametrize("content", ["region=xx-XX", "region=", "", "region=fr-CA&pad=" + "x" * 1000, "other=fr-CA"])
@pytest.mark.asvs("2.2.1")
def test_whatever_is_no_choice_changes_nothing(content: str) -> None:
    choose(content)
    assert stands() == "en-CA"


def test_a_body_without_a_length_is_not_read() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"region=fr-CA"

    choose(endless())
    assert stands() == "en-CA"


@pytest.mark.asvs("8.2.1")
def test_nobody_changes_nothing() -> None:
    choose("region=fr-CA", signed=False)
    assert stands() == "en-CA"


@pytest.mark.parametrize(
    "referer",
    [
        f"{HERE}//evil.example/x",
        f"{HERE}/\\evil.example",
        "https://evil.example/en/",
        f"{HERE}.evil.example/en/",
        "javascript:alert(1)",
        "",
    ],
)
@pytest.mark.asvs("3.7.2")
def test_the_way_back_stays_on_this_site(referer: str) -> None:
    assert choose("region=fr-CA", referer) == "/"


@pytest.mark.asvs("2.4.1")
def test_a_flood_of_choices_changes_nothing_more() -> None:
    rate_limits.forget_all()
    for _ in range(FORMS_PER_PERSON.amount):
        choose("region=en-CA")
    choose("region=fr-CA")
    assert stands() == "en-CA"
    rate_limits.forget_all()
    choose("region=fr-CA")
    assert stands() == "fr-CA"
