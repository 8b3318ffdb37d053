"""The document server over a small built frontend."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from odoportal.core import clock, i18n
from odoportal.core.identity import Identity, current_identity, token_hash
from odoportal.limits import quotas, rate_limits
from odoportal.limits.concurrent_files import TooManyFiles
from odoportal.settings import get_settings
from odoportal.web.document_server import DocumentServer, read_documents
from odoportal.web.page import Page, PageContent, PageRequest
from tests.inside import Clock
from tests.making import NOON, identity_of

HTML = (
    '<html><head><link rel="modulepreload" href="/assets/a.js"></head><body><!--slot:rows-->built<!--/slot:rows-->'
    '<!--slot:form--><!--/slot:form--><script type="module">1</script></body></html>'
)
TOKEN = "a-token"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", "http://localhost:8000")
    monkeypatch.setenv("ODOPORTAL_MODE", "demo")
    get_settings.cache_clear()
    client = tmp_path / "client"
    hashes = {}
    for language in i18n.LANGUAGES:
        for folder in ("", "orders/", "login/", "not-found/", "unavailable/", "too-many/", "unknown/"):
            path = f"{folder}index.html"
            file = client / language / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(HTML)
            hashes[f"{language}/{path}"] = ["'sha256-abc'"]
    (client / "secret.html").write_text("not in a language")
    (tmp_path / "csp.json").write_text(json.dumps(hashes))
    return client


def maria() -> Identity:
    return replace(identity_of(1), session=token_hash(TOKEN))


class Site:
    """A document server over an application that echoes what reaches it."""

    def __init__(self, built: Path) -> None:
        self.touched: list[str] = []
        self.passed: list[Any] = []
        self.asked: list[PageRequest] = []
        self.failing = False
        self.refused: set[tuple[str, str]] = set()

        async def behind(scope: Any, receive: Any, send: Any) -> None:
            self.passed.append((scope, current_identity.get()))
            if scope["type"] == "http":
                status = 404 if "none" in scope["path"] else 200
                await PlainTextResponse("behind", status, headers={"server": "x"})(scope, receive, send)

        async def resolve(hashed: str | None, account: str | None) -> Identity | None:
            return maria() if hashed == token_hash(TOKEN) and account in {None, "1042"} else None

        async def touch(who: Identity) -> bool:
            self.touched.append(who.session)
            return True

        async def fill(asked: PageRequest) -> PageContent:
            self.asked.append(asked)
            return PageContent({"rows": f"<b>{i18n.current_language()}</b>"})

        async def post(asked: PageRequest) -> PageContent | Response:
            return PageContent({"form": "again"}, 422, {"cache-control": "no-store", "referrer-policy": "no-referrer"})

        pages = (
            Page("/", "Home", lambda: None, fill=fill),
            Page("/orders", "Orders", lambda: None, fill=fill),
            Page("/login", "Login", lambda: None, post=post, private=False),
            Page("/not-found", "", lambda: None, private=False),
            Page("/unavailable", "", lambda: None, private=False),
            Page("/too-many", "", lambda: None, private=False),
            Page("/not-built", "", lambda: None),
        )
        self.app = DocumentServer(behind, built, pages, resolve, touch, lambda role, right: (role, right) not in self.refused)

    def ask(self, path: str, method: str = "GET", signed: bool = False, **headers: str) -> httpx.Response:
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        if signed:
            lines["cookie"] = f"odo_session={TOKEN}"

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
                client.headers.pop("accept-encoding", None)
                return await client.request(method, path, headers={"accept-encoding": "identity", **lines})

        return asyncio.run(run())


@pytest.fixture
def site(built: Path) -> Site:
    return Site(built)


def test_slots_are_filled_or_keep_what_was_built(built: Path) -> None:
    document = read_documents(built, {})["/en/orders"]
    assert "<body>builtx<script" in document.fill({"form": "x"})
    assert "<body>ROWS<script" in document.fill({"rows": "ROWS"})
    assert "slot" not in document.fill({})
    # A filled-in text is not parsed for slots again.
    assert "<!--slot:form-->" in document.fill({"rows": "<!--slot:form-->", "form": "x"})


def test_only_pages_in_a_language_are_documents(built: Path) -> None:
    assert set(read_documents(built, {})) == {
        f"/{la}{path}" for la in i18n.LANGUAGES for path in ("", "/orders", "/login", "/not-found", "/unavailable", "/too-many", "/unknown")
    }


@pytest.mark.asvs("3.4.3")
def test_only_the_page_that_says_so_has_a_form_that_leads_to_another_site(built: Path) -> None:
    found = read_documents(built, {"/orders": ("https://pay.example",)})
    said = {address for address, document in found.items() if "form-action 'self' https://pay.example" in document.policy}
    assert said == {"/en/orders", "/fr/orders"}
    assert all(document.policy.endswith("form-action 'self'") for address, document in found.items() if address not in said)


@pytest.mark.asvs("8.2.1")
def test_a_private_page_leads_nobody_to_sign_in(site: Site) -> None:
    answer = site.ask("/en/orders?q=a%20b&open=5")
    assert (answer.status_code, answer.headers["location"]) == (303, "/en/login?next=%2Fen%2Forders%3Fq%3Da%2520b%26open%3D5")
    assert answer.headers["cache-control"] == "no-store"
    assert site.asked == []
    ended = site.ask("/fr/orders", cookie="odo_session=over")
    assert ended.headers["location"] == "/fr/login?ended=1&next=%2Ffr%2Forders"


@pytest.mark.asvs("8.2.1")
def test_a_page_that_a_role_may_not_see_does_not_exist(site: Site) -> None:
    unknown = site.ask("/en/nowhere", signed=True)
    site.refused.add(("owner", "see"))
    answer = site.ask("/en/orders", signed=True)
    assert (answer.status_code, answer.text, site.asked) == (404, unknown.text, [])


def test_a_private_page_is_filled_in_its_language(site: Site) -> None:
    answer = site.ask("/fr/orders?q=%C3%A9&q=last&x=", signed=True)
    assert (answer.status_code, site.touched) == (200, [token_hash(TOKEN)])
    assert "<b>fr</b>" in answer.text
    assert dict(site.asked[0].query) == {"q": "last", "x": ""}
    assert answer.headers["cache-control"] == "no-store, private"
    assert "'sha256-abc'" in answer.headers["content-security-policy"]
    assert "Cookie" in answer.headers["vary"]
    assert site.ask("/en/orders/", signed=True).status_code == 200
    assert site.ask("/en", signed=True).status_code == 200


def test_an_empty_account_in_the_address_is_no_account(site: Site) -> None:
    assert site.ask("/en/orders?account=", signed=True).status_code == 200
    assert site.ask("/en/orders?account=1042", signed=True).status_code == 200


@pytest.mark.asvs("8.2.2")
def test_a_foreign_account_is_not_found_and_nobody_s_is_sign_in(site: Site) -> None:
    foreign, unknown = site.ask("/en/orders?account=6666", signed=True), site.ask("/en/orders?account=no-such", signed=True)
    assert (foreign.status_code, foreign.text) == (404, unknown.text)
    assert site.ask("/en/orders?account=6666").status_code == 303
    assert site.asked == []


def test_compressed_where_the_browser_reads_it(site: Site) -> None:
    answer = site.ask("/en/orders", signed=True, accept_encoding="gzip, br")
    assert answer.headers["content-encoding"] == "br"
    assert "<b>en</b>" in (answer.text if "<b>" in answer.text else brotli.decompress(answer.content).decode())


@pytest.mark.parametrize(
    "path",
    [
        "/en/unknown",
        "/en/nothing",
        "/en/not-built",
        "/de/orders",
        "/orders",
        "/en/orders/index.html",
        "/en//orders",
        "/secret.html",
        "/csp.json",
        "/en/../csp.json",
        "/_health",
        "/docs",
        "/.env",
        "/health",
        "/healthz/x",
        "/icons.svg/x",
        "/_eventx",
        "/assets/%2e%2e/csp.json",
        "/assets/%2e/a.js",
        "/assets/..%5ccsp.json",
        "/assets//a.js",
        "/odoportal/ui/client.js",
    ],
)
@pytest.mark.asvs("13.4.5")
def test_whatever_is_no_page_does_not_exist(site: Site, path: str) -> None:
    answer = site.ask(path, signed=True)
    assert answer.status_code == 404
    assert "<script" not in answer.text
    assert "modulepreload" not in answer.text
    assert site.passed == []
    assert "script-src 'self';" in answer.headers["content-security-policy"]


@pytest.mark.asvs("4.1.4")
def test_a_method_that_a_page_does_not_know(site: Site) -> None:
    assert [site.ask("/en/orders", m, signed=True).status_code for m in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS")] == [405] * 6
    assert site.ask("/en/login", "POST").status_code == 422
    assert site.ask("/en/login", "PUT").status_code == 405
    assert site.ask("/en/login", "HEAD").status_code == 200


def test_a_form_that_comes_back_has_its_own_status_and_headers(site: Site) -> None:
    answer = site.ask("/en/login", "POST")
    assert (answer.status_code, answer.headers["referrer-policy"], answer.headers["cache-control"]) == (422, "no-referrer", "no-store")
    assert "again" in answer.text


@pytest.mark.asvs("3.5.1")
@pytest.mark.case("A-81")
def test_another_site_s_request_is_refused_before_anything_else(site: Site) -> None:
    for path in ("/en/login", "/auth/sign-out", "/anything"):
        answer = site.ask(path, "POST", origin="https://evil.example")
        assert (answer.status_code, answer.text) == (403, "cross-site request refused")
        assert "content-security-policy" in answer.headers
    assert site.passed == []


@pytest.mark.parametrize(
    ("cookie", "accept", "signed", "location"),
    [
        ("", "", False, "/fr/login"),
        ("", "en-CA,en;q=0.9,fr;q=0.8", False, "/en/login"),
        ("", "de,fr;q=0.5", False, "/fr/login"),
        ("odo_language=en", "fr", False, "/en/login"),
        ("odo_language=xx", "en", False, "/en/login"),
        ("odo_language=fr", "fr", True, "/en/"),
    ],
)
def test_the_front_door_speaks_the_person_s_language_then_the_cookie_s_then_the_browser_s(
    site: Site, cookie: str, accept: str, signed: bool, location: str
) -> None:
    both = f"{cookie}; odo_session={TOKEN}" if signed else cookie
    answer = site.ask("/", accept_language=accept, cookie=both)
    assert (answer.status_code, answer.headers["location"]) == (302, location)
    assert "no-store" in answer.headers["cache-control"]


def test_what_is_no_document_goes_on_with_the_common_headers(site: Site) -> None:
    answer = site.ask("/assets/a.js")
    assert answer.text == "behind"
    assert "server" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_missing_behind_is_our_own_page(site: Site) -> None:
    for path in ("/assets/none.js", "/auth/none", "/fonts/none.woff2"):
        answer = site.ask(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "built" in answer.text
        assert "behind" not in answer.text


def test_routes_know_who_asks_and_assets_do_not(site: Site) -> None:
    site.ask("/auth/region", "POST", signed=True)
    site.ask("/assets/a.js", signed=True)
    assert [who.session if who else None for _, who in site.passed] == [token_hash(TOKEN), None]


@pytest.mark.asvs("4.4.4")
@pytest.mark.parametrize(
    ("cookies", "forwarded"),
    [
        ([f"odo_session={TOKEN}"], [f"sid={token_hash(TOKEN)}"]),
        ([f"a=1; odo_session={TOKEN}; sid=forged"], [f"sid={token_hash(TOKEN)}"]),
        (["sid=forged"], []),
        ([f"sid={token_hash(TOKEN)}"], []),
        (["a=1"], []),
        ([], []),
    ],
)
def test_the_socket_carries_a_hash_and_no_cookie(site: Site, cookies: list[str], forwarded: list[str]) -> None:
    lines = [(b"host", b"localhost"), *((b"cookie", c.encode()) for c in cookies)]
    scope = {"type": "websocket", "path": "/_event", "headers": lines, "query_string": b""}
    asyncio.run(site.app(scope, None, None))  # type: ignore[arg-type]
    there = site.passed[0][0]["headers"]
    assert [value.decode() for name, value in there if name.lower() == b"cookie"] == forwarded
    assert TOKEN not in repr(there)
    assert (b"host", b"localhost") in there


def test_a_request_object_is_what_a_room_gets(site: Site) -> None:
    site.ask("/en/orders", signed=True)
    assert isinstance(site.asked[0].request, Request)
    assert site.asked[0].who == maria()


@pytest.fixture
def now() -> Iterator[Clock]:
    """A clock that stands still. All rate limits start empty."""
    moved = Clock(NOON)
    clock.set_source(moved)
    rate_limits.forget_all()
    yield moved
    rate_limits.forget_all()


LIMITED = {
    "/en/orders": (quotas.PAGES, 200),
    "/fr/invoices/1.pdf": (quotas.DOCUMENTS, 200),
    "/en/orders.csv": (quotas.EXPORTS, 200),
    "/fr/invoices.zip": (quotas.ARCHIVES, 200),
}


@pytest.mark.parametrize("path", LIMITED)
@pytest.mark.asvs("2.4.1")
@pytest.mark.asvs("16.3.3")
def test_who_asks_for_too_much_waits_a_minute(site: Site, path: str, now: Clock, caplog: pytest.LogCaptureFixture) -> None:
    limit, fine = LIMITED[path]
    assert {site.ask(path, signed=True).status_code for _ in range(limit.amount)} == {fine}
    touched = len(site.touched)
    with caplog.at_level("WARNING"):
        refused = site.ask(path, signed=True)
    assert (refused.status_code, refused.headers["retry-after"], refused.headers["cache-control"]) == (429, "60", "no-store")
    assert "text/html" in refused.headers["content-type"]
    assert "script" not in refused.text
    assert f"excess_rate_limit_exceeded limit={limit.namespace}" in caplog.text
    # A refused request reaches nothing behind the document server and does not extend the session.
    assert len(site.touched) == touched
    other = next(p for p, (held, _) in LIMITED.items() if held is not limit)
    assert site.ask(other, signed=True).status_code == 200
    assert site.ask("/en/login").status_code == 200
    now.move(seconds=61)
    assert site.ask(path, signed=True).status_code == fine


def test_the_page_for_too_much_has_no_address_of_its_own(site: Site) -> None:
    assert site.ask("/en/too-many").status_code == 404


def test_who_leaves_before_the_body_is_whole_is_no_failure(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def reads(asked: PageRequest) -> PageContent:
        await asked.request.body()
        return PageContent()

    site.app.pages["/login"] = replace(site.app.pages["/login"], post=reads)
    sent: list[Any] = []
    parts = iter([{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/en/login", "query_string": b"", "headers": [(b"host", b"localhost:8000")]}
    asyncio.run(site.app(scope, receive, send))
    assert sent[0]["status"] == 408
    assert caplog.records == []


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://portal.example.com:443", "https://portal.example.com"),
        ("HTTPS://Portal.Example.com./", "https://portal.example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://localhost:80", "http://localhost"),
        ("https://portal.example.com:8443", "https://portal.example.com:8443"),
    ],
)
def test_a_form_is_taken_from_the_origin_that_browsers_send(site: Site, monkeypatch: pytest.MonkeyPatch, written: str, origin: str) -> None:
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", written)
    get_settings.cache_clear()
    assert site.ask("/en/login", "POST", origin=origin).status_code == 422
    assert site.ask("/en/login", "POST", origin="https://other.example").status_code == 403


def test_whoever_has_too_many_files_under_way_is_told_to_wait(site: Site) -> None:
    async def crowded(_scope: Any, _receive: Any, _send: Any) -> None:
        raise TooManyFiles

    site.app.app = crowded
    answer = site.ask("/en/orders.csv", signed=True)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == quotas.RETRY_SECONDS
