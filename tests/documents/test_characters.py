"""The characters that documents can show, read from the fonts."""

import struct

import pytest

from odoportal.documents import characters
from odoportal.documents.characters import FONTS, coverage, settable, undrawable


def font(subtable: bytes) -> bytes:
    """Return a font that has nothing but a `cmap` table with one subtable."""
    head = struct.pack(">IHHHH", 0x10000, 1, 0, 0, 0) + struct.pack(">4sIII", b"cmap", 0, 28, 12 + len(subtable))
    return head + struct.pack(">HHHHI", 0, 1, 3, 10, 12) + subtable


def test_a_font_says_which_characters_it_has() -> None:
    # Format 4: 0x41 to 0x43 by a difference, where 0x42 has no glyph, and 0x61 to 0x62 by a list of glyphs, where 0x62 has none.
    ends, starts, deltas, offsets = (0x43, 0x62, 0xFFFF), (0x41, 0x61, 0xFFFF), (0x10000 - 0x42, 0, 1), (0, 4, 0)
    body = struct.pack(">3H2x3H3H3H2H", *ends, *starts, *deltas, *offsets, 7, 0)
    assert coverage(font(struct.pack(">7H", 4, 14 + len(body), 0, 6, 0, 0, 0) + body)) == {0x41, 0x43, 0x61}
    groups = struct.pack(">3I3I", 0x1401, 0x1403, 5, 0x1F600, 0x1F601, 0)
    assert coverage(font(struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, 2) + groups)) == {0x1401, 0x1402, 0x1403, 0x1F601}


def test_the_bundled_fonts_have_french_and_polish_letters() -> None:
    regular, more = (coverage((FONTS / f"{name}-Regular.ttf").read_bytes()) for name in ("Figtree", "FigtreeExt"))
    assert set(map(ord, "éÉçœŒ’«»\u00a0$")) <= regular
    assert set(map(ord, "Łźå")) <= more
    assert not (regular | more) & {ord("中"), 0xFFFF}
    assert {chr(code) for code in regular | more} <= settable()


def test_a_font_that_is_added_adds_its_characters(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("fonts")
    groups = struct.pack(">3I3I", 0x301, 0x301, 3, 0x1401, 0x1403, 5)
    (folder / "New.ttf").write_bytes(font(struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, 2) + groups))
    monkeypatch.setattr(characters, "FONTS", folder / "none")
    settable.cache_clear()
    assert (undrawable("q\u0301ᐁᐂ ᐃ中"), characters.drawable("q\u0301ᐂ")) == ("\u0301ᐁᐂᐃ中", "q�")
    monkeypatch.setattr(characters, "FONTS", folder)
    settable.cache_clear()
    try:
        assert (undrawable("q\u0301ᐁᐂ ᐃ中"), characters.drawable("q\u0301ᐂ")) == ("中", "q\u0301ᐂ")
    finally:
        settable.cache_clear()


@pytest.mark.parametrize("text", ["", "Élodie Côté-d’Arc 12\u00a0m", "Łódź", "e\u0301cole", "a\u200db", "Νίκος", "مرحبا"])
def test_what_can_be_shown_is_not_told(text: str) -> None:
    assert undrawable(text) == ""
