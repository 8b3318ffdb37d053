"""The list used like a desktop program: search, sorting, pages, dialog, Back, and keyboard only."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open, live
from tests.server import FLEET, LARGE


def test_search_by_amount_in_the_large_account(open_page: Open) -> None:
    page = live(open_page("/en/invoices", LARGE))
    expect(page.get_by_text("of 9,000 entries").first).to_be_visible()
    amount = page.locator("table.list tbody tr").nth(3).locator("td.r").inner_text()
    page.locator("#search").press_sequentially(amount, delay=20)
    expect(page).to_have_url(re.compile(r"q=%24"))
    expect(page.locator("#live tbody tr td.r").first).to_have_text(amount)
    expect(page.locator("#search")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Showing")).to_have_count(1)


def test_an_older_answer_never_overwrites_a_newer_one(open_page: Open) -> None:
    page = live(open_page("/fr/orders", FLEET))
    expect(page.locator("#live tbody tr")).to_have_count(10)
    field = page.locator("#search")
    field.press_sequentially("263", delay=5)
    field.press_sequentially("59", delay=5)
    expect(page.locator("#live tbody tr")).to_have_count(1)
    expect(page.locator("#live tbody th")).to_have_text("26359")
    field.fill("zzz")
    expect(page.get_by_role("heading", name="Aucune commande ne correspond à « zzz »")).to_be_visible()
    page.get_by_role("link", name="Effacer la recherche et les filtres").click()
    expect(page.locator("#live tbody tr")).to_have_count(10)
    expect(field).to_have_value("")


def test_next_in_the_dialog_crosses_the_page_and_back_closes_it_once(open_page: Open) -> None:
    page = live(open_page("/en/orders?sort=number", FLEET))
    expect(page.locator("#live tbody tr")).to_have_count(10)
    last = page.locator("#live tbody tr").nth(9)
    number = last.locator("th").inner_text()
    last.get_by_role("link", name="Details").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=f"Order {number}")).to_be_visible()
    dialog.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile(r"page=2"))
    expect(dialog.get_by_role("heading", name=f"Order {number}")).to_be_hidden()
    shown = dialog.get_by_role("heading", level=2).inner_text().removeprefix("Order ")
    expect(page.locator("#live tbody th", has_text=shown)).to_have_count(1)
    page.go_back()
    expect(dialog).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/en/orders\?sort=number$"))


def test_a_shared_dialog_address_closes_to_its_list(open_page: Open) -> None:
    page = live(open_page("/en/orders?open=26140", FLEET))
    expect(page.get_by_role("dialog").get_by_role("heading", name="Order 26140")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/en/orders\??$"))
    page.goto("/en/orders?open=26367")
    expect(page.get_by_role("dialog").get_by_role("heading", name="Order not found").first).to_be_visible()


def test_the_keyboard_alone_is_enough(open_page: Open) -> None:
    page = live(open_page("/en/orders", FLEET))
    expect(page.locator("#live tbody tr")).to_have_count(10)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("26140")
    expect(page.locator("#live tbody tr")).to_have_count(1)
    page.locator("#search").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Order 26140")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#live [data-open='26140']:visible")).to_be_focused()


def test_an_open_dialog_keeps_the_keyboard_and_a_press_beside_it_closes_it(open_page: Open) -> None:
    page = live(open_page("/en/orders", FLEET))
    expect(page.locator("#live tbody tr")).to_have_count(10)
    page.locator("#live tbody").get_by_role("link", name="Details").first.click()
    dialog = page.locator(".dialog:not([aria-busy])")
    expect(dialog).to_be_focused()
    for _ in range(dialog.locator("a[href], button").count() + 2):
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement === document.body || !!document.activeElement.closest('.dialog')")
    expect(page.locator("header.header[inert]")).to_have_count(1)
    page.mouse.click(5, 450)
    expect(dialog).to_be_hidden()
    expect(page.locator("[inert]")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_sorting_acts_on_the_whole_list_and_goes_to_page_one(open_page: Open) -> None:
    page = live(open_page("/en/invoices?page=3", FLEET))
    expect(page.get_by_text("Showing 21 to 30 of 148 entries").first).to_be_visible()
    page.locator("#live thead").get_by_role("link", name="Amount").click()
    expect(page.get_by_text("Showing 1 to 10 of 148 entries").first).to_be_visible()
    expect(page.locator("#live th[aria-sort]")).to_have_count(1)
    expect(page.locator("#live th[aria-sort=ascending]")).to_contain_text("Amount")
    page.locator("select[name=size]").first.select_option("25")
    expect(page.locator("#live tbody tr")).to_have_count(25)


ASKED_IN_THE_CLICK = """() => new Promise((done) => {
  const { send } = WebSocket.prototype;
  let sent = 0;
  WebSocket.prototype.send = function (data) { sent += 1; return send.call(this, data); };
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { WebSocket.prototype.send = send; done(sent); };
  port2.postMessage(0);
  document.querySelector(".pager li:last-child a").click();
})"""


def test_what_an_address_shows_is_asked_for_once_and_in_the_click_itself(open_page: Open) -> None:
    page = open_page("/en/orders", FLEET)
    addresses: list[str] = []
    load_event = re.compile(r'on_load_internal".*?"asPath":"([^"]*)"')
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: addresses.extend(load_event.findall(str(frame)))))
    page.reload()
    live(page)
    first = page.locator("#live tbody th").first
    old = first.inner_text()
    assert page.evaluate(ASKED_IN_THE_CLICK) == 1
    expect(page).to_have_url(re.compile(r"page=2"))
    expect(first).not_to_have_text(old)
    second = first.inner_text()
    page.locator("th.table-col-number a").click()
    expect(page.locator("th.table-col-number")).to_have_attribute("aria-sort", "ascending")
    page.locator("#search").fill("26140")
    expect(page.locator("#live tbody tr")).to_have_count(1)
    page.go_back()
    expect(first).to_have_text(second)
    expect(page.locator("#live[aria-busy]")).to_have_count(0)
    assert [address.removeprefix("/en/orders") for address in addresses] == ["?page=2", "?sort=number", "?sort=number&q=26140", "?page=2"]


def test_filters_show_as_chips_and_can_be_taken_off(open_page: Open) -> None:
    page = live(open_page("/en/orders", FLEET))
    expect(page.locator("#live tbody tr")).to_have_count(10)
    page.get_by_role("button", name="End date").click()
    page.locator("#filter-from").fill("2020-09-25")
    page.locator("#filter-to").fill("2020-12-31")
    page.locator("#filters").get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"from=2020-09-25&to=2020-12-31"))
    expect(page.locator(".toolbar-chips")).to_contain_text("2020-09-25 to 2020-12-31")
    page.locator(".toolbar-chips a").click()
    expect(page.locator(".toolbar-chips")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/en/orders\??$"))
