"""Every kind of answer: its headers, who receives it, and which addresses do not exist."""

import http.client
import re
from urllib.parse import urlsplit

import pytest

from odoportal.frontend import builder
from odoportal.limits import quotas
from odoportal.odoportal import PAGES
from tests.attack.conftest import Cookies, Victim
from tests.server import EMPTY, PASSWORD, Portal

pytestmark = pytest.mark.any_database

CLIENT = builder.web_dir(builder.root()) / "build" / "client"
KINDS = {
    "front door": ("/", {}),
    "sign-in": ("/en/login", {}),
    "redirect to sign-in": ("/en/orders", {}),
    "private page": ("/en/orders", {"signed": "1"}),
    "guide": ("/fr/guide", {}),
    "not found": ("/en/no-such", {}),
    "not found without a language": ("/no-such", {}),
    "foreign account": ("/en/?account=00000", {"signed": "1"}),
    "refused form": ("/en/login", {"form": "1", "origin": "https://evil.example"}),
    "form again": ("/en/login", {"form": "1"}),
    "no form": ("/en/login", {"form": "1", "content_type": "text/plain"}),
    "method": ("/en/orders", {"method": "DELETE"}),
    "route method": ("/auth/region", {}),
    "route redirect": ("/auth/region", {"form": "1"}),
    "icons": ("/icons.svg", {}),
    "favicon": ("/favicon.svg", {}),
    "script": ("/assets/SCRIPT", {}),
    "missing asset": ("/assets/none.js", {}),
    "missing font": ("/fonts/none.woff2", {}),
    "missing route": ("/auth/none", {}),
    "health": ("/healthz", {}),
    "missing health": ("/health/none", {}),
    "socket without a handshake": ("/_event", {}),
    "polling": ("/_event?EIO=4&transport=polling&token=x", {}),
    "missing shared file": ("/odoportal/none.js", {}),
    "dead link": ("/en/reset", {}),
    "link": ("/en/reset?token=aaaaaaaaaaaaaaaaaaaaaaaaaaaa", {}),
}


def script() -> str:
    """Return the file name of a built script."""
    return next(file.name for file in sorted((CLIENT / "assets").glob("*.js")))


@pytest.mark.parametrize(("path", "how"), KINDS.values(), ids=list(KINDS))
@pytest.mark.asvs("3.4.3")
@pytest.mark.asvs("3.4.4")
@pytest.mark.asvs("3.4.6")
@pytest.mark.asvs("13.4.6")
@pytest.mark.asvs("3.4.5")
@pytest.mark.asvs("3.4.8")
@pytest.mark.asvs("3.5.8")
@pytest.mark.asvs("4.1.1")
@pytest.mark.case("A-86", "A-88")
def test_the_headers_of_every_kind_of_answer(portal: Portal, cookie_of: Cookies, attacker: Victim, path: str, how: dict[str, str]) -> None:
    more = {k: v for k, v in how.items() if k in {"origin", "content_type"}}
    if "signed" in how:
        more["cookie"] = cookie_of(attacker.email)
    answer = portal.ask(path.replace("SCRIPT", script()), form={"email": ""} if "form" in how else None, method=how.get("method"), **more)
    assert answer.status < 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] in {"same-origin", "no-referrer"}
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    policy = {name: values for name, *values in (part.split() for part in answer.headers["content-security-policy"].split(";"))}
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["form-action"][0] in {"'self'", "'none'"}
    for values in policy.values():
        assert not {"*", "'unsafe-eval'", "http:", "https:"} & set(values)
    for source in policy.get("script-src", []):
        assert source == "'self'" or source.startswith("'sha256-")
    kind = answer.headers.get("content-type", "")
    if answer.body:
        assert kind
        assert not kind.startswith("text/") or "charset=utf-8" in kind.lower()
    immutable = answer.status == 200 and path.startswith(("/assets/", "/icons.svg"))
    assert ("immutable" in answer.headers.get("cache-control", "")) is immutable
    if "signed" in how or (answer.status in {303, 404, 422} and "text/html" in kind):
        assert "no-store" in answer.headers["cache-control"]


@pytest.mark.asvs("14.2.2")
@pytest.mark.case("A-89")
@pytest.mark.asvs("7.4.4")
def test_a_page_with_somebody_s_data_is_never_kept(portal: Portal, cookie_of: Cookies, attacker: Victim) -> None:
    for page in PAGES:
        if page.private:
            for language in ("en", "fr"):
                answer = portal.ask(f"/{language}{page.path}", cookie=cookie_of(attacker.email))
                assert answer.status == 200, page.path
                assert "no-store" in answer.headers["cache-control"]
                assert "cookie" in answer.headers["vary"].lower()
                # Every page has a sign-out form that works before the script has loaded.
                assert re.search(r'<form[^>]*action="/auth/sign-out"', answer.body), page.path


@pytest.mark.asvs("8.2.1")
def test_every_private_page_leads_nobody_to_sign_in(portal: Portal, attacker: Victim) -> None:
    for page in PAGES:
        answer = portal.ask(f"/en{page.path}")
        # `/code` follows a correct password; without one it redirects to the sign-in page.
        assert (answer.status == 303) is (page.private or page.path == "/code"), page.path
        if page.private:
            assert answer.headers["location"].startswith("/en/login?next=%2Fen")
            assert answer.body == ""


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/redoc",
        "/openapi.json",
        "/.env",
        "/.git/config",
        "/.git/HEAD",
        "/_upload/x",
        "/_upload",
        "/ping",
        "/_health",
        "/_all_routes",
        "/admin",
        "/metrics",
        "/en/orders/index.html",
        "/en/orders.html",
        "/en.html",
        "/404.html",
        "/index.html",
        "/__spa-fallback.html",
        "/csp.json",
        "/built.hash",
        "/sitemap.xml",
        "/package.json",
        "/env.json",
        "/reflex.json",
        "/.states/x",
        "/odoportal.db",
        "/data/odoportal.db",
        "/en/../../csp.json",
        "/assets/../../csp.json",
        "/assets/..%2f..%2fcsp.json",
        "/assets/%2e%2e/%2e%2e/csp.json",
        "/assets/..%5c..%5ccsp.json",
        "/assets//etc/passwd",
        "/fonts/../en/orders/index.html",
        "/odoportal/../en/orders/index.html",
        "/odoportal/odoportal.py",
        "/odoportal/settings.py",
        "/assets/",
        "/assets",
        "/fonts/",
        "//evil.example/en",
        "//evil.example/%2e%2e",
        "/en//evil.example",
        "/EN/orders",
        "/en/orders.json",
        "/en/orders/26367.pdf/x.css",
        "/en/orders/x.css",
        "/_event/../en/orders/index.html",
        "/healthz/x",
        "/icons.svg/../en/orders/index.html",
        "/icons.svg.map",
        "/health/../en/orders/index.html",
        "/favicon.svg/../csp.json",
        "/auth/../en/orders/index.html",
        "/auth/session",
        "/en/orders;x",
    ],
)
@pytest.mark.asvs("13.4.5")
@pytest.mark.asvs("13.4.1")
@pytest.mark.asvs("13.4.3")
@pytest.mark.asvs("14.2.5")
@pytest.mark.case("A-89", "A-90")
def test_what_is_nobody_s_business_does_not_exist(portal: Portal, cookie_of: Cookies, attacker: Victim, path: str) -> None:
    # Send the path unchanged: urllib would normalize it.
    parts = urlsplit(portal.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("GET", path, headers={"Cookie": cookie_of(attacker.email)})
    answer = connection.getresponse()
    body = answer.read().decode("utf-8", "replace")
    connection.close()
    assert answer.status == 404, (answer.status, body[:200])
    assert "content-security-policy" in {name.lower() for name, _ in answer.getheaders()}
    for marker in (*attacker.markers, "sha256-", "Traceback", "import "):
        assert marker not in body


@pytest.mark.asvs("13.4.1")
@pytest.mark.case("A-90")
def test_no_source_map_is_built_or_served(portal: Portal) -> None:
    assert list(CLIENT.rglob("*.map")) == []
    assert portal.ask(f"/assets/{script()}.map").status == 404
    for file in (CLIENT / "assets").glob("*.js"):
        assert "sourceMappingURL" not in file.read_text("utf-8")


@pytest.mark.asvs("13.3.1")
@pytest.mark.asvs("3.6.1")
@pytest.mark.case("A-91")
def test_what_everybody_may_read_holds_no_customer_and_no_secret(portal: Portal, attacker: Victim, victim: Victim) -> None:
    secret = (portal.data / "secret").read_text("ascii").strip()
    for file in CLIENT.rglob("*"):
        if file.is_file() and file.suffix in {".html", ".js", ".css", ".svg", ".json", ".txt"}:
            text = file.read_text("utf-8")
            for marker in (*attacker.markers, *victim.markers, secret, PASSWORD, str(builder.root())):
                assert marker not in text, file.name
            assert not re.search(r"(?:src|href)=[\"']?https?://(?!www\.w3\.org)", text) or file.suffix == ".js", file.name


@pytest.mark.parametrize(("language", "words"), [("en", "Too many requests at once"), ("fr", "Trop de demandes à la fois")])
@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
def test_a_script_that_asks_for_every_export_is_told_to_wait(portal: Portal, language: str, words: str) -> None:
    cookie = portal.sign_in(EMPTY)
    # Even on a slow machine the requests exceed the limit within one of the minutes they span.
    answers = (portal.ask(f"/{language}/orders.csv", method="HEAD", cookie=cookie) for _ in range(10 * quotas.EXPORTS.amount))
    assert next(answer for answer in answers if answer.status != 200).status == 429
    refused = portal.ask(f"/{language}/orders.csv", cookie=cookie)
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert words in refused.body
    assert portal.ask(f"/{language}/orders", cookie=cookie).status == 200
    portal.ask("/auth/sign-out", form={}, cookie=cookie)
