"""The common headers of every answer, and which requests count as cross-site."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request

from odoportal.settings import get_settings
from odoportal.web import headers
from odoportal.web.request_targets import RequestTargetCheck

ORIGIN = "https://portal.example.com"


@pytest.fixture(autouse=True)
def _address(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", ORIGIN)
    get_settings.cache_clear()
    yield


def request(method: str = "POST", **given: str) -> Request:
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": method, "path": "/en/login", "query_string": b"", "headers": lines})


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, False),
        ({"origin": ORIGIN}, False),
        ({"origin": ORIGIN.upper()}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({"origin": ORIGIN + ".evil.example"}, True),
        ({"origin": "https://evil-portal.example.com"}, True),
        ({"origin": "http://portal.example.com"}, True),
        ({"origin": ORIGIN + ":8443"}, True),
        ({"origin": ORIGIN + "/"}, True),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "same-origin"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "cross-site", "origin": ORIGIN}, True),
        ({"sec_fetch_site": "same-origin", "origin": "https://evil.example"}, True),
        ({"sec_fetch_site": ""}, True),
        ({"sec_fetch_site": "SAME-ORIGIN"}, True),
    ],
)
@pytest.mark.asvs("3.5.1")
def test_who_may_change_something(given: dict[str, str], refused: bool) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "X-ODD"):
        assert headers.is_cross_site(request(method, **given)) is refused


def test_reading_is_nobody_s_harm() -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert not headers.is_cross_site(request(method, origin="https://evil.example", sec_fetch_site="cross-site"))


@pytest.mark.asvs("3.4.3")
def test_the_policy_names_own_scripts_only() -> None:
    parts = dict(part.strip().split(" ", 1) for part in headers.content_security_policy(["'sha256-abc'"]).split(";"))
    assert parts["script-src"] == "'self' 'sha256-abc'"
    for name in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert parts[name] == "'none'"
    assert parts["form-action"] == parts["connect-src"] == "'self'"
    assert "*" not in headers.content_security_policy([])
    assert "unsafe-eval" not in headers.content_security_policy([])
    assert headers.content_security_policy([]).split(";")[1].strip() == "script-src 'self'"


def sent(path: str = "/en/login", status: int = 200, own: list[tuple[bytes, bytes]] | None = None) -> dict[str, list[str]]:
    """Return the headers that are sent."""
    out: list[Any] = []

    async def send(message: Any) -> None:
        out.append(message)

    async def run() -> None:
        await headers.with_common_headers({"type": "http", "path": path}, send)(
            {"type": "http.response.start", "status": status, "headers": own or []}
        )

    asyncio.run(run())
    found: dict[str, list[str]] = {}
    for name, value in out[0]["headers"]:
        found.setdefault(name.decode().lower(), []).append(value.decode())
    return found


@pytest.mark.asvs("3.4.1")
@pytest.mark.asvs("3.4.4")
@pytest.mark.asvs("3.4.5")
@pytest.mark.asvs("3.4.8")
def test_every_answer_has_the_common_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = sent()
    assert found["strict-transport-security"] == ["max-age=63072000; includeSubDomains"]
    assert found["x-content-type-options"] == ["nosniff"]
    assert found["content-security-policy"] == ["default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"]
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", "http://localhost:8000")
    get_settings.cache_clear()
    assert "strict-transport-security" not in sent()


def test_an_answer_s_own_headers_stand_and_none_comes_twice() -> None:
    found = sent(own=[(b"Content-Security-Policy", b"own"), (b"referrer-policy", b"no-referrer")])
    assert found["content-security-policy"] == ["own"]
    assert found["referrer-policy"] == ["no-referrer"]


@pytest.mark.asvs("13.4.6")
def test_no_answer_names_the_server() -> None:
    assert "server" not in sent(own=[(b"Server", b"uvicorn")])


@pytest.mark.parametrize(
    ("path", "status", "cached"),
    [
        ("/assets/a.js", 200, "public, max-age=31536000, immutable"),
        ("/assets/a.js", 404, "no-store"),
        ("/en/login", 200, "no-store"),
        ("/icons.svg", 200, "public, max-age=31536000, immutable"),
    ],
)
def test_only_named_files_are_kept_for_ever(path: str, status: int, cached: str) -> None:
    assert sent(path, status, [(b"cache-control", b"no-store")])["cache-control"] == [cached]


def answered(kind: str, path: str, query: bytes = b"") -> list[Any]:
    """Return what is sent in answer to a request target."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        sent.append("passed on")

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(RequestTargetCheck(app)({"type": kind, "method": "GET", "path": path, "query_string": query, "headers": []}, send, send))  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize("path", ["*", "http://localhost/en/login", "localhost:443", ""])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_is_no_path_is_refused_with_the_headers_of_every_answer(kind: str, path: str) -> None:
    start = answered(kind, path)[0]
    assert start["status"] == 400
    assert dict(headers.common_headers()).items() <= dict(start["headers"]).items()


@pytest.mark.parametrize(
    ("path", "query"), [("/en/invoices/\0.pdf", b""), ("/en/addresses/edit", b"code=%00"), ("/en/cards", b"setup=a\0b"), ("/", b"%00")]
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_an_address_with_a_nul_is_refused(kind: str, path: str, query: bytes) -> None:
    assert answered(kind, path, query)[0]["status"] == 400
    assert answered(kind, path.replace("\0", "0"), query.replace(b"%00", b"%2500").replace(b"\0", b"0")) == ["passed on"]


@pytest.mark.parametrize("path", ["/", "/*", "/http://localhost/"])
def test_a_path_is_passed_on(path: str) -> None:
    assert answered("http", path) == answered("websocket", path) == ["passed on"]
    assert answered("lifespan", "") == ["passed on"]
