"""Folding and patterns for search."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, literal, select

from odoportal.foundation.text import fold, like


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
        ("non\u2011breaking", "non-breaking"),
        ("", ""),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=60))
def test_what_is_folded_stays_folded(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="aéÉ œŒßK™’", max_size=20))
def test_case_makes_no_difference(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=30))
def test_text_without_accents_folds_as_beside_one(text: str) -> None:
    assert fold(text) == fold(f"{text} é").removesuffix("e").rstrip()


@settings(deadline=None)
@given(st.text(alphabet="ab%_\\", max_size=6), st.text(alphabet="ab%_\\", max_size=10))
@pytest.mark.asvs("1.2.4")
def test_a_pattern_finds_exactly_what_contains_the_word(engine: Engine, word: str, text: str) -> None:
    with engine.connect() as connection:
        found = connection.scalar(select(literal(text).like(like(word), escape="\\")))
    assert bool(found) is (word in text)
