"""Tests of the removal of invisible marks, of text for terminals, and of folding and patterns for search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, literal, select

from odoportal.core.folding import fold, like_pattern, name_order, printable, strip_invisible


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Câble d’alimentation", "cable d'alimentation"),
        ("  ÉCOLE \n  Œuvre ", "ecole oeuvre"),
        ("Straße", "strasse"),
        ("2020–2021", "2020-2021"),
        ("12\u00a0mois", "12 mois"),
        ("ＯＤＯ５０", "odo50"),
        ("İstanbul", "istanbul"),
        ("ODO50™", "odo50tm"),
        ("Sønder Ǿ Łódź Đặng Ðórr Þór Ħamrun", "sonder o lodz dang dorr thor hamrun"),
        ("non\u2011breaking", "non-breaking"),
        ("", ""),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_names_are_in_the_order_of_canadian_french() -> None:
    names = ["Élise Côté", "cote", "Zoé", "côté", "Martin Séguin", "coté", "Cote", "Ægidius", "Éric", "côte", "Eric", "Adam"]
    assert sorted(names, key=name_order) == [
        "Adam", "Ægidius", "cote", "Cote", "côte", "coté", "côté", "Élise Côté", "Eric", "Éric", "Martin Séguin", "Zoé",
    ]  # fmt: skip


@given(st.text(max_size=60))
def test_what_is_folded_stays_folded(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="aéÉ œŒßK™’", max_size=20))
def test_case_makes_no_difference(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=30))
def test_text_without_accents_folds_as_beside_one(text: str) -> None:
    assert fold(text) == fold(f"{text} é").removesuffix("e").rstrip()


@given(st.text(alphabet="ab%_\\", max_size=6), st.text(alphabet="ab%_\\", max_size=10))
@pytest.mark.asvs("1.2.4")
def test_a_pattern_finds_exactly_what_contains_the_word(engine: Engine, word: str, text: str) -> None:
    with engine.connect() as connection:
        found = connection.scalar(select(literal(text).like(like_pattern(word), escape="\\")))
    assert bool(found) is (word in text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Maria", "Maria"),
        ("Élodie Côté-d’Arc 12\u00a0m", "Élodie Côté-d’Arc 12\u00a0m"),
        ("\u202eairaM\u202c", "airaM"),
        ("\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c", "abc"),
        ("pay\u200bpal\ufeff\u2060\u00ad", "paypal"),
        ("one\u2028two\u2029three", "one two three"),
        ("a\U000e0041\U000e007f\U000e0001b", "ab"),
        ("\u3164\uffa0\u115f", ""),
        # Persian and Hindi need their joiners; between Latin letters, at an end or alone, joiners have no meaning.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("Ma\u200cria\u200d", "Maria"),
        ("می\u200c\u202e\u200cخواهم", "میخواهم"),
        ("👩\u200d🚒", "👩🚒"),
        # A variation selector, which Japanese names use to choose a form of a character, is kept.
        ("葛\U000e0100", "葛\U000e0100"),
        ("עברית العربية", "עברית العربية"),
    ],
)
def test_marks_that_change_what_is_around_them_go(text: str, left: str) -> None:
    assert strip_invisible(text) == left


@given(st.text(max_size=40))
def test_without_marks_stays_so(text: str) -> None:
    assert strip_invisible(strip_invisible(text)) == strip_invisible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Élodie 12\u00a0m", "Élodie 12 m"),
        ("\x1b[2J\x1b]0;title\x07", "\ufffd[2J\ufffd]0;title\ufffd"),
        ("a\nb\r\tc", "a\ufffdb\ufffd\ufffdc"),
        ("\u202eairaM \x9b31m \udcff", "\ufffdairaM \ufffd31m \ufffd"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_a_strangers_text_does_nothing_to_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(max_size=60))
def test_whatever_is_printed_is_one_line_without_controls(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert strip_invisible(shown) == shown
