"""The portal in a temporary folder, a browser that is signed in, and another one."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlmodel import col, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from odoportal.accounts import rights
from odoportal.accounts.models import Change, Person
from odoportal.core import clock, database, i18n
from odoportal.core.identity import asker, cookie_name, digest
from odoportal.forms.handling import form_post
from odoportal.mail.outbox import Mail, token_of
from odoportal.rooms.security import forms, passkey_forms
from odoportal.rooms.security import page as security
from odoportal.rooms.signin import link_pages, routes, service
from odoportal.settings import get_settings
from odoportal.web.page import PageContent, PageRequest
from tests.rooms.signin.conftest import GOOD, hashes, maria, now, portal

__all__ = ["hashes", "maria", "now", "portal"]

EMAIL = "maria@transportgagnon.ca"


async def _fill(asked: PageRequest) -> PageContent:
    return PageContent(await security.slots(asked))


PAGES = {
    "login": (routes.fill_login, routes.post_login),
    "code": (routes.fill_code, routes.post_code),
    "forgot": (routes.fill_forgot, routes.post_forgot),
    "reset": (routes.fill_reset, routes.post_reset),
    "email": (link_pages.fill_email, link_pages.post_email),
    "undo": (link_pages.fill_undo, link_pages.post_undo),
    "alert": (link_pages.fill_alert, link_pages.post_alert),
    "profile/security": (_fill, form_post({**forms.RULES, **passkey_forms.RULES}, _fill, rights.may)),
}


async def _document(request: Request) -> Response:
    """The document server in small."""
    language, name = request.url.path[1:3], request.path_params["page"]
    token = request.cookies.get(cookie_name(get_settings().secure))
    with database.engine().connect() as connection:
        who = service.resolve(connection, digest(token) if token else None, request.query_params.get("account"), clock.now())
    asker.set(who)
    if name == "home":
        return HTMLResponse(who.email if who else "nobody", 200 if who else 401)
    fill, post = PAGES[name]
    with i18n.use(language):
        filled = await (post if request.method == "POST" else fill)(PageRequest(language, dict(request.query_params), request, who))
    if isinstance(filled, PageContent):
        answer = HTMLResponse("".join(filled.slots.values()), filled.status, dict(filled.headers))
        if filled.dress:
            filled.dress(answer)
        return answer
    return filled


APP = Starlette(routes=[Route("/{language}/{page:path}", _document, methods=["GET", "POST"])])


class Browser:
    """A browser of somebody."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def sign_in(self, email: str = EMAIL, password: str = GOOD, **more: str) -> Any:
        """Try to sign in."""
        return self.client.post("/en/login", data={"email": email, "password": password, **more})

    def form(self, name: str, /, key: str = "", once: str = "", **fields: str) -> dict[str, Any]:
        """Send a form of the page as its script does; the answer."""
        data = {"form": name, "key": key, "version": "", "once": once or secrets.token_hex(16), **fields}
        answer = self.client.post("/en/profile/security", data=data, headers={"accept": "application/json"})
        return answer.json()

    @property
    def inside(self) -> bool:
        """Whether it is signed in."""
        return self.client.get("/en/home").status_code == 200

    def page(self) -> str:
        """The page as the server writes it."""
        return self.client.get("/en/profile/security").text

    @property
    def token(self) -> str:
        """Of its session."""
        return self.client.cookies[cookie_name(get_settings().secure)]

    def link(self, letter: Mail) -> Any:
        """Open the link of a letter, and the page it leads to."""
        path = letter.text.partition("https://portal.example.com")[2].partition("__ONE_USE_TOKEN__")[0]
        answer = self.client.get(path + token_of(letter.seed))
        assert answer.status_code == 303
        return self.client.get(answer.headers["location"])


@pytest.fixture
def opened() -> Iterator[Callable[[], Browser]]:
    """`opened()`: another browser, from an address of its own."""
    made: list[TestClient] = []

    def opened() -> Browser:
        client = TestClient(APP, base_url="https://portal.example.com", follow_redirects=False, client=(f"203.0.113.{len(made)}", 50000))
        made.append(client)
        return Browser(client)

    yield opened
    for client in made:
        client.close()


@pytest.fixture
def web(opened: Callable[[], Browser], maria: int) -> Browser:
    """A browser in which Maria is signed in."""
    browser = opened()
    assert browser.sign_in().status_code == 303
    return browser


@pytest.fixture
def thief(opened: Callable[[], Browser]) -> Callable[[str], Browser]:
    """`thief(token)`: another browser with the token of somebody's session."""

    def thief(token: str) -> Browser:
        browser = opened()
        browser.client.cookies.set(cookie_name(get_settings().secure), token)
        return browser

    return thief


def letters(to: str = "") -> list[Mail]:
    """The letters in the outbox, to an address or to all, oldest first."""
    with database.reading() as session:
        return [letter for letter in session.exec(select(Mail).order_by("id")) if to in {"", letter.to}]


def changes() -> list[tuple[str, int | None, str]]:
    """What was noted of people's own: what, about whom, from where."""
    with database.reading() as session:
        own = select(Change).where(col(Change.account_id).is_(None)).order_by("id")
        return [(row.what, row.subject_id, row.address) for row in session.exec(own)]


def stored(person_id: int) -> Person:
    """A person as stored."""
    with database.reading() as session:
        return session.get_one(Person, person_id)
