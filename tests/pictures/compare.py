"""Comparison of two pictures of a screen, which tolerates what two releases of a browser draw differently.

A pixel differs when its colour is outside the range of colours within one pixel around it in the other picture. So an edge may move by one
pixel, or have another antialiasing. The pictures are compared in both directions, so a missing line is noticed like a new one. The screen
differs when many pixels near each other differ a little (another background colour), or some differ a lot (another word).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageOps

REACH = 8
WINDOW = 2 * REACH + 1
"""The side, in pixels, of the square in which pixels are counted."""


@dataclass(frozen=True)
class Rule:
    """The most pixels in a square of `WINDOW` that may differ by more than a level (of 255, in the channel that differs most)."""

    level: int
    most: int


# Measured as pixels in a square that differ by more than 20: none between Chromium 149 and 156, 10 between 131 and 156; 17 for a missing
# line, 15 for another digit, 12 for a missing year mark on the progress bar of an agreement.
RULES = (Rule(level=20, most=10), Rule(level=4, most=80))


def differing(expected: Image.Image, actual: Image.Image, rules: Iterable[Rule] = RULES) -> Image.Image | None:
    """Return a mask of where two pictures of the same size differ, white on black, or None when they look the same.

    Raises:
        ValueError: when their sizes differ.
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
    """Return a pale copy of the picture, with the differences in full colour tinted red."""
    pale = Image.blend(actual.convert("RGB"), Image.new("RGB", actual.size, "white"), 0.7)
    red = Image.blend(actual.convert("RGB"), Image.new("RGB", actual.size, "red"), 0.4)
    return Image.composite(red, pale, where)


def _outside(picture: Image.Image, other: Image.Image) -> Image.Image:
    """Return how far each pixel is outside the range of the other picture's colours around it, in the channel that differs most."""
    above = ImageChops.subtract(picture, other.filter(ImageFilter.MaxFilter(3)))
    below = ImageChops.subtract(other.filter(ImageFilter.MinFilter(3)), picture)
    return largest_channel(ImageChops.lighter(above, below))


def largest_channel(picture: Image.Image) -> Image.Image:
    """Return a grey picture with the largest of red, green and blue of each pixel."""
    red, green, blue = picture.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _crowded(distance: Image.Image, rule: Rule) -> Image.Image:
    """Return the centres of the squares in which more pixels exceed the rule's level than it allows."""
    over = _above(distance, rule.level)
    # Pad with black, since nothing differs beyond the border: the filter would repeat the outermost pixels.
    share = ImageOps.expand(over, REACH).filter(ImageFilter.BoxBlur(REACH))
    most = 255 * (rule.most + 0.5) / WINDOW**2
    return ImageOps.crop(_above(share, most), REACH)


def _above(grey: Image.Image, level: float) -> Image.Image:
    return grey.point([255 if value > level else 0 for value in range(256)])
