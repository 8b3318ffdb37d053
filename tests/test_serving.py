"""The server: its port, its shutdown, and which proxies it trusts for a client's address."""

import asyncio
import ctypes
import http.client
import re
import signal
import socket
import subprocess
import sys
import uuid
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import connect
from websockets.typing import Origin

from odoportal import serving
from odoportal.web.client_address import ClientAddressMiddleware, client_address
from tests.server import Portal

PROGRAM = """
import sys
import uuid
from pathlib import Path
from odoportal import serving
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["client"][0].encode()})
serving._application = lambda: app
taken = serving.listen("127.0.0.1", 0)
serving.serve(Path(sys.argv[1]), taken, lambda: print("port", taken.getsockname()[1], flush=True))
"""


def test_ready_is_said_once_requests_are_answered_and_a_signal_ends_it(tmp_path: Path) -> None:
    server = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.fullmatch(r"port (\d+)\n", server.stdout.readline())
        assert found
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=10)
        connection.request("GET", "/", headers={"X-Forwarded-For": "6.6.6.6"})
        answer = connection.getresponse()
        assert answer.read() == b"127.0.0.1"
        assert answer.getheader("server") is None
        connection.close()
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    finally:
        server.kill()
        server.wait()


ARENAS = """
import ctypes, signal, sys, threading
from pathlib import Path
from odoportal import serving
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
together = threading.Barrier(8)
def allocate():
    kept = bytearray(2_000)
    together.wait()
def report():
    threads = [threading.Thread(target=allocate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    signal.raise_signal(signal.SIGTERM)
serving._application = lambda: None
serving.serve(Path(sys.argv[1]), serving.listen("127.0.0.1", 0), report)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="only the GNU C library has arenas")
def test_all_threads_allocate_from_one_arena(tmp_path: Path) -> None:
    report = tmp_path / "arenas.xml"
    subprocess.run([sys.executable, "-c", ARENAS, str(tmp_path), str(report)], check=False)
    assert report.read_text().count("<heap ") == 1


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(serving.CannotServe, match=rf"^Port {port} on 127\.0\.0\.1 cannot be used .*--port\.$"):
            serving.listen("127.0.0.1", port)


def test_an_unknown_host_is_one_sentence() -> None:
    with pytest.raises(serving.CannotServe, match="no such host"):
        serving.listen("no such host", 8000)


def test_reflex_reads_the_names_it_is_given() -> None:
    from reflex_base.environment import environment

    names = serving.reflex_environment()
    assert {environment.REFLEX_SKIP_COMPILE.name, environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.name} < set(names)
    assert environment.REFLEX_ENV_MODE.name in names


@pytest.mark.asvs("4.1.3")
@pytest.mark.parametrize(
    ("forwarded", "hops", "address"),
    [
        ("1.1.1.1", 0, None),
        ("1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.1", 2, "1.1.1.1"),
        ("1.1.1.1", 2, None),
        ("", 1, None),
        (" , ", 1, None),
        ("198.51.100.10:4001", 1, "198.51.100.10"),
        ("[2001:DB8::1]:4001", 1, "2001:db8::1"),
        ("[2001:db8::1]", 1, "2001:db8::1"),
        ("2001:0db8:0:0:0:0:0:1", 1, "2001:db8::1"),
        ("fe80::1%eth0", 1, "fe80::1"),
        ("::ffff:198.51.100.10", 1, "198.51.100.10"),
        ("[::ffff:198.51.100.10]:4001", 1, "198.51.100.10"),
        ("unknown", 1, None),
        ("6.6.6.6, unknown", 1, None),
        ("198.51.100.10:4001x", 1, None),
        ("198.51.100.10:", 1, None),
        ("198.51.100.300", 1, None),
        ("[198.51.100.10", 1, None),
        ("_hidden", 1, None),
        ("1" * 5000, 1, None),
    ],
)
@pytest.mark.asvs("15.3.4")
@pytest.mark.case("A-09")
def test_client_address_is_what_our_outermost_proxy_saw(forwarded: str, hops: int, address: str | None) -> None:
    assert client_address(forwarded, hops) == address


def spelled(address: IPv4Address | IPv6Address, how: int, port: int) -> str:
    """Return an address in one of the spellings (`how`, 0 to 3) that proxies use."""
    if isinstance(address, IPv4Address):
        return (str(address), f"{address}:{port}", f"::ffff:{address}", f"[::FFFF:{address}]:{port}")[how]
    return (str(address).upper(), address.exploded, f"[{address.exploded}]:{port}", f"[{address}%eth0]:{port}")[how]


@pytest.mark.case("A-09")
@given(st.ip_addresses(), st.integers(0, 3), st.integers(0, 65535))
def test_an_address_is_one_and_the_same_however_it_is_spelled(address: IPv4Address | IPv6Address, how: int, port: int) -> None:
    same = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
    assert client_address(spelled(address, how, port), 1) == str(same)


@pytest.mark.case("A-09")
@given(st.text(max_size=40) | st.from_regex(r"[0-9a-f:.%\[\]]{1,40}", fullmatch=True))
def test_whatever_is_written_there_counts_as_an_address_or_not_at_all(text: str) -> None:
    found = client_address(text, 1)
    if found is not None:
        assert str(ip_address(found)) == found
        assert client_address(found, 1) == found


def seen_as(peer: str, hops: int, *forwarded: bytes) -> str:
    """Return the client address that the application sees."""
    clients: list[str] = []

    async def app(scope, _receive, _send) -> None:  # type: ignore[no-untyped-def]
        clients.append(scope["client"][0])

    scope = {"type": "http", "client": (peer, 1), "headers": [(b"X-Forwarded-For", line) for line in forwarded]}
    asyncio.run(ClientAddressMiddleware(app, hops)(scope, None, None))  # type: ignore[arg-type]
    return clients[0]


@pytest.mark.asvs("4.1.3")
@pytest.mark.parametrize(("hops", "seen"), [(0, "10.0.0.9"), (1, "1.1.1.1")])
def test_forged_header_is_read_only_behind_proxies(hops: int, seen: str) -> None:
    assert seen_as("10.0.0.9", hops, b"6.6.6.6", b"1.1.1.1") == seen


@pytest.mark.case("A-09")
@pytest.mark.parametrize("written", [b"unknown", b"198.51.100.10:x", b"\xff\xfe", b"<script>"])
def test_where_the_header_has_no_address_the_peer_counts(written: bytes) -> None:
    assert seen_as("10.0.0.9", 1, written) == "10.0.0.9"


def test_the_peer_has_one_spelling_too() -> None:
    assert seen_as("::ffff:10.0.0.9", 0) == "10.0.0.9"
    assert seen_as("fe80::1%eth0", 1) == "fe80::1"


@pytest.mark.parametrize("compression", ["deflate", None])
def test_messages_are_compressed_one_by_one_for_whoever_can_read_that(portal: Portal, compression: str | None) -> None:
    address = f"{portal.url.replace('http', 'ws', 1)}/_event/?token={uuid.uuid4()}&EIO=4&transport=websocket"
    with connect(address, origin=Origin(portal.url), compression=compression) as socket:
        assert str(socket.recv()).startswith("0{")
        agreed = str(socket.response and socket.response.headers.get("Sec-WebSocket-Extensions", ""))
    if compression is None:
        assert agreed == ""
    else:
        # Without these, the server would keep a compression context for every open tab.
        assert {"server_no_context_takeover", "client_no_context_takeover"} <= set(agreed.replace(" ", "").split(";"))
