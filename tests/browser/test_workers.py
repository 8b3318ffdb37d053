"""A journey on two workers that take turns behind one address, without a visible difference."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, live
from tests.server import FLEET, PASSWORD
from tests.workers.pair import Workers

FIRST = "#live tbody tr:first-child th"


def _sockets(workers: Workers, since: int = 0) -> list[int]:
    return [number for path, number in workers.balancer.requests[since:] if path.startswith("/_event")]


def _cut(workers: Workers, page: Page) -> None:
    """Cut the network for a moment, and check that the page comes back on the other worker."""
    before = len(workers.balancer.requests)
    left = workers.balancer.cut()
    assert len(left) == 1
    with page.expect_websocket():
        pass
    live(page)
    assert _sockets(workers, before) == [1 - left[0]]


@pytest.mark.case("F-16", "F-23")
def test_from_sign_in_to_sign_out_with_two_workers_in_turn(open_page: Open, workers: Workers) -> None:
    page = open_page(f"{workers.front.url}/en/login?next=%2Fen%2Forders%3Fsort%3Dnumber")
    page.get_by_label("Email").fill(FLEET)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    expect(live(page).locator("#live tbody tr")).to_have_count(10)
    lowest = page.locator(FIRST).inner_text()

    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Next").click()
    expect(page.locator(FIRST)).not_to_have_text(lowest)
    shown = page.locator(FIRST).inner_text()
    _cut(workers, page)
    expect(page).to_have_url(re.compile(r"page=2"))
    expect(page.locator(FIRST)).to_have_text(shown)

    page.locator("#live tbody tr").first.get_by_role("link", name="Details").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=f"Order {shown}")).to_be_visible()
    _cut(workers, page)
    expect(dialog.get_by_role("heading", name=f"Order {shown}")).to_be_visible()
    dialog.get_by_role("link", name="Next").click()
    expect(dialog.get_by_role("heading", name=f"Order {shown}")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.locator("#search").press_sequentially(shown[:4], delay=20)
    expect(page).to_have_url(re.compile(rf"q={shown[:4]}"))
    _cut(workers, page)
    expect(page.locator("#search")).to_have_value(shown[:4])
    page.locator("#search").press_sequentially(shown[4:], delay=20)
    expect(page.locator("#live tbody tr")).to_have_count(1)
    expect(page.locator(FIRST)).to_have_text(shown)

    other = page.context.new_page()
    other.goto(f"{workers.front.url}/fr/invoices")
    expect(live(other).locator("#live tbody tr")).to_have_count(10)
    page.locator("[popovertarget=user-menu]").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(other).to_have_url(re.compile(r"/fr/login\?.*next=%2Ffr%2Finvoices"))
    assert set(_sockets(workers)) == {0, 1}
