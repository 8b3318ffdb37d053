"""Folding of text, so that search forgives case and accents, in one way for what is stored and what is typed."""

import re
import unicodedata

FOLDING = "1"
"""The way of folding. When `fold` is changed, it takes the next number, and stored texts are folded anew (`exchange.refold`)."""
_SPACES = re.compile(r"\s+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "’": "'", "‐": "-", "–": "-", "—": "-", "−": "-"})


def fold(text: str) -> str:
    """Lower case, no accents, ligatures and dashes in their plain form, single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Twice, since taking a letter such as ™ apart can bring capitals (Unicode 3.13, compatibility caseless matching).
    plain = unicodedata.normalize("NFKD", text)
    for _ in range(2):
        plain = unicodedata.normalize("NFKD", plain.casefold().translate(_LIGATURES))
    return _SPACES.sub(" ", "".join(c for c in plain if not unicodedata.combining(c))).strip()


def like(word: str) -> str:
    r"""A LIKE pattern that finds the word anywhere; `%`, `_` and `\` stand for themselves (escape `\`)."""
    return "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
