"""HTTP requests that no browser writes: several on one connection, conflicting lengths, oversized parts, another host's name."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.attack.conftest import Cookies, Victim
from tests.server import Portal

pytestmark = pytest.mark.any_database

SECONDS = 30


def exchange(portal: Portal, raw: bytes) -> bytes:
    """Send raw bytes and return everything that the server answers before it closes the connection."""
    parts, answer = urlsplit(portal.url), b""
    with socket.create_connection((parts.hostname or "", parts.port or 0), SECONDS) as wire:
        try:
            wire.sendall(raw)
            while piece := wire.recv(65536):
                answer += piece
        except ConnectionError:
            # The server refused the request before all of it was sent.
            return answer
    return answer


def request(path: str, *lines: str, method: str = "GET", last: bool = True, body: str = "") -> bytes:
    """Return a request as raw bytes; the last one on a connection asks the server to close it."""
    head = [f"{method} {path} HTTP/1.1", *lines, *(["Connection: close"] if last else [])]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode("latin-1")


@pytest.fixture
def host(portal: Portal) -> str:
    return f"Host: {urlsplit(portal.url).netloc}"


@pytest.mark.asvs("8.4.1")
@pytest.mark.case("A-61", "A-72")
def test_two_customers_on_one_connection_get_each_their_own(
    portal: Portal, cookie_of: Cookies, host: str, victim: Victim, attacker: Victim
) -> None:
    theirs, mine = cookie_of(victim.email), cookie_of(attacker.email)
    first = request("/en/orders", host, f"Cookie: {theirs}", last=False)
    answers = exchange(portal, first + request("/en/orders", host, f"Cookie: {mine}", last=False) + request("/en/orders", host)).decode()
    one, two, three = answers.split("HTTP/1.1 ")[1:]
    assert victim.markers[1] in one
    assert attacker.markers[1] not in one
    assert attacker.markers[1] in two
    assert not any(marker in two for marker in victim.markers)
    assert three.startswith("303")
    assert not any(marker in three for marker in (*victim.markers, *attacker.markers))


@pytest.mark.parametrize(
    "lengths",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Content-Length: 4", "Content-Length: 40"),
        ("Content-Length: -1",),
        ("Content-Length: 4x",),
        ("Transfer-Encoding: x",),
    ],
)
@pytest.mark.asvs("2.2.1")
@pytest.mark.case("A-81")
def test_no_second_request_hides_in_the_body_of_the_first(
    portal: Portal, cookie_of: Cookies, host: str, victim: Victim, lengths: tuple[str, ...]
) -> None:
    hidden = request("/en/orders", host, f"Cookie: {cookie_of(victim.email)}").decode()
    form = "Content-Type: application/x-www-form-urlencoded"
    answer = exchange(portal, request("/en/login", host, form, *lengths, method="POST", last=False, body=f"0\r\n\r\n{hidden}"))
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""
    assert not any(marker.encode() in answer for marker in victim.markers)


@pytest.mark.parametrize(
    "lines",
    [
        ("X-Long: " + "x" * 200_000,),
        tuple(f"X-{n}: {'x' * 50}" for n in range(4_000)),
        ("Cookie: " + "; ".join(f"a{n}=b" for n in range(20_000)),),
    ],
    ids=["one long line", "many lines", "many cookies"],
)
@pytest.mark.case("A-72")
def test_a_head_of_any_size_is_refused_or_read_and_the_next_one_is_answered(portal: Portal, host: str, lines: tuple[str, ...]) -> None:
    answer = exchange(portal, request("/en/login", host, *lines))
    assert answer[9:10] in {b"", b"2", b"4"}
    assert portal.ask("/healthz").status == 200


@pytest.mark.parametrize("name", ["evil.example", "localhost:1@evil.example", "evil.example:80", "", "[::1", "a b", "\xe9"])
@pytest.mark.asvs("3.7.2")
@pytest.mark.case("A-25")
def test_another_host_s_name_is_in_no_answer(portal: Portal, name: str) -> None:
    for path in ("/", "/en/login", "/en/orders", "/en/reset?token=aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/en/no-such"):
        for more in ((), ("X-Forwarded-Host: evil.example",), ("Forwarded: host=evil.example",)):
            answer = exchange(portal, request(path, f"Host: {name}", *more))
            assert not answer.startswith(b"HTTP/1.1 5"), path
            assert b"evil.example" not in answer, path


@pytest.mark.parametrize(
    "line", ["/en/orders\r\nX: y", "http://evil.example/en/login", "*", "en/login", "/en/\x00login", "//evil.example/en/"]
)
@pytest.mark.case("A-25", "A-81")
def test_an_odd_request_line_leads_nowhere_else(portal: Portal, host: str, line: str) -> None:
    answer = exchange(portal, request(line, host))
    assert not answer.startswith(b"HTTP/1.1 5")
    assert b"location: http" not in answer.lower()
    assert b"location: //" not in answer.lower()
