"""The characters that documents can show: those of the bundled fonts, and of the fonts inside Typst."""

import re
import struct
import unicodedata
from functools import cache
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
# What Typst's own fonts have beyond ours: other scripts, signs and arrows. PDF/UA refuses a text with a character that no font has; a test
# renders all of them.
_IN_TYPST = re.compile(
    "[\\x20-\\x7e\\xa0-\\xac\\xae-\u024f\u02b0-\u02ff\u0370-\u0377\u037a-\u037f\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u0482\u048a-\u04ff"
    "\u05d0-\u05ea\u0621-\u063a\u0640-\u064a\u0660-\u0669\u1e00-\u1eff\u2010-\u2027\u2030-\u2040\u2070\u2071\u2074-\u208e\u20a0-\u20bf"
    "\u2116\u2122\u2150\u2151\u2153-\u215f\u2190-\u21ff\u2200-\u22ff\u25a0-\u2606\u2713\u2714\u2717\u2718\ufffd]"
)
# The combining marks that remain after composition in names of First Nations (Sḵwx̱wú7mesh). More on one letter are no spelling of a name.
_MARK = re.compile("[\u0300-\u036f]")
_MOST_MARKS = 3
_TAKES_MARKS = re.compile("[A-Za-z\xc0-\u02af\u0370-\u03ff\u1e00-\u1eff]")
MISSING = "\ufffd"


def drawable(text: str) -> str:
    """Return a text reduced to characters that documents can show (ASVS 1.3.3).

    The text is composed (NFC); line breaks and separators become spaces; control characters, invisible characters (directions, joiners)
    and combining marks without a letter are dropped; a character that no font has is written by its plain equivalent (NFKC: ﬁ as fi),
    or else becomes �.
    """
    kept: list[str] = []
    marks_left = 0
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if category[0] == "Z" and character != "\u00a0":
            kept.append("\u00a0" if character == "\u202f" else " ")
        elif character in "\n\r\t":
            kept.append(" ")
        elif _MARK.match(character) and character in settable():
            if marks_left:
                kept.append(character)
                marks_left -= 1
            continue
        elif category[0] not in "CM" or category in {"Cn", "Co"}:
            kept.append(_plain(character))
        marks_left = _MOST_MARKS if _TAKES_MARKS.match(character) else 0
    return "".join(kept)


def _plain(character: str) -> str:
    """Return a character, or what stands for it if no font has it."""
    if character in settable():
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain != character and settable().issuperset(plain) else MISSING


def undrawable(text: str) -> str:
    """Return the visible characters of a text that documents cannot show, each once; "" if they can show it all."""
    if settable().issuperset(text):
        return ""
    composed = dict.fromkeys(unicodedata.normalize("NFC", text))
    seen = (c for c in composed if unicodedata.category(c) not in {"Zs", "Zl", "Zp", "Cc", "Cf"})
    return "".join(c for c in seen if c not in settable() and _plain(c) == MISSING)


@cache
def settable() -> frozenset[str]:
    """Return every character that a document can show."""
    bundled = (coverage(font.read_bytes()) for font in FONTS.glob("*.ttf"))
    others = (character for character in map(chr, range(0x20, 0x10000)) if _IN_TYPST.match(character))
    return frozenset(map(chr, frozenset[int]().union(*bundled))).union(others)


def coverage(font: bytes) -> frozenset[int]:
    """Return the code points that a TrueType font has a glyph for, from its `cmap` table."""
    tables = struct.unpack_from(">H", font, 4)[0]
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * place) for place in range(tables))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    found: set[int] = set()
    for place in range(struct.unpack_from(">H", font, start + 2)[0]):
        _, _, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * place)
        at = start + offset
        kind = struct.unpack_from(">H", font, at)[0]
        found |= _segments(font, at) if kind == 4 else _groups(font, at) if kind == 12 else set()
    return frozenset(found)


def _segments(font: bytes, at: int) -> set[int]:
    """Return the code points of a subtable of format 4: segments of the basic plane."""
    count = struct.unpack_from(">H", font, at + 6)[0] // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{count}H", font, at + 14 + 2 * count * place + (2 if place else 0)) for place in range(4)
    )
    found: set[int] = set()
    for place, (first, last, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
        for code in range(first, last + 1):
            glyph = code
            if offset:
                glyph = struct.unpack_from(">H", font, at + 16 + 6 * count + 2 * place + offset + 2 * (code - first))[0]
            if code != 0xFFFF and (glyph + delta) % 0x10000 and (glyph or not offset):
                found.add(code)
    return found


def _groups(font: bytes, at: int) -> set[int]:
    """Return the code points of a subtable of format 12: groups of all planes."""
    count = struct.unpack_from(">I", font, at + 12)[0]
    groups = (struct.unpack_from(">III", font, at + 16 + 12 * place) for place in range(count))
    return {code for first, last, glyph in groups for code in range(first, last + 1) if glyph + code - first}
