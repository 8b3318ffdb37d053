"""The screens that are compared with pictures, one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Page, expect

from tests.chromium import SIZES, Scheme
from tests.server import EMPTY, FLEET, GUIDE, LARGE

NOBODY = ""
MAIN, CARD, DIALOG = "main", "main .card >> nth=0", ".dialog"
# Browsers show a date field in their own language, not in the page's.
NEVER_THE_SAME = ("input[type=date]",)


def errors(page: Page) -> None:
    """Submit an empty form."""
    page.locator("main form button[type=submit]").first.click()
    expect(page.locator(".field-error:visible").first).to_be_visible()


def menu(page: Page) -> None:
    """Open the menu drawer."""
    page.locator("[popovertarget=drawer]:visible").click()
    expect(page.locator("#drawer")).to_be_visible()


def tiles(page: Page) -> None:
    """Scroll to the tiles of the home page."""
    page.locator(".dashboard-zone").first.evaluate("(zone) => zone.scrollIntoView()")


def check(page: Page) -> None:
    """Paste a list of vehicles and have it checked."""
    lines = ("4201224\t71 – Ford Transit", "4201122\t66 – Kenworth T880", "4201054\t62 – Kenworth T680", "4201142\t73", "4,2E+06\t74")
    page.locator("textarea").fill("\n".join(lines))
    page.locator("main form button[type=submit]").click()
    expect(page.locator("tr[data-result]")).to_have_count(len(lines))


def assign(page: Page) -> None:
    """Assign the vehicles of a list, and take that back in another tab, so that no other picture shows it."""
    check(page)
    page.locator("main form button[type=submit]").click()
    expect(page.locator("main [role=status] h2")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("main form button[type=submit]").click()
    expect(other.locator("main form button[type=submit]")).to_have_count(0)
    other.close()


def select(page: Page) -> None:
    """Select two rows of a list."""
    for row in (1, 4):
        page.locator("tbody input[type=checkbox]").nth(row).check()


def end(page: Page) -> None:
    """Scroll to the last section of an open dialog."""
    page.locator(".dialog .section").last.scroll_into_view_if_needed()


@dataclass(frozen=True)
class Screen:
    """A screen to take a picture of.

    Attributes:
        name: the subject; with width, language and scheme it is the picture's name.
        path: the address after the language.
        language, scheme, size: how it is shown; `size` is a key of `tests.chromium.SIZES`.
        person: the email of the signed-in person, or `NOBODY`.
        area: the selector of the elements to take; the whole window when empty. Of a smaller area, more fits in the stored picture.
        first: an action before the picture, such as opening a menu.
        masked: selectors of elements that differ each time or on each machine, such as a random number; they are painted over.
    """

    name: str
    path: str
    language: Literal["en", "fr"]
    scheme: Scheme
    size: str
    person: str = FLEET
    area: str = ""
    first: Callable[[Page], None] | None = None
    masked: tuple[str, ...] = NEVER_THE_SAME

    @property
    def id(self) -> str:
        """The name of its picture: `orders-1440-en-light`."""
        return f"{self.name}-{SIZES[self.size][0]}-{self.language}-{self.scheme}"


SCREENS = (
    Screen("sign-in", "/login", "en", "light", "pc", NOBODY, MAIN),
    Screen("sign-in", "/login", "fr", "dark", "phone", NOBODY),
    Screen("sign-in-errors", "/login", "en", "light", "tablet", NOBODY, "main form >> nth=0", errors),
    Screen("tiles", "/", "en", "light", "pc", FLEET, "section:has(> .dashboard-tiles)", tiles),
    Screen("home", "/", "fr", "dark", "tablet", FLEET, MAIN),
    Screen("home", "/", "fr", "light", "phone"),
    Screen("menu", "/", "en", "dark", "phone", FLEET, "#drawer", menu),
    Screen("orders", "/orders", "en", "light", "pc", FLEET, CARD),
    Screen("orders", "/orders", "fr", "dark", "tablet", FLEET, CARD),
    Screen("orders", "/orders", "en", "dark", "phone"),
    Screen("orders-of-the-guide", "/orders", "fr", "light", "pc", GUIDE, CARD),
    Screen("order", "/orders?open=26140", "fr", "dark", "pc", FLEET, DIALOG),
    Screen("order", "/orders?open=26367", "en", "light", "tablet", GUIDE, DIALOG),
    Screen("order-end", "/orders?open=26140", "fr", "light", "phone", FLEET, "", end),
    Screen("invoices", "/invoices", "en", "dark", "pc", FLEET, CARD),
    Screen("invoices", "/invoices", "fr", "light", "tablet", FLEET, CARD),
    Screen("invoices", "/invoices?state=overdue", "en", "light", "phone"),
    Screen("invoice", "/invoices?open=211702", "fr", "light", "pc", FLEET, DIALOG),
    Screen("invoice", "/invoices?open=211702", "en", "dark", "phone"),
    Screen("devices", "/devices", "en", "light", "pc", FLEET, CARD),
    Screen("devices", "/devices", "fr", "dark", "tablet", FLEET, CARD),
    Screen("devices", "/devices", "fr", "light", "phone"),
    Screen("devices-empty", "/devices", "en", "light", "phone", EMPTY),
    Screen("devices-selected", "/devices", "fr", "light", "tablet", FLEET, CARD, select),
    Screen("devices-no-match", "/devices?q=4201142", "fr", "dark", "phone", FLEET),
    Screen("device", "/devices?open=4201054", "en", "dark", "pc", FLEET, DIALOG),
    Screen("device", "/devices?open=4201054", "fr", "light", "phone"),
    Screen("assign", "/devices/assign", "en", "light", "pc", FLEET, MAIN),
    Screen("assign-check", "/devices/assign", "en", "light", "pc", FLEET, MAIN, check),
    Screen("assign-check", "/devices/assign", "fr", "dark", "phone", FLEET, "", check),
    # The time until which the list can be undone differs each time.
    Screen("assign-done", "/devices/assign", "fr", "light", "phone", FLEET, "", assign, (*NEVER_THE_SAME, "main .empty p")),
    Screen("statement", "/statement", "en", "light", "pc", FLEET, MAIN),
    Screen("profile", "/profile", "en", "light", "tablet", LARGE, MAIN),
    Screen("people", "/profile/people", "fr", "dark", "pc", LARGE, MAIN),
    Screen("addresses", "/addresses", "fr", "light", "phone", LARGE),
    Screen("cards", "/cards", "en", "dark", "tablet", FLEET, MAIN),
)
