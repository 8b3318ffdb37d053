"""The server stops and comes back while pages are open, in the same version or a newer one."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from odoportal.frontend import builder
from tests.browser.conftest import Open, axe_violations, live
from tests.chromium import SIZES
from tests.server import FLEET, Portal, free_port, running

LOST = {"en": "Connection lost.", "fr": "Connexion perdue."}
NEWER = {"en": "A new version of the portal is available.", "fr": "Une nouvelle version du portail est disponible."}
RELOAD = {"en": "Reload the page", "fr": "Recharger la page"}
NO_SOCKET = "WebSocket = class extends WebSocket { constructor(to) { super(to.replace('_event', 'fonts/none')); } };"
NOTICE = ".notice-banner.notice-floating"


class Server:
    """A portal that stops and starts at the same address."""

    def __init__(self, data: Path) -> None:
        self.data, self.port, self._stack = data, free_port(), ExitStack()
        self.portal = self.start()

    def start(self) -> Portal:
        return self._stack.enter_context(running(self.data, port=self.port))

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("restarted") / "data")
    yield made
    made.stop()


@pytest.fixture
def opened(server: Server, chromium: Browser) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []
    name, value = server.portal.sign_in(FLEET, keep="1").split("=", 1)

    def open_(path: str, size: str = "pc", scheme: str = "light") -> Page:
        width, height = SIZES[size]
        context = chromium.new_context(
            base_url=server.portal.url,
            viewport={"width": width, "height": height},
            is_mobile=size == "phone",
            reduced_motion="reduce",
            color_scheme=scheme,  # pyright: ignore[reportArgumentType]
        )
        contexts.append(context)
        context.add_cookies([{"name": name, "value": value, "url": server.portal.url, "httpOnly": True, "sameSite": "Lax"}])
        page = context.new_page()
        page.goto(path)
        return live(page)

    yield open_
    for context in contexts:
        context.close()


def _minutes(element: Locator) -> int:
    hours, minutes = re.findall(r"(\d{1,2})\sh\s(\d{2})", element.inner_text())[0]
    return int(hours) * 60 + int(minutes)


@pytest.mark.case("F-16")
def test_a_duplicated_tab_works_beside_the_one_it_was_made_from(opened: Callable[..., Page]) -> None:
    page = opened("/en/orders")
    with page.expect_popup() as popup:
        # Like "Duplicate tab", this copies the tab's session storage, including its token.
        page.evaluate("() => void window.open(location.href)")
    copied = live(popup.value)
    token = "sessionStorage.getItem('token')"
    assert copied.evaluate(token) != page.evaluate(token)
    first = page.locator("tbody th").first.inner_text()
    for tab in (copied, page):
        tab.get_by_role("link", name="Next page").click()
        expect(tab).to_have_url(re.compile(r"page=2"))
        expect(tab.locator("tbody th").first).not_to_have_text(first)
        live(tab)
    rows = page.locator("tbody tr")
    expect(copied.locator("tbody tr")).to_have_text(rows.all_inner_texts(), use_inner_text=True)
    # A reload keeps the token that the copied tab was given.
    new_token = copied.evaluate(token)
    copied.reload()
    live(copied)
    assert copied.evaluate(token) == new_token


@pytest.mark.case("F-14")
@pytest.mark.case("F-16")
def test_without_the_server_the_rows_stay_and_what_needs_it_is_off(server: Server, opened: Callable[..., Page]) -> None:
    page = opened("/en/orders?sort=number&page=2")
    rows = page.locator("#live tbody tr")
    expect(rows).to_have_count(10)
    numbers = page.locator("#live tbody th").all_inner_texts()
    link = page.locator("#live thead").get_by_role("link").first
    select = page.locator("select[name=size]").first
    phone = opened("/fr/orders", "phone", "dark")
    expect(phone.locator("#live .table-card")).to_have_count(10)
    server.stop()
    for tab, language in ((page, "en"), (phone, "fr")):
        expect(tab.locator(NOTICE)).to_contain_text(LOST[language])
        # Every page shows times in the person's own format (Josée's is French) and the portal's time zone, as the list does.
        expect(tab.locator(NOTICE)).to_contain_text(re.compile(r"\d{1,2} h \d{2}"))
        expect(tab.locator("#live .list-foot .list-asof")).to_be_visible()
        assert abs(_minutes(tab.locator(NOTICE)) - _minutes(tab.locator("#live .list-foot .list-asof"))) % (24 * 60 - 30) < 30
        assert axe_violations(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    expect(link).to_have_attribute("aria-disabled", "true")
    expect(select).to_be_disabled()
    address = page.url
    link.click(force=True)
    page.locator("#search").press_sequentially("263", delay=5)
    page.locator("#search").press("Enter")
    assert page.url == address
    assert page.locator("#live tbody th").all_inner_texts() == numbers
    server.start()
    for tab in (page, phone):
        expect(tab.locator(NOTICE)).to_have_count(0)
    # The text typed meanwhile is searched now.
    expect(page).to_have_url(re.compile(r"q=263"))
    expect(page.locator("#search")).to_have_value("263")
    expect(select).to_be_enabled()
    expect(page.locator("[data-held], [aria-disabled=true]:not(.pager-off)")).to_have_count(0)


@pytest.mark.case("F-14")
@pytest.mark.case("F-15")
@pytest.mark.case("F-24")
def test_a_restart_leaves_page_filter_scroll_dialog_and_what_is_open_as_they_are(server: Server, opened: Callable[..., Page]) -> None:
    page = opened("/en/orders?sort=number&page=2&size=25")
    expect(page.locator("#live tbody tr")).to_have_count(25)
    page.evaluate("window.scrollTo(0, 300)")
    with_dialog = opened("/en/orders?sort=number&open=26140")
    dialog = with_dialog.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Order 26140")).to_be_visible()
    # No part of the list may be removed and inserted again, not even for one frame.
    for tab in (page, with_dialog):
        tab.evaluate(
            """() => {
                window.gone = 0;
                const lost = (node) => node.matches?.("tr, table, #live, .dialog, [data-row]");
                const count = (all) => { for (const one of all) window.gone += [...one.removedNodes].filter(lost).length; };
                new MutationObserver(count).observe(document.body, {childList: true, subtree: true});
            }"""
        )
    server.stop()
    for tab in (page, with_dialog):
        expect(tab.locator(NOTICE)).to_be_visible()
    server.start()
    for tab in (page, with_dialog):
        expect(tab.locator(NOTICE)).to_have_count(0)
    assert page.evaluate("window.scrollY") == 300
    expect(page.locator("#live tbody tr")).to_have_count(25)
    expect(dialog.get_by_role("heading", name="Order 26140")).to_be_visible()
    assert [tab.evaluate("window.gone") for tab in (page, with_dialog)] == [0, 0]
    page.locator("#live").get_by_role("link", name="Page 1", exact=True).click()
    expect(page).to_have_url(re.compile(r"/en/orders\?sort=number&size=25$|page=1"))
    expect(page.locator("#live tbody tr")).to_have_count(25)


def _serve_older_version(route: Route) -> None:
    answer = route.fetch()
    headers = {**answer.headers, "cache-control": "no-store"}
    text = answer.text().replace(builder.version_of(builder.root()), "0123456789ab")
    # Keep the changed scripts out of the browser's cache: unlike those of a real older build, they have the current file names.
    route.fulfill(response=answer, headers=headers, body=re.sub(r'(stateSchema[`"\']?\s*[:=]\s*[`"\'])[0-9a-f]+', r"\g<1>0", text))


def _open_older_version(open_page: Open, path: str) -> Page:
    page = open_page("/healthz", FLEET)
    page.route("**/assets/*.js", _serve_older_version)
    page.goto(path)
    page.evaluate("window.same = true")
    live(page)
    expect(page.locator(NOTICE)).to_be_visible()
    return page


@pytest.fixture
def open_without_socket(open_page: Open, allowed_messages: list[str]) -> Open:
    """Return `open_page` for pages on which the browser warns about a socket."""
    allowed_messages.append("WebSocket connection to")
    return open_page


@pytest.mark.case("F-14")
@pytest.mark.parametrize("language", NEWER)
def test_a_page_of_an_older_version_asks_and_does_not_reload_by_itself(open_page: Open, language: str) -> None:
    page = _open_older_version(open_page, f"/{language}/orders")
    notice = page.locator(NOTICE)
    expect(notice).to_contain_text(NEWER[language])
    assert axe_violations(page) == []
    expect(page.get_by_text("A new version of this app is available.")).to_be_hidden()
    page.locator("#search").fill("26140")
    expect(page.locator("#live tbody tr")).to_have_count(1)
    assert page.evaluate("window.same")
    page.unroute_all()
    notice.get_by_role("button", name=RELOAD[language]).click()
    page.wait_for_url(re.compile(r"q=26140"))
    live(page)
    expect(page.locator("#search")).to_have_value("26140")
    expect(notice).to_have_count(0)
    assert not page.evaluate("window.same")


@pytest.mark.case("F-14")
def test_the_next_link_of_a_page_of_an_older_version_loads_the_newer(open_page: Open) -> None:
    page = _open_older_version(open_page, "/en/orders")
    page.unroute_all()
    page.locator(".shell > nav.shell-side").get_by_role("link", name="Invoices").click()
    expect(page).to_have_url(re.compile(r"/en/invoices$"))
    live(page)
    expect(page.locator(NOTICE)).to_have_count(0)
    assert not page.evaluate("window.same")
    # Control: a page of the current version follows a link without loading a document.
    page.evaluate("window.same = true")
    page.locator(".shell > nav.shell-side").get_by_role("link", name="Orders").click()
    expect(page.locator("#live tbody th").first).to_have_text(re.compile(r"^26\d{3}$"))
    assert page.evaluate("window.same")


@pytest.mark.case("F-16")
def test_where_no_socket_comes_to_be_the_pages_work_as_plain_ones(open_without_socket: Open) -> None:
    page = open_without_socket("/healthz", FLEET)
    page.add_init_script(NO_SOCKET)
    page.goto("/en/orders")
    expect(page.locator(NOTICE)).to_contain_text(LOST["en"])
    page.locator(".layout-first thead").get_by_role("link", name="End date").click()
    expect(page).to_have_url(re.compile(r"sort="))
    expect(page.locator(".layout-first tbody tr")).to_have_count(10)
    page.locator(".shell > nav.shell-side").get_by_role("link", name="Invoices").click()
    expect(page.get_by_role("heading", name="Invoices")).to_be_visible()
    expect(page.locator(".layout-first tbody tr")).to_have_count(10)


@pytest.mark.parametrize("popover", ["user-menu", "filters"])
def test_a_menu_opened_before_the_script_stays_open(open_page: Open, popover: str) -> None:
    page = open_page("/healthz", FLEET)
    page.route("**/assets/*.js", lambda route: (page.wait_for_selector(f"#{popover}:popover-open"), route.continue_())[1])
    page.goto("/en/invoices", wait_until="commit")
    page.locator(f"[popovertarget={popover}]:visible").click()
    if popover == "filters":
        page.locator("#filter-from").fill("2020-09-01")
    live(page)
    expect(page.locator(f"#{popover}")).to_be_visible()
    if popover == "filters":
        expect(page.locator("#filter-from")).to_have_value("2020-09-01")
