"""Requests that another site starts: sockets by Origin, forms by Origin and Fetch Metadata, and methods that must change nothing."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from socketio.exceptions import ConnectionError as Refused
from sqlalchemy import Engine, text

from tests.attack.conftest import Cookies, Victim
from tests.attack.wire import tab
from tests.server import Portal

pytestmark = pytest.mark.any_database

_FORMS = ("login", "forgot", "reset", "invite", "join", "copy")
POSTS = [f"/{la}/{page}" for la in ("en", "fr") for page in _FORMS] + ["/auth/sign-out", "/auth/region"]
ELSEWHERE = (
    "https://evil.example",
    "null",
    "{url}.evil.example",
    "https://{host}",
    "http://localhost:1",
    "http://127.0.0.1:{port}",
    "http://evil-{host}",
    "{url}/",
    "{url}@evil.example",
    "file://",
    "",
)


def filled_origin(portal: Portal, origin: str) -> str:
    """Return an origin from `ELSEWHERE` with the portal's own address filled in."""
    parts = urlsplit(portal.url)
    return origin.format(url=portal.url, host=parts.netloc, port=parts.port)


@pytest.mark.parametrize("origin", ELSEWHERE[:-1])
@pytest.mark.asvs("4.4.2")
@pytest.mark.case("A-70")
def test_a_socket_from_elsewhere_is_refused(portal: Portal, cookie_of: Cookies, attacker: Victim, origin: str) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email), origin=filled_origin(portal, origin)):
            pytest.fail("connected")

    with pytest.raises(Refused):
        asyncio.run(run())


def test_a_socket_from_the_portal_s_own_pages_is_not(portal: Portal, cookie_of: Cookies, attacker: Victim) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as own:
            assert (await own.load("/en/orders"))["rows"]

    asyncio.run(run())


@pytest.mark.asvs("4.4.2")
def test_without_an_origin_it_is_no_browser_and_the_cookie_decides(portal: Portal) -> None:
    async def run() -> None:
        async with tab(portal.url, origin=None, client="127.0.0.70") as program:
            await program.send("reflex___state____state.hydrate_and_load", {}, "/en/orders")
            assert await program.redirected()

    asyncio.run(run())


@pytest.mark.parametrize(
    "how",
    [{"origin": o} for o in ELSEWHERE] + [{"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"sec_fetch_site": "x"}],
    ids=str,
)
@pytest.mark.parametrize("path", POSTS)
@pytest.mark.asvs("3.5.1")
@pytest.mark.case("A-15", "A-81")
def test_a_form_from_elsewhere_is_refused(portal: Portal, cookie_of: Cookies, attacker: Victim, path: str, how: dict[str, str]) -> None:
    headers = {name: filled_origin(portal, value) for name, value in how.items()}
    form = {"email": attacker.email, "password": "grand tour du lac", "region": "en-CA", "language": "en"}
    answer = portal.ask(path, form=form, cookie=cookie_of(attacker.email), **headers)
    assert (answer.status, answer.body) == (403, "cross-site request refused")
    assert answer.cookies == []
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x", ""])
@pytest.mark.asvs("3.5.2")
@pytest.mark.case("A-81")
def test_a_body_that_needs_no_preflight_is_no_form(portal: Portal, kind: str) -> None:
    answer = portal.ask("/en/login", form={"email": "a@b.ca", "password": "x"}, content_type=kind)
    assert answer.status == 415
    assert answer.cookies == []


def test_the_control_the_same_form_from_the_portal_s_own_page_works(portal: Portal, attacker: Victim) -> None:
    answer = portal.ask(
        "/auth/region", form={"region": "en-CA"}, origin=portal.url, sec_fetch_site="same-origin", referer=f"{portal.url}/en/orders?q=a"
    )
    assert (answer.status, answer.headers["location"]) == (303, "/en/orders?q=a")


@pytest.mark.asvs("3.5.1")
def test_nothing_was_changed_by_any_of_it(portal: Portal, cookie_of: Cookies, attacker: Victim, rows: Engine) -> None:
    with rows.connect() as connection:
        before = connection.scalar(text("SELECT region FROM person WHERE email = :e"), {"e": attacker.email})
    other = "en-CA" if before == "fr-CA" else "fr-CA"
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        portal.ask("/auth/region", form={"region": other}, cookie=cookie_of(attacker.email), **headers)
        portal.ask("/auth/sign-out", form={"language": "en"}, cookie=cookie_of(attacker.email), **headers)
    for path in (f"/auth/region?region={other}", "/auth/sign-out"):
        portal.ask(path, cookie=cookie_of(attacker.email))
    with rows.connect() as connection:
        assert connection.scalar(text("SELECT region FROM person WHERE email = :e"), {"e": attacker.email}) == before
    assert portal.ask("/en/orders", cookie=cookie_of(attacker.email)).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/auth/sign-out", "/auth/region"])
@pytest.mark.asvs("3.5.3")
@pytest.mark.asvs("4.1.4")
@pytest.mark.case("A-81")
def test_what_changes_something_takes_a_post(portal: Portal, cookie_of: Cookies, attacker: Victim, path: str, method: str) -> None:
    assert portal.ask(path, method=method, cookie=cookie_of(attacker.email)).status in {404, 405}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "POST"])
@pytest.mark.asvs("13.4.4")
@pytest.mark.asvs("4.1.4")
@pytest.mark.case("A-81")
def test_a_page_takes_no_other_method(portal: Portal, cookie_of: Cookies, attacker: Victim, method: str) -> None:
    for path in ("/en/orders", "/fr/", "/en/guide"):
        assert portal.ask(path, method=method, form={} if method == "POST" else None, cookie=cookie_of(attacker.email)).status == 405


@pytest.mark.parametrize("override", [{"x_http_method_override": "POST"}, {"x_method_override": "DELETE"}])
@pytest.mark.case("A-81")
def test_a_method_cannot_be_overridden(portal: Portal, cookie_of: Cookies, attacker: Victim, override: dict[str, Any]) -> None:
    assert portal.ask("/auth/sign-out?_method=POST", cookie=cookie_of(attacker.email), **override).status in {404, 405}
    assert portal.ask("/en/orders", cookie=cookie_of(attacker.email)).status == 200


@pytest.mark.parametrize("path", ["/en/orders", "/healthz", "/icons.svg", "/auth/region", "/en/login", "/_event?EIO=4&transport=polling"])
@pytest.mark.asvs("3.4.2")
@pytest.mark.case("A-80")
def test_no_other_origin_may_read_an_answer(portal: Portal, cookie_of: Cookies, attacker: Victim, path: str) -> None:
    preflight: dict[str, Any] = {"access_control_request_method": "GET", "access_control_request_headers": "content-type"}
    for origin in ("https://evil.example", "null", f"{portal.url}.evil.example"):
        for more in ({}, preflight):
            answer = portal.ask(path, method="OPTIONS" if more else "GET", cookie=cookie_of(attacker.email), origin=origin, **more)
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "referer",
    ["{url}//evil.example/x", "https://evil.example/en/", "{url}.evil.example/en/", "javascript:alert(1)", "", "{url}/\\evil.example"],
)
@pytest.mark.asvs("3.7.2")
def test_the_way_back_from_a_form_stays_on_this_site(portal: Portal, cookie_of: Cookies, attacker: Victim, referer: str) -> None:
    answer = portal.ask(
        "/auth/region", form={"region": "nonsense"}, cookie=cookie_of(attacker.email), referer=filled_origin(portal, referer)
    )
    assert (answer.status, answer.headers["location"]) == (303, "/")
