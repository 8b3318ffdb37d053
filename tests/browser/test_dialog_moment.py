"""Keys, clicks and Back between the request for a dialog and its appearance act on that dialog.

The input is made by script in the very task that requests or draws the dialog.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, live
from tests.server import EMPTY, FLEET

PRESS = """
const press = (times) => {
  const focused = document.activeElement ?? document.body;
  const escape = () => new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
  for (let i = 0; i < times; i += 1) focused.dispatchEvent(escape());
};
const detail = (at) => [...document.querySelectorAll("#live [data-open]")].filter((link) => link.offsetParent)[at];
"""
# Presses Escape as soon as the dialog is in the document, before the browser does anything else.
WHEN_DRAWN = f"""([ask, times]) => new Promise((done) => {{
  {PRESS}
  const watch = new MutationObserver(() => {{
    if (!document.querySelector(".dialog")) return;
    watch.disconnect();
    press(times);
    done();
  }});
  watch.observe(document.body, {{ childList: true, subtree: true }});
  ask === "forward" ? history.forward() : detail(0).click();
}})"""
# Presses Escape or clicks another record in the next task after the click, the earliest moment possible for a person.
WHEN_ASKED = f"""(then) => new Promise((done) => {{
  {PRESS}
  const {{ port1, port2 }} = new MessageChannel();
  port1.onmessage = () => {{ then === "Escape" ? press(1) : detail(1).click(); done(); }};
  port2.postMessage(0);
  detail(0).click();
}})"""
# Holds back the server's messages until `letThrough` is called. An attribute of the document says when the page has opened its socket.
HELD = """
const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
const waiting = [];
let held = true;
Object.defineProperty(WebSocket.prototype, "onmessage", { configurable: true, set(handler) {
  document.documentElement.setAttribute("data-asks-socket", "");
  set.call(this, (message) => (held ? waiting.push(() => handler(message)) : handler(message)));
} });
window.letThrough = () => { held = false; waiting.splice(0).forEach((go) => go()); };
"""


def orders(open_page: Open) -> Page:
    """Go to the orders from the dashboard, so that one step too far back is noticed."""
    page = live(open_page("/en/", FLEET))
    page.locator(".shell > nav.shell-side").get_by_role("link", name="Orders").click()
    expect(page.locator("#live [data-open]:visible")).to_have_count(10)
    return page


def is_closed(page: Page) -> None:
    """Check that the dialog is closed, the list is usable, and Forward opens the dialog again."""
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/en/orders$"))
    expect(page.locator("[inert]")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("ask", ["click", "forward"])
def test_escape_in_the_moment_in_which_the_dialog_is_drawn(open_page: Open, ask: str, times: int) -> None:
    page = orders(open_page)
    if ask == "forward":
        page.locator("#live [data-open]:visible").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate(WHEN_DRAWN, [ask, times])
    is_closed(page)


def test_escape_in_the_moment_in_which_the_dialog_is_asked_for(open_page: Open) -> None:
    page = orders(open_page)
    page.evaluate(WHEN_ASKED, "Escape")
    is_closed(page)


def test_two_records_asked_for_at_once_are_one_dialog(open_page: Open) -> None:
    page = orders(open_page)
    page.evaluate(WHEN_ASKED, "another")
    expect(page.locator(".dialog:not([aria-busy])")).to_be_visible()
    page.keyboard.press("Escape")
    is_closed(page)


@pytest.mark.parametrize("how", ["Escape", "Back"])
def test_a_dialog_asked_for_before_its_page_is_filled(open_page: Open, how: str) -> None:
    page = open_page("about:blank", FLEET)
    page.add_init_script(HELD)
    page.goto("/en/orders")
    expect(page.locator("html")).to_have_attribute("data-asks-socket", "")
    page.locator(".layout-first [data-open]:visible").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape") if how == "Escape" else page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate("() => window.letThrough()")
    expect(live(page).locator("#live tbody tr")).to_have_count(10)
    is_closed(page)


def test_escape_closes_the_dialog_of_a_document_before_its_page_is_filled(open_page: Open) -> None:
    page = open_page("about:blank", FLEET)
    page.add_init_script(HELD)
    page.goto("/en/orders?open=26140")
    expect(page.locator("html")).to_have_attribute("data-asks-socket", "")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/en/orders\??$"))
    page.evaluate("() => window.letThrough()")
    expect(live(page).locator("#live tbody tr")).to_have_count(10)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_question_keeps_keys_from_the_page_from_the_moment_it_is_drawn(open_page: Open) -> None:
    page = live(open_page("/fr/profile", EMPTY))
    page.fill("#details-name", "Pas encore")
    modal = page.evaluate("""() => new Promise((done) => {
      const watch = new MutationObserver(() => {
        const question = document.querySelector("dialog");
        if (question) { watch.disconnect(); done(question.matches(":modal")); }
      });
      watch.observe(document.body, { childList: true, subtree: true });
      document.querySelector(".shell-crumb a").click();
    })""")
    assert modal is True


def test_escape_answers_a_question_that_is_not_drawn_yet(open_page: Open) -> None:
    page = live(open_page("/fr/profile", EMPTY))
    page.fill("#details-name", "Pas encore")
    page.evaluate(f"() => {{ {PRESS} document.querySelector('.shell-crumb a').click(); press(1); }}")
    # If the first question were still open, this click would be blocked; instead it asks the question again.
    page.locator(".shell-crumb a").click()
    question = page.get_by_role("alertdialog")
    expect(question.get_by_role("button", name="Rester ici")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(page.locator("#details-name")).to_have_value("Pas encore")
