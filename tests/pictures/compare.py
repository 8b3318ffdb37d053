"""What differs between two pictures of a screen, beyond what two releases of a browser draw differently.

A pixel differs where its colour lies outside the range of colours that the other picture has within one pixel around it. So an edge may
move by one pixel and be smoothed in another way. Both pictures are asked in turn: a line that is gone is noticed like one that is new. The
screen differs where many pixels close to each other differ a little (a background of another colour), or some differ much (a word).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageOps

REACH = 8
WINDOW = 2 * REACH + 1
"""The side, in pixels, of the square in which pixels are counted."""


@dataclass(frozen=True)
class Rule:
    """How many pixels of a square of `WINDOW` may differ by more than a level (of 255, in the channel that differs most)."""

    level: int
    most: int


# Measured, in pixels of a square that differ by more than 20: none between Chromium 149 and 156, 10 between 131 and 156; 17 for a lost
# line, 15 for another digit, 12 for a year that is not marked on the road of an agreement.
RULES = (Rule(level=20, most=10), Rule(level=4, most=80))


def differing(expected: Image.Image, actual: Image.Image, rules: Iterable[Rule] = RULES) -> Image.Image | None:
    """Return where two pictures of the same size differ, white on black, or None where they show the same.

    Raises:
        ValueError: where they are not of the same size.
    """
    if expected.size != actual.size:
        raise ValueError(f"{expected.size} is not {actual.size}")
    first, second = expected.convert("RGB"), actual.convert("RGB")
    distance = ImageChops.lighter(_outside(first, second), _outside(second, first))
    found = Image.new("L", expected.size)
    for rule in rules:
        found = ImageChops.lighter(found, _crowded(distance, rule))
    return found if found.getbbox() else None


def marked(actual: Image.Image, where: Image.Image) -> Image.Image:
    """Return a pale picture with what differs in its own colours, on red."""
    pale = Image.blend(actual.convert("RGB"), Image.new("RGB", actual.size, "white"), 0.7)
    red = Image.blend(actual.convert("RGB"), Image.new("RGB", actual.size, "red"), 0.4)
    return Image.composite(red, pale, where)


def _outside(picture: Image.Image, other: Image.Image) -> Image.Image:
    """By how much each pixel lies outside the range of the other's colours around it, in the channel where it is most."""
    above = ImageChops.subtract(picture, other.filter(ImageFilter.MaxFilter(3)))
    below = ImageChops.subtract(other.filter(ImageFilter.MinFilter(3)), picture)
    return largest_channel(ImageChops.lighter(above, below))


def largest_channel(picture: Image.Image) -> Image.Image:
    """Return the largest of red, green and blue of each pixel, in grey."""
    red, green, blue = picture.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _crowded(distance: Image.Image, rule: Rule) -> Image.Image:
    """The middles of the squares with more pixels over the rule's level than it lets pass."""
    over = _above(distance, rule.level)
    # Beyond the border nothing differs; the filter alone would repeat the outermost pixels.
    share = ImageOps.expand(over, REACH).filter(ImageFilter.BoxBlur(REACH))
    most = 255 * (rule.most + 0.5) / WINDOW**2
    return ImageOps.crop(_above(share, most), REACH)


def _above(grey: Image.Image, level: float) -> Image.Image:
    return grey.point([255 if value > level else 0 for value in range(256)])
