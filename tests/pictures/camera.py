"""A camera that takes pictures of screens which are the same every time and on every machine."""

import io
from collections.abc import Callable
from math import ceil, floor
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect

from tests.browser.conftest import live
from tests.chromium import add_session, new_context
from tests.pictures.portal import NOW
from tests.pictures.screens import Screen
from tests.server import Portal

# Position glyphs by the font's own metrics. Otherwise each machine's hinting rounds every advance width, and lines drift apart.
STILL = "*{text-rendering:geometricPrecision!important}"
TRIES = 20
_FONT_LOADED = """[...document.fonts].some((font) => font.status === "loaded")"""


class Camera:
    """Takes pictures of a portal's screens.

    Args:
        browser: a running Chromium.
        portal: a portal from `tests.pictures.portal.stopped`.
        cookies: returns a person's session cookie by email.
    """

    def __init__(self, browser: Browser, portal: Portal, cookies: Callable[[str], str]) -> None:
        """Store the arguments."""
        self.browser, self.portal, self.cookies = browser, portal, cookies
        self._tabs: dict[str, Page] = {}

    def open(self, screen: Screen) -> Page:
        """Open the page of a screen, ready for the picture; the caller closes its context."""
        page = new_context(self.browser, self.portal, size=screen.size).new_page()
        self._show(page, screen)
        return page

    def _show(self, page: Page, screen: Screen) -> None:
        page.context.clear_cookies()
        if screen.person:
            add_session(page.context, self.portal, self.cookies(screen.person))
        page.emulate_media(color_scheme=screen.scheme)
        page.clock.set_fixed_time(NOW)
        # The pointer may be over something after the screen before.
        page.mouse.move(0, 0)
        page.goto(f"/{screen.language}{screen.path}")
        if screen.person:
            live(page)
        if "open=" in screen.path:
            expect(page.get_by_role("dialog")).to_be_visible()
        if screen.first:
            screen.first(page)
        # Add this last, because `first` may have loaded another document.
        page.add_style_tag(content=STILL)
        page.evaluate("document.fonts.ready.then(() => null)")
        assert page.evaluate(_FONT_LOADED), "the portal's own font has not come"

    def take(self, screen: Screen) -> Image.Image:
        """Return the picture of a screen, taken in a tab that has the scripts and styles of screens of the same size."""
        if screen.size not in self._tabs:
            self._tabs[screen.size] = new_context(self.browser, self.portal, size=screen.size).new_page()
        page = self._tabs[screen.size]
        self._show(page, screen)
        return shot(page, screen)


def shot(page: Page, screen: Screen) -> Image.Image:
    """Return a picture of the screen's area, once two pictures in a row are the same.

    Raises:
        AssertionError: when the page keeps changing.
    """
    masks = [page.locator(selector) for selector in screen.masked]
    before = b""
    for _ in range(TRIES):
        now = page.screenshot(animations="disabled", caret="hide", clip=_clip(page, screen.area), mask=masks, mask_color="#888888")
        if now == before:
            return Image.open(io.BytesIO(now)).convert("RGB")
        before = now
    raise AssertionError(f"{screen.id} does not come to rest")


def _clip(page: Page, area: str) -> FloatRect | None:
    """Return the part of the window around all elements of the area, in whole pixels; None for the whole window."""
    window = page.viewport_size
    if not area or window is None:
        return None
    boxes = [box for element in page.locator(area).all() if (box := element.bounding_box())]
    assert boxes, f"nothing is {area}"
    left, top = max(floor(min(box["x"] for box in boxes)), 0), max(floor(min(box["y"] for box in boxes)), 0)
    right = min(ceil(max(box["x"] + box["width"] for box in boxes)), window["width"])
    bottom = min(ceil(max(box["y"] + box["height"] for box in boxes)), window["height"])
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def other_fonts(page: Page) -> set[str]:
    """Return the machine's own fonts used by the page, which another machine may not have."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root: dict[str, Any] = session.send("DOM.getDocument")["root"]
    found = set()
    for node in session.send("DOM.querySelectorAll", {"nodeId": root["nodeId"], "selector": "body *"})["nodeIds"]:
        for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]:
            if not font["isCustomFont"]:
                found.add(font["familyName"])
    session.detach()
    return found
