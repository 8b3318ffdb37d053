"""Text as it is stored, searched and shown: without marks that change how other text looks, and folded for search."""

import re
import unicodedata

import idna

FOLDING = "1"
"""The way of folding. When `fold` is changed, it takes the next number, and stored texts are folded anew (`exchange.refold`)."""
_SPACES = re.compile(r"\s+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "’": "'", "‐": "-", "–": "-", "—": "-", "−": "-"})
_JOINERS = "\u200c\u200d"
# What Unicode calls bidirectional and format controls, joiners, fillers that are letters and show nothing, and tags; variation selectors
# stay, with which Japanese names choose a form of a character (UAX 9, section 2; UTR 36, section 2.10.4).
_MARKS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e00ff]"
)
_AROUND = 20


def without_marks(text: str) -> str:
    """Return a text without invisible characters that turn the direction of what follows, or make two equal texts differ.

    The line and the paragraph separator become spaces. Joiners stay where a script needs them, as in Persian and Hindi (RFC 5892, appendix
    A); elsewhere, as in emojis made of several, they go.

    Pass whatever enters the portal through this: forms and imports do.
    """
    if text.isascii() or _MARKS.search(text) is None:
        return text
    # What a joiner stands between is what is left of the other marks.
    left = _MARKS.sub(lambda mark: mark[0] if mark[0] in _JOINERS else " " if mark[0] in "\u2028\u2029" else "", text)
    return "".join(character for at, character in enumerate(left) if character not in _JOINERS or _joins(left, at))


def _joins(text: str, at: int) -> bool:
    start = max(at - _AROUND, 0)
    try:
        return idna.valid_contextj(text[start : at + _AROUND], at - start)
    except ValueError:
        return False


def printable(text: str) -> str:
    """Return a text as one line that does nothing to a terminal but show: a stranger may have written it.

    What moves the cursor, changes colours, turns the direction or shows nothing is replaced by U+FFFD; spaces of any kind by a space.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or (character in _JOINERS and _joins(text, at))
        else " "
        if unicodedata.category(character) == "Zs"
        else "\ufffd"
        for at, character in enumerate(text)
    )


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
