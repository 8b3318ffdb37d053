"""A room's styles come with its document, or with the script of its pages when a link or Back leads there: no frame is without them."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, live
from tests.server import FLEET

# The way through every room that has a style sheet, by links only; with an element of the room, and a style that only its sheet sets.
ROOMS = (
    ("/en/", ".dashboard-grid", "display", "grid"),
    ("/en/orders", ".orders-agreement", "display", "grid"),
    ("/en/invoices", ".invoices-paid", "display", "flex"),
    ("/en/statement", ".statements-period", "display", "flex"),
    ("/en/addresses", ".addresses-book tbody > tr > td", "vertical-align", "middle"),
    ("/en/cards", ".cards-card", "display", "grid"),
    ("/en/profile", "", "", ""),
    ("/en/profile/people", ".people-rights tbody th", "font-weight", "400"),
    ("/en/profile", "", "", ""),
    ("/en/profile/security", ".security-list > li", "display", "flex"),
    ("/en/profile", "", "", ""),
    ("/en/profile/data", ".privacy-bullets", "list-style-type", "disc"),
)
STYLED = tuple(room for room in ROOMS if room[1])
# Before each frame, note the sentinels that are on the page, and those that have not their room's style.
PROBE = """(sentinels) => {
  window.seen = {}; window.unstyled = [];
  const look = () => {
    for (const [, selector, property, value] of sentinels)
      for (const element of document.querySelectorAll(selector)) {
        window.seen[selector] = (window.seen[selector] ?? 0) + 1;
        if (getComputedStyle(element).getPropertyValue(property) !== value) window.unstyled.push(selector);
      }
    requestAnimationFrame(look);
  };
  look();
}"""


def probe(page: Page) -> Page:
    page.evaluate(PROBE, [list(room) for room in STYLED])
    return page


def found(page: Page) -> tuple[set[str], set[str]]:
    """Return the sentinels that the probe saw, and those of them that were without their style in any frame."""
    seen, unstyled = page.evaluate("[Object.keys(window.seen), window.unstyled]")
    return set(seen), set(unstyled)


def arrive(page: Page, room: tuple[str, str, str, str]) -> None:
    expect(page).to_have_url(re.compile(f"{room[0]}$"))
    expect(page.locator(room[1] or "main h1").first).to_be_visible()
    # The element is there before the frame that draws it. The probe, asked for earlier, comes first in that frame.
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => drawn()))")


def follow(page: Page, room: tuple[str, str, str, str]) -> None:
    # Dispatched, because a link may be in a menu that is closed.
    page.locator(f'a[href="{room[0]}"]').first.dispatch_event("click")
    arrive(page, room)


@pytest.mark.parametrize("start", [0, 5])
def test_every_room_is_styled_at_its_first_frame(open_page: Open, start: int) -> None:
    """Go from one room through all others, then load the last one anew and go Back: its document has no other room's styles."""
    way = [*ROOMS[start:], *ROOMS[:start]]
    page = probe(live(open_page(way[0][0], FLEET)))
    arrive(page, way[0])
    for room in way[1:]:
        follow(page, room)
    assert found(page) == ({room[1] for room in STYLED}, set())
    page.reload()
    probe(live(page))
    for room in reversed(way[:-1]):
        page.evaluate("history.back()")
        arrive(page, room)
    assert found(page) == ({room[1] for room in STYLED}, set())


def test_a_document_has_the_styles_of_its_own_room_only(open_page: Open) -> None:
    page = open_page("/en/orders", FLEET, script=False)
    assert page.locator("style[data-href]").evaluate_all("(all) => all.map((style) => style.dataset.href)") == ["orders"]
    assert open_page("/en/nowhere").locator("style[data-href]").count() == 0


def test_the_probe_sees_a_room_without_its_styles(open_page: Open) -> None:
    page = live(open_page("/en/", FLEET))

    def without_styles(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("@layer rooms{", "@layer rooms{@media not all{"))

    page.route("**/assets/page-*.js", without_styles)
    follow(probe(page), ROOMS[2])
    assert found(page)[1] == {ROOMS[2][1]}
