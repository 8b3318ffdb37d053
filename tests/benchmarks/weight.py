"""Size of a page on the wire, headers included, and what a repeat visit still fetches."""

import shutil
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Row
from tests.chromium import QUIET

KIB = 1024
MOST_KIB = 185
PAGES = {"sign-in": "/en/login", "home": "/en/", "orders": "/en/orders", "invoices": "/en/invoices"}
# Pages whose rows are replaced by live ones; the sign-in page is live as soon as it is there.
LIVE = {"home", "orders", "invoices"}


@dataclass
class Weight:
    """The bytes transferred by kind (`Document`, `Script`, `Stylesheet`, `Font`, `Image`, `socket`), and the addresses requested.

    Answers from the browser's cache do not count as requests.
    """

    size: Counter[str] = field(default_factory=Counter)
    requests: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The bytes of all kinds together."""
        return self.size.total()


def track_weight(page: Page) -> Weight:
    """Count what the page loads from now on; the returned object is updated as data arrives."""
    weight = Weight()
    kinds: dict[str, tuple[str, str]] = {}
    # Assumed for a socket that is already open; `tests.test_serving` shows that the portal's sockets are compressed.
    compressed = [True]
    session = page.context.new_cdp_session(page)

    def on_request(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"], event["request"]["url"]

    def on_finished(event: dict[str, Any]) -> None:
        # What was asked for before the counting began may arrive during it.
        if event["requestId"] not in kinds:
            return
        kind, url = kinds[event["requestId"]]
        weight.size[kind] += int(event["encodedDataLength"])
        # Answers from a cache or from the address itself (`data:`) transfer no bytes.
        if event["encodedDataLength"]:
            weight.requests.append(url)

    def on_handshake(event: dict[str, Any]) -> None:
        compressed.append("permessage-deflate" in str(event["response"]["headers"]))

    def on_frame(event: dict[str, Any]) -> None:
        # The browser reports messages uncompressed; on the wire each is compressed separately.
        payload = event["response"]["payloadData"].encode()
        weight.size["socket"] += len(zlib.compress(payload, wbits=-zlib.MAX_WBITS)) if compressed[-1] else len(payload)

    session.on("Network.requestWillBeSent", on_request)
    session.on("Network.loadingFinished", on_finished)
    session.on("Network.webSocketHandshakeResponseReceived", on_handshake)
    session.on("Network.webSocketFrameReceived", on_frame)
    session.on("Network.webSocketFrameSent", on_frame)
    session.send("Network.enable")
    return weight


def visit(page: Page, address: str, live: bool) -> Weight:
    """Load a page, wait until nothing more arrives, and return its weight."""
    weight = track_weight(page)
    page.goto(address, wait_until="networkidle")
    if live:
        expect(page.locator(".layout-first")).to_have_count(0)
    return weight


def _measured(context: BrowserContext, name: str, address: str) -> Iterator[Row]:
    # Use a new page for each visit: both share the cache of the context.
    first, again = (visit(context.new_page(), address, name in LIVE) for _ in range(2))
    size = first.size
    yield Row(f"{name}: all", "KiB", first.total / KIB, most=MOST_KIB)
    yield Row(f"{name}: script, style", "KiB", (size["Script"] + size["Stylesheet"]) / KIB)
    yield Row(f"{name}: document, rows and styles in it", "KiB", size["Document"] / KIB)
    yield Row(f"{name}: requests", "", len(first.requests))
    yield Row(f"{name}: repeat visit, all", "KiB", again.total / KIB)


def measure(bench: Bench) -> Iterator[Row]:
    """Measure each page in a fresh profile, then again in the same one."""
    portal = bench.server.portal
    name, value = bench.cookie().split("=", 1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        for title, path in PAGES.items():
            context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-CA")
            if title != "sign-in":
                context.add_cookies([{"name": name, "value": value, "url": portal.url, "httpOnly": True, "sameSite": "Lax"}])
            yield from _measured(context, title, portal.url + path)
            context.close()
        browser.close()
