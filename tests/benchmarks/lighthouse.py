"""Lighthouse scores of four pages, as medians of several mobile runs and one desktop run.

Lighthouse's browser can send no session cookie, neither as a header nor with a socket's handshake, so every page would redirect to the
sign-in page. Its requests therefore pass through a small proxy that adds the cookie to each of them.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Row
from tests.benchmarks.weight import PAGES
from tests.server import free_port

VERSION = "13.5.0"
# A run takes ten seconds, and there are eight combinations; nearly every bar is for mobile.
MOST_RUNS = {"mobile": 3, "desktop": 1}
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
# The portal keeps search engines out on purpose, so the SEO category is left out.
CATEGORIES = ("performance", "accessibility", "best-practices")
BARS: dict[tuple[str, str], float] = {("mobile", "performance"): 97, ("mobile", "accessibility"): 100, ("desktop", "accessibility"): 100}


def _environment() -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": programs, "CHROME_PATH": shutil.which("chromium") or ""}


def _installed(folder: Path) -> Path:
    """Return the path of Lighthouse, after installing it by npm with the Node that builds the pages."""
    place = folder / f"lighthouse-{VERSION}"
    program = place / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not program.exists():
        sys.stderr.write("Installing Lighthouse.\n")
        place.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(place), "--no-audit", "--no-fund", "--loglevel", "error", f"lighthouse@{VERSION}"]
        subprocess.run(install, check=True, env=_environment(), stdin=subprocess.DEVNULL, stdout=sys.stderr)
    return program


class _CookieProxy:
    """A proxy to a local port that adds a cookie to every request without a body."""

    def __init__(self, target: int, cookie: str) -> None:
        self._target, self._cookie_header = target, f"\r\nCookie: {cookie}\r\n".encode() if cookie else b"\r\n"

    async def connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        # Either side may close the connection at any time.
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, back, b"GET "))
                both.create_task(self._forward(there, writer, b"never"))
        except* OSError:
            pass

    async def _forward(self, source: StreamReader, to: StreamWriter, request: bytes) -> None:
        while piece := await source.read(1 << 16):
            # A browser sends a request without a body in one piece.
            to.write(piece.replace(b"\r\n", self._cookie_header, 1) if piece.startswith(request) else piece)
            await to.drain()
        to.close()


@contextmanager
def _cookie_proxy(target: int, cookie: str) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    port = free_port()
    try:
        asyncio.run_coroutine_threadsafe(asyncio.start_server(_CookieProxy(target, cookie).connect, "127.0.0.1", port), loop).result()
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _scores(program: Path, address: str, cookie: str, device: str) -> dict[str, float]:
    """Run Lighthouse once and return the scores, from 0 to 100."""
    port = urlsplit(address).port or 0
    with _cookie_proxy(port, cookie) as door:
        flags = f"--chrome-flags={FLAGS} --host-rules='MAP localhost:{port} 127.0.0.1:{door}'"
        options = ["--quiet", flags, "--output=json", f"--only-categories={','.join(CATEGORIES)}"]
        preset = ["--preset=desktop"] if device == "desktop" else []
        command = ["node", str(program), address, *options, *preset]
        done = subprocess.run(command, check=True, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    if wrong := report.get("runtimeError"):
        raise RuntimeError(f"Lighthouse could not measure {address}: {wrong['message']}")
    if report["finalDisplayedUrl"] != address:
        raise RuntimeError(f"Lighthouse was to measure {address}, and measured {report['finalDisplayedUrl']}.")
    return {name: 100 * report["categories"][name]["score"] for name in CATEGORIES}


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the scores of four pages on mobile and desktop, with the session cookie for the signed-in pages."""
    program = _installed(bench.folder)
    for device in ("mobile", "desktop"):
        for page, path in PAGES.items():
            cookie = "" if page == "sign-in" else bench.cookie()
            address = bench.server.portal.url + path
            runs = [_scores(program, address, cookie, device) for _ in range(min(bench.runs, MOST_RUNS[device]))]
            for name in CATEGORIES:
                yield Row(f"{device}, {page}: {name}", "", median(run[name] for run in runs), least=BARS.get((device, name)))
