"""The differences that the comparison notices and tolerates, on real screens that are changed in the browser."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.chromium import launch
from tests.pictures.approved import encoded
from tests.pictures.camera import Camera, other_fonts, shot
from tests.pictures.compare import differing
from tests.pictures.screens import SCREENS, Screen


@dataclass(frozen=True)
class Parts:
    """The parts of a screen that tests change: selectors, and in `ground` a background token with another colour."""

    cell: str
    rule: str
    ground: str
    word: str


SCREEN = {screen.id: screen for screen in SCREENS}
ROW, ROW_RULE = "tbody tr:first-child", "tbody tr:first-child > *"
PARTS = {
    "invoices-1440-en-dark": Parts(f"{ROW} td:nth-of-type(3)", ROW_RULE, "--sunken:var(--hover)", "tbody .badge"),
    "invoices-820-fr-light": Parts(f"{ROW} td:nth-of-type(2)", ROW_RULE, "--sunken:var(--hover)", "tbody .badge"),
    "invoice-1440-fr-light": Parts(
        f".dialog {ROW} td:last-child", f".dialog {ROW_RULE}", "--warn-wash:var(--bad-wash)", ".dialog tbody tr:nth-child(2) *"
    ),
    "orders-390-en-dark": Parts(
        ".table-card .table-top a", ".table-card .layout-actions", "--info-wash:var(--ok-wash)", ".table-card .badge"
    ),
}
# Replaces the first word of at least four letters in an element: reversed, or without its last letter.
CHANGE_WORD = """([selector, backwards]) => {
  const walk = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, changed = (word) => backwards ? [...word].reverse().join("") : word.slice(0, -1);
    if (/[A-Za-z]{4}/.test(text.data)) { text.data = text.data.replace(/[A-Za-z]{4,}/, changed); return true; }
  }
}"""


@dataclass(frozen=True)
class Opened:
    """An open screen, and its picture as it would be approved."""

    screen: Screen
    parts: Parts
    page: Page
    approved: Image.Image

    def now(self) -> Image.Image:
        """Take the picture that is compared with the approved one."""
        return shot(self.page, self.screen).crop((0, 0, *self.approved.size))

    def with_style(self, style: str) -> Image.Image:
        """Take the picture with an additional style, which is removed afterwards."""
        tag = self.page.add_style_tag(content=style)
        picture = self.now()
        tag.evaluate("(tag) => tag.remove()")
        return picture

    def differs(self, picture: Image.Image) -> bool:
        """Return whether the comparison reports a difference."""
        return differing(self.approved, picture) is not None


def _as_stored(picture: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture))).convert("RGB")


@pytest.fixture(scope="module", params=PARTS)
def opened(camera: Camera, request: pytest.FixtureRequest) -> Iterator[Opened]:
    screen = SCREEN[request.param]
    page = camera.open(screen)
    yield Opened(screen, PARTS[request.param], page, _as_stored(shot(page, screen)))
    page.context.close()


def test_a_screen_does_not_differ_from_itself(opened: Opened) -> None:
    assert not opened.differs(opened.now())


@pytest.mark.parametrize("move", ["left:2px", "left:-2px", "top:2px", "top:-2px"])
def test_a_cell_that_moved_by_two_pixels_is_noticed(opened: Opened, move: str) -> None:
    assert opened.differs(opened.with_style(f"{opened.parts.cell}{{position:relative;{move}}}"))


@pytest.mark.parametrize("move", ["left:1px", "left:-1px", "top:1px", "top:-1px"])
def test_a_cell_that_moved_by_one_pixel_is_borne(opened: Opened, move: str) -> None:
    assert not opened.differs(opened.with_style(f"{opened.parts.cell}{{position:relative;{move}}}"))


def test_a_line_of_one_pixel_that_is_gone_is_noticed(opened: Opened) -> None:
    assert opened.differs(opened.with_style(f"{opened.parts.rule}{{border-color:transparent!important}}"))


def test_a_new_line_of_one_pixel_is_noticed(opened: Opened) -> None:
    line = "linear-gradient(var(--line) 1px,transparent 1px) 0 4px / 100% 1px no-repeat"
    assert opened.differs(opened.with_style(f"{opened.parts.cell}{{background:{line}!important}}"))


def test_a_ground_of_another_colour_is_noticed(opened: Opened) -> None:
    assert opened.differs(opened.with_style(f"html:root{{{opened.parts.ground}!important}}"))


@pytest.mark.parametrize("token", ["--ink:var(--ink-2)", "--ink-2:var(--ink-3)", "--ink-3:var(--link)"])
def test_text_of_another_colour_is_noticed(opened: Opened, token: str) -> None:
    assert opened.differs(opened.with_style(f"html:root{{{token}!important}}"))


@pytest.mark.parametrize("backwards", [True, False], ids=["backwards", "a letter less"])
def test_another_word_is_noticed(opened: Opened, backwards: bool) -> None:
    word = opened.page.locator(opened.parts.word).first
    before = word.inner_html()
    assert opened.page.evaluate(CHANGE_WORD, [opened.parts.word, backwards])
    changed = opened.now()
    word.evaluate("(element, html) => { element.innerHTML = html; }", before)
    assert opened.differs(changed)


def test_text_that_is_a_little_heavier_is_borne(opened: Opened) -> None:
    assert not opened.differs(opened.with_style("*{-webkit-text-stroke:0.05px}"))


def test_a_browser_that_draws_text_otherwise_is_borne(camera: Camera, opened: Opened) -> None:
    flags = ("--disable-lcd-text", "--font-render-hinting=none", "--disable-font-subpixel-positioning")
    browser = launch(camera.browser.browser_type, *flags)
    taken = Camera(browser, camera.portal, camera.cookies).take(opened.screen)
    browser.close()
    assert not opened.differs(taken.crop((0, 0, *opened.approved.size)))


LINES = "main td ul li"
AS_MEANT = f"{LINES}{{display:grid!important;padding:0!important;border:0!important}}"
AS_IT_WAS = f"{LINES}{{display:flex!important;justify-content:space-between!important;padding-block:var(--s-3)!important}}"
RULED = f"{LINES}+li{{border-top:1px solid var(--line)!important}}"


@pytest.mark.parametrize("name", ["orders-1440-en-light", "orders-820-fr-dark"])
def test_a_rule_of_another_place_in_the_agreement_of_orders_is_noticed(camera: Camera, name: str) -> None:
    """In a past bug, the style sheet had two rules for one class, and no test noticed how the second changed the list of orders."""
    page = camera.open(SCREEN[name])
    page.add_style_tag(content=AS_MEANT)
    opened = Opened(SCREEN[name], PARTS["invoices-1440-en-dark"], page, _as_stored(shot(page, SCREEN[name])))
    assert opened.differs(opened.with_style(AS_IT_WAS + RULED))
    assert opened.differs(opened.with_style(AS_IT_WAS))
    assert opened.differs(opened.with_style(RULED))
    page.context.close()


def test_a_font_of_the_machine_is_noticed(camera: Camera) -> None:
    page = camera.open(SCREEN["sign-in-errors-820-en-light"])
    assert other_fonts(page) == set()
    page.add_style_tag(content="h1{font-family:serif!important}")
    assert other_fonts(page) != set()
    page.context.close()


def test_pictures_of_two_sizes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="is not"):
        differing(Image.new("RGB", (4, 4)), Image.new("RGB", (4, 5)))
