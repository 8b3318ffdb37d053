"""Shutdown of the portal: requests that have begun are completed, and no new ones are accepted."""

import asyncio
import http.client
import io
import os
import signal
import socket
import zipfile
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.attack.wire import tab
from tests.server import FLEET, LARGE, PASSWORD, Portal, running


def refuses_connections(port: int) -> bool:
    """Return whether the port refuses new connections."""
    try:
        socket.create_connection(("localhost", port), 5).close()
    except OSError:
        return True
    return False


def wait_until_refused(port: int) -> None:
    for _ in range(100_000):
        if refuses_connections(port):
            return
    raise AssertionError("it goes on taking connections")


def half_a_sign_in(portal: Portal) -> tuple[socket.socket, bytes]:
    """Send the beginning of a sign-in form, and return the connection and the rest of the form."""
    body = urlencode({"email": FLEET, "password": PASSWORD}).encode()
    line = socket.create_connection(("localhost", urlsplit(portal.url).port), 30)
    head = f"POST /en/login HTTP/1.1\r\nHost: {urlsplit(portal.url).netloc}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:9])
    return line, body[9:]


@pytest.mark.case("F-28")
def test_what_was_begun_is_ended_and_nothing_new_is_taken(tmp_path: Path) -> None:
    async def run(portal: Portal) -> None:
        cookie = portal.sign_in(LARGE)
        port = urlsplit(portal.url).port
        assert port
        async with tab(portal.url, cookie) as page:
            gone = asyncio.Event()
            page.socket.on("disconnect", lambda *_: gone.set(), namespace="/_event")
            await page.load("/en/orders")
            file = http.client.HTTPConnection("localhost", port, timeout=30)
            form = urlencode({"all": "1", "query": "state=overdue"})
            file.request("POST", "/en/invoices.zip", form, {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
            answer = file.getresponse()
            assert answer.status == 200
            begun = answer.read(100)
            line, rest = half_a_sign_in(portal)
            # Once this request is answered, the server has also seen the one before it.
            assert portal.ask("/healthz").status == 200
            os.kill(portal.pid, signal.SIGTERM)
            await asyncio.to_thread(wait_until_refused, port)
            line.sendall(rest)
            whole = begun + answer.read()
            assert zipfile.ZipFile(io.BytesIO(whole)).testzip() is None
            assert line.makefile("rb").readline().startswith(b"HTTP/1.1 303")
            async with asyncio.timeout(30):
                await gone.wait()

    with running(tmp_path / "data") as portal:
        asyncio.run(run(portal))
        with portal.engine().connect() as connection:
            signed_in = connection.exec_driver_sql("SELECT count(*) FROM browser_session").scalar_one()
    assert signed_in == 2
    assert not [line for line in portal.log.splitlines() if "Traceback" in line or "ERROR" in line]
