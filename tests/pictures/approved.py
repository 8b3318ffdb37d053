"""The approved pictures: how they are stored, and the files written for review when a screen differs from its picture.

A picture has few colours, and is cut at the bottom if it would exceed `MOST_BYTES`, because every version of it stays in the repository
forever. It is not scaled, which would lose lines of one pixel.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from odoportal.frontend import builder
from tests.pictures.compare import Rule, differing, largest_channel, marked

FOLDER = Path(__file__).with_name("approved")
LEFT = builder.root() / ".pictures"
"""The folder for pictures of screens that differ; it is not in the repository."""
MOST_BYTES = 15 * 1024
LEAST_HEIGHT = 240
COLOURS = (32, 48, 64, 96, 128, 192, 256)
# Reducing the colours must change far less than what counts as a difference.
FAITHFUL = (Rule(level=20, most=3), Rule(level=4, most=40))
_AREA = "area"
# A colour is flat, such as that of a line, when it fills at least this share of a picture.
_FLAT = 1 / 4000


@dataclass(frozen=True)
class Approved:
    """An approved picture, and the size in pixels of the area whose upper part it shows."""

    picture: Image.Image
    area: tuple[int, int]


def path_of(name: str) -> Path:
    """Return the path of a screen's approved picture, which need not exist yet."""
    return FOLDER / f"{name}.png"


def approve(name: str, taken: Image.Image) -> Path:
    """Store a picture as the approved one of a screen, and return its path.

    Raises:
        ValueError: when not even `LEAST_HEIGHT` pixels of its height fit in `MOST_BYTES`.
    """
    FOLDER.mkdir(exist_ok=True)
    path_of(name).write_bytes(encoded(taken))
    return path_of(name)


def read(name: str) -> Approved:
    """Return the approved picture of a screen.

    Raises:
        FileNotFoundError: when it has none.
    """
    with Image.open(path_of(name)) as picture:
        picture.load()
        width, height = str(picture.info[_AREA]).split("x")
        return Approved(picture.convert("RGB"), (int(width), int(height)))


def encoded(taken: Image.Image) -> bytes:
    """Return a PNG of at most `MOST_BYTES` with the upper part of a picture, and the size of the whole.

    Raises:
        ValueError: as `approve`.
    """
    height, least = taken.height, min(LEAST_HEIGHT, taken.height)
    while True:
        file = _png(_with_few_colours(taken.crop((0, 0, taken.width, height))), taken.size)
        if len(file) <= MOST_BYTES:
            return file
        if height == least:
            raise ValueError(f"{least} pixels of it take more than {MOST_BYTES} bytes: take a smaller area")
        height = max(int(height * MOST_BYTES / len(file)), least)


def _png(picture: Image.Image, area: tuple[int, int]) -> bytes:
    note, file = PngInfo(), io.BytesIO()
    note.add_text(_AREA, "x".join(map(str, area)))
    picture.save(file, "PNG", optimize=True, pnginfo=note)
    return file.getvalue()


def _with_few_colours(picture: Image.Image) -> Image.Image:
    for colours in COLOURS[:-1]:
        reduced = _reduced(picture, colours)
        if differing(picture, reduced, FAITHFUL) is None:
            return reduced
    return _reduced(picture, COLOURS[-1])


def _reduced(picture: Image.Image, colours: int) -> Image.Image:
    """Return the picture with at most `colours` colours. Up to half of them are flat colours, which stay exact."""
    size = picture.width * picture.height
    counted = cast("list[tuple[int, tuple[int, int, int]]]", picture.getcolors(size))
    flat = [colour for count, colour in sorted(counted, reverse=True) if count > size * _FLAT][: colours // 2]
    others = picture.quantize(colours - len(flat), Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in flat for channel in colour] + others[: 3 * (colours - len(flat))])
    reduced = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    # Pillow's search for the nearest colour is inexact when two colours are close: restore the flat colours.
    for index, colour in enumerate(flat):
        off = largest_channel(ImageChops.difference(picture, Image.new("RGB", picture.size, colour)))
        reduced.paste(index, mask=off.point(lambda value: 0 if value else 255))
    return reduced


def leave(name: str, taken: Image.Image) -> str:
    """Compare a screen with its approved picture; return an error message with the files to look at, or an empty string.

    Deletes the files of an earlier comparison.
    """
    folder = LEFT / name
    for file in folder.glob("*.png"):
        file.unlink()
    try:
        known = read(name)
    except FileNotFoundError:
        return f"{name} has no approved picture. Look at {_kept(folder, actual=taken)}"
    if known.area != taken.size:
        return f"{name} was {known.area} pixels and is {taken.size}. Look at {_kept(folder, expected=known.picture, actual=taken)}"
    shown = taken.crop((0, 0, *known.picture.size))
    where = differing(known.picture, shown)
    if where is None:
        return ""
    pictures = {"expected": known.picture, "actual": shown, "difference": marked(shown, where)}
    return f"{name} differs within {where.getbbox()}. Look at {_kept(folder, **pictures)}"


def _kept(folder: Path, **pictures: Image.Image) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    names = ", ".join(str((folder / f"{name}.png").relative_to(LEFT.parent)) for name in pictures)
    return f"{names}. If it is meant: python -m tests.pictures --approve {folder.name}"
