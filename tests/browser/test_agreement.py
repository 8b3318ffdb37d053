"""The Agreement column of Orders, measured at every screen size against the picture in the user guide."""

import pytest

from tests.browser.conftest import Open, live
from tests.server import GUIDE

# Measures the first line of each text itself, not the box around it.
MEASURE = """(lists) => lists.flatMap((list) => [...list.querySelectorAll("li")]).map((line) => {
  const first = (part) => {
    const range = document.createRange();
    range.selectNodeContents(part);
    const { left, right, bottom } = range.getClientRects()[0] ?? {};
    return { left, right, bottom };
  };
  const [quantity, item] = line.children;
  const { borderTopWidth, borderBottomWidth } = getComputedStyle(line);
  const rule = parseFloat(borderTopWidth) + parseFloat(borderBottomWidth);
  return { text: quantity.textContent, quantity: first(quantity), item: first(item), rule };
})"""


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("size", "shown", "gap"), [("pc", 7, 8), ("tablet", 7, 8), ("phone", 3, 24)])
def test_quantity_and_item_stand_side_by_side(open_page: Open, language: str, size: str, shown: int, gap: int) -> None:
    """A card on a phone shows the first three lines. Quantities begin at its left edge, so the shortest one leaves the widest gap."""
    page = live(open_page(f"/{language}/orders", GUIDE, size=size))
    lines = page.locator("#live .orders-agreement:visible").evaluate_all(MEASURE)
    assert len(lines) == shown
    assert len({round(line["item"]["left"]) for line in lines}) == 1, "the items begin below each other"
    assert [line["rule"] for line in lines] == [0] * len(lines), "no rule between the lines"
    counted = [line for line in lines if line["text"]]
    assert len(counted) >= len(lines) - 1
    for line in counted:
        quantity, item = line["quantity"], line["item"]
        assert 0 < item["left"] - quantity["right"] <= gap, line
        assert abs(item["bottom"] - quantity["bottom"]) <= 1, "on the same line"
