"""Pages that the browser translates: Chrome puts each text into an element of its own, and every later text must still be shown."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, live
from tests.server import LARGE

TRANSLATE = """
() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode())
        if (texts.currentNode.data.trim() && !texts.currentNode.parentNode.closest("script, style, option, textarea"))
            found.push(texts.currentNode);
    for (const text of found) {
        const outer = document.createElement("font"), inner = document.createElement("font");
        inner.textContent = text.data;
        outer.append(inner);
        text.replaceWith(outer);
    }
    return found.length;
}
"""


def translate(page: Page) -> None:
    """Replace every text node as Chrome's translation does; the words stay the same."""
    assert page.evaluate(TRANSLATE) > 50


def test_every_text_that_changes_is_shown_on_a_translated_page(open_page: Open) -> None:
    page = live(open_page("/en/invoices", LARGE))
    expect(page.get_by_text("of 9,000 entries").first).to_be_visible()
    translate(page)
    page.get_by_role("link", name="Next page").first.click()
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.get_by_text("Showing 11 to 20 of 9,000 entries").first).to_be_visible()
    translate(page)
    first = page.locator("table.list tbody th").first.inner_text()
    page.locator("#search").fill(first)
    expect(page.get_by_text("Showing 1 to 1 of 1").first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("9,000")
    translate(page)
    page.locator("#search").fill("zzz")
    expect(page.get_by_role("heading", name="No invoice matches “zzz”")).to_be_visible()
    translate(page)
    page.locator("#search").fill("yyy")
    expect(page.get_by_role("heading", name="No invoice matches “yyy”")).to_be_visible()
    page.locator("#search").fill("")
    expect(page.get_by_role("heading", level=1)).to_contain_text("9,000")


def test_the_details_of_a_translated_page_are_those_of_the_record(open_page: Open) -> None:
    page = live(open_page("/en/invoices", LARGE))
    translate(page)
    for row in range(2):
        number = page.locator("table.list tbody tr").nth(row).locator("th").inner_text()
        if row == 0:
            page.locator("table.list tbody tr").nth(row).get_by_role("link", name="Details").click()
        else:
            page.get_by_role("dialog").get_by_role("link", name="Next").click()
        expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(f"Invoice {number}")
        translate(page)
