"""Debian's Chromium for tests, and browser contexts for pages of the portal."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, BrowserType, expect, sync_playwright

from tests.server import Portal

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "pc": (1440, 900)}
Scheme = Literal["light", "dark"]


def launch(kind: BrowserType, *flags: str) -> Browser:
    """Start Debian's Chromium, without a sandbox because tests run as root.

    Args:
        kind: Playwright's chromium. Take it from the `browser_type` of a running browser: Playwright cannot be started twice in a thread.
        flags: additional command-line flags.
    """
    found = shutil.which("chromium")
    assert found, "no chromium on the path: python -m tests installs it"
    return kind.launch(executable_path=found, args=[*QUIET, *flags])


@contextmanager
def launched() -> Iterator[Browser]:
    """Start Playwright and Chromium, and yield the browser."""
    # A busy test machine is slower than a person's computer.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


def new_context(
    browser: Browser, portal: Portal, cookie: str = "", size: str = "pc", scheme: Scheme = "light", script: bool = True
) -> BrowserContext:
    """Return a context for pages of the portal.

    Args:
        browser: a running Chromium.
        portal: the portal that addresses without scheme and host refer to.
        cookie: the session cookie `name=value` from `Portal.sign_in`; empty when no one is signed in.
        size: a key of `SIZES`; the phone and the tablet have touch.
        scheme: the system's colour scheme.
        script: whether JavaScript runs.
    """
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=portal.url,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        java_script_enabled=script,
        has_touch=size != "pc",
        is_mobile=size == "phone",
        reduced_motion="reduce",
        locale="fr-CA",
    )
    if cookie:
        add_session(context, portal, cookie)
    return context


def add_session(context: BrowserContext, portal: Portal, cookie: str) -> None:
    """Add the session cookie `name=value` from `Portal.sign_in` to a context."""
    name, value = cookie.split("=", 1)
    context.add_cookies([{"name": name, "value": value, "url": portal.url, "httpOnly": True, "sameSite": "Lax"}])
