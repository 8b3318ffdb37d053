"""Every page, at every size, in both languages and in both schemes, has no axe violations and fits the screen width."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCHEMES, Open, assert_accessible, axe_violations, collect_errors, live
from tests.chromium import SIZES, add_session, new_context
from tests.server import EMPTY, FLEET, LARGE, OVERDUE, READ_ONLY, Portal

PAGES = {
    "login": ("/login", ""),
    "forgot": ("/forgot", ""),
    "guide": ("/guide", ""),
    "home": ("/", FLEET),
    "home-long": ("/", OVERDUE),
    "orders": ("/orders", FLEET),
    "orders-empty": ("/orders", EMPTY),
    "orders-long": ("/orders", OVERDUE),
    "order": ("/orders?open=26140", FLEET),
    "order-missing": ("/orders?open=26367", FLEET),
    "invoices": ("/invoices", FLEET),
    "invoices-none": ("/invoices?q=zzz", FLEET),
    "invoice": ("/invoices?open=211702", FLEET),
    "devices": ("/devices", FLEET),
    "devices-long": ("/devices", OVERDUE),
    "devices-none": ("/devices?q=zzz", FLEET),
    "devices-empty": ("/devices", EMPTY),
    "device": ("/devices?open=4201054", FLEET),
    "device-of-another": ("/devices?open=5011870", FLEET),
    "assign": ("/devices/assign", FLEET),
    "cards-empty": ("/cards", FLEET),
    "profile": ("/profile", FLEET),
    "people": ("/profile/people", LARGE),
    "person": ("/profile/people?open=6", LARGE),
    "people-read-only": ("/profile/people", READ_ONLY),
    "notices": ("/profile/notices", FLEET),
    "security": ("/profile/security", FLEET),
    "changes": ("/profile/changes", LARGE),
    "addresses": ("/addresses", FLEET),
    "addresses-empty": ("/addresses?state=removed", FLEET),
    "addresses-read-only": ("/addresses", READ_ONLY),
    "address-canada": ("/addresses/edit", FLEET),
    "address-japan": ("/addresses/edit?country=JP", FLEET),
    "statement": ("/statement", FLEET),
    "statement-empty": ("/statement", EMPTY),
    "help": ("/help", FLEET),
}


def _wait_until_live(page: Page, email: str) -> None:
    """Wait until the page is live, if a person is signed in, and its dialog is shown, if the address opens one."""
    if email:
        live(page)
    if "open=" in page.url:
        expect(page.get_by_role("dialog")).to_be_visible()


@pytest.fixture(scope="module", params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def errors() -> list[str]:
    """Return the list of console errors and warnings of the tab."""
    return []


@pytest.fixture(scope="module")
def tab(size: str, errors: list[str], portal: Portal, chromium: Browser) -> Iterator[Page]:
    """Yield a tab that shows one page after another, so that each finds the scripts and styles of the one before."""
    context = new_context(chromium, portal, size=size)
    page = context.new_page()
    collect_errors(page, errors)
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.case("A-87")
def test_a_page_is_accessible_and_fits(
    portal: Portal, tab: Page, errors: list[str], cookies: Callable[[str], str], size: str, name: str
) -> None:
    path, email = PAGES[name]
    errors.clear()
    tab.context.clear_cookies()
    if email:
        add_session(tab.context, portal, cookies(email))
    for language, scheme in SCHEMES[size]:
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
        tab.goto(f"/{language}{path}")
        _wait_until_live(tab, email)
        assert_accessible(tab)
    assert errors == []


def test_the_menus_and_the_drawer_are_accessible(open_page: Open) -> None:
    page = open_page("/fr/invoices", FLEET, size="phone")
    _wait_until_live(page, FLEET)
    for target in ("drawer", "user-menu", "language-menu", "filters"):
        page.locator(f"[popovertarget={target}]:visible").first.click()
        expect(page.locator(f"#{target}")).to_be_visible()
        assert axe_violations(page) == [], target
        page.keyboard.press("Escape")
        expect(page.locator(f"#{target}")).to_be_hidden()


def test_an_unknown_address_is_told_in_its_language_without_script(open_page: Open) -> None:
    for language, words in (("fr", "Cette page n’existe pas"), ("en", "This page does not exist")):
        page = open_page(f"/{language}/nowhere", script=False)
        expect(page.get_by_role("heading", name=words)).to_be_visible()


def test_the_documents_rows_are_the_live_rows(open_page: Open) -> None:
    """The rows that the server writes and the live rows that replace them have the same text."""
    for path in ("/fr/orders", "/en/invoices?state=overdue", "/fr/"):
        still = open_page(path, FLEET, script=False).locator("main").inner_text()
        page = open_page(path, FLEET)
        _wait_until_live(page, FLEET)
        # The time in "as of" may differ between the two.
        assert _without_time(page.locator("main").inner_text()) == _without_time(still)


def _without_time(text: str) -> list[str]:
    """Return each line once: the live page repeats the count of entries for screen readers."""
    return [
        line for line in dict.fromkeys(text.splitlines()) if line.strip() and not line.startswith(("as of", "à jour à", "Show", "Afficher"))
    ]
