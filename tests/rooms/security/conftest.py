"""Fixtures of the security room: the portal in a temporary folder, a signed-in browser, and further browsers."""

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
from odoportal.core.identity import cookie_name, current_identity, token_hash
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
    "reset": (link_pages.fill_reset, link_pages.post_reset),
    "email": (link_pages.fill_email, link_pages.post_email),
    "undo": (link_pages.fill_undo, link_pages.post_undo),
    "alert": (link_pages.fill_alert, link_pages.post_alert),
    "profile/security": (_fill, form_post({**forms.HANDLERS, **passkey_forms.HANDLERS}, _fill, rights.may)),
}


async def _document(request: Request) -> Response:
    """Answer a request as the document server does, simplified."""
    language, name = request.url.path[1:3], request.path_params["page"]
    token = request.cookies.get(cookie_name(get_settings().secure))
    with database.engine().connect() as connection:
        who = service.resolve(connection, token_hash(token) if token else None, request.query_params.get("account"), clock.now())
    current_identity.set(who)
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
    """A browser with its own cookies."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def sign_in(self, email: str = EMAIL, password: str = GOOD, **more: str) -> Any:
        """Submit the sign-in form."""
        return self.client.post("/en/login", data={"email": email, "password": password, **more})

    def form(self, name: str, /, key: str = "", once: str = "", **fields: str) -> dict[str, Any]:
        """Submit a form of the page as its script does; return the answer."""
        data = {"form": name, "key": key, "version": "", "once": once or secrets.token_hex(16), **fields}
        answer = self.client.post("/en/profile/security", data=data, headers={"accept": "application/json"})
        return answer.json()

    @property
    def inside(self) -> bool:
        """Whether the browser is signed in."""
        return self.client.get("/en/home").status_code == 200

    def page(self) -> str:
        """Return the page as rendered by the server."""
        return self.client.get("/en/profile/security").text

    @property
    def token(self) -> str:
        """The token of the browser's session."""
        return self.client.cookies[cookie_name(get_settings().secure)]

    def link(self, letter: Mail) -> Any:
        """Open the link of a mail and return the page it redirects to."""
        path = letter.text.partition("https://portal.example.com")[2].partition("__ONE_USE_TOKEN__")[0]
        answer = self.client.get(path + token_of(letter.seed))
        assert answer.status_code == 303
        return self.client.get(answer.headers["location"])


@pytest.fixture
def opened() -> Iterator[Callable[[], Browser]]:
    """Yield a function that opens another browser, each with its own network address."""
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
    """Return a browser in which Maria is signed in."""
    browser = opened()
    assert browser.sign_in().status_code == 303
    return browser


@pytest.fixture
def thief(opened: Callable[[], Browser]) -> Callable[[str], Browser]:
    """Return a function that opens another browser with a stolen session token."""

    def thief(token: str) -> Browser:
        browser = opened()
        browser.client.cookies.set(cookie_name(get_settings().secure), token)
        return browser

    return thief


def letters(to: str = "") -> list[Mail]:
    """Return the mails in the outbox, to one address or to all, oldest first."""
    with database.read_session() as session:
        return [letter for letter in session.exec(select(Mail).order_by("id")) if to in {"", letter.to}]


def changes() -> list[tuple[str, int | None, str]]:
    """Return the activity rows without an account: the kind, the person concerned, and the network address."""
    with database.read_session() as session:
        own = select(Change).where(col(Change.account_id).is_(None)).order_by("id")
        return [(row.what, row.subject_id, row.address) for row in session.exec(own)]


def stored(person_id: int) -> Person:
    """Return a person as stored."""
    with database.read_session() as session:
        return session.get_one(Person, person_id)
