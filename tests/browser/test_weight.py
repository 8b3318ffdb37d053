"""Size and number of requests of a page, as the browser counts them. The bars are exact, because bytes do not depend on the machine."""

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.benchmarks.weight import KIB, MOST_KIB, track_weight, visit
from tests.browser.conftest import Open, live
from tests.server import FLEET

MOST_REQUESTS = 13
MOST_SCRIPT_KIB = 141


def new_tab(page: Page) -> Page:
    """Open a new tab in the same profile, so that the visit is weighed from its first byte."""
    return page.context.new_page()


@pytest.mark.parametrize("path", ["/en/login", "/en/", "/en/orders", "/fr/invoices", "/fr/statement"])
def test_a_first_visit_is_light_and_a_second_fetches_the_document_only(open_page: Open, path: str) -> None:
    signed_in = not path.endswith("/login")
    start = open_page("/healthz", FLEET if signed_in else "")
    base = start.url.removesuffix("/healthz")
    first = visit(new_tab(start), base + path, live=signed_in)
    assert first.total <= MOST_KIB * KIB, dict(first.size)
    assert first.size["Script"] + first.size["Stylesheet"] <= MOST_SCRIPT_KIB * KIB, dict(first.size)
    assert len(first.requests) <= MOST_REQUESTS, first.requests
    assert first.size["Stylesheet"] == 0, "the sheet is in the document"
    again = visit(new_tab(start), base + path, live=signed_in)
    assert again.requests == [base + path]


def test_a_page_of_the_list_is_fetched_without_a_request(open_page: Open) -> None:
    page = live(open_page("/en/orders", FLEET))
    weight = track_weight(page)
    page.locator(".pager").get_by_role("link", name="Next page").click()
    expect(page.get_by_text("Showing 11 to 20 of 57 entries").first).to_be_visible()
    assert weight.requests == []
    assert weight.total <= 4 * KIB


@pytest.mark.parametrize("size", ["phone", "pc"])
def test_the_paper_has_the_rows_whatever_the_screen_showed(open_page: Open, size: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = live(open_page("/en/orders", FLEET, size=size))
    number = page.locator("[data-row]:visible").first.get_attribute("data-row")
    file = tmp_path_factory.mktemp("paper") / "orders.pdf"
    page.pdf(path=file, format="Letter")
    text = "".join(sheet.extract_text() for sheet in PdfReader(file).pages)
    assert number
    assert number in text
    assert page.locator("[data-row]").count() == 10, "the other drawing is gone again"
