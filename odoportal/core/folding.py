"""Text normalization: removal of invisible marks, safe text for terminals, and folding for search."""

import re
import unicodedata

import idna

FOLDING_VERSION = "2"
"""The version of `fold`. Increase it when `fold` changes: stored search texts are then rebuilt (`importing.rebuild_search`)."""
_SPACES = re.compile(r"\s+")
# What Unicode does not decompose: ligatures, and letters with a stroke (ø, ł, đ).
_PLAIN = str.maketrans({"œ": "oe", "æ": "ae", "þ": "th", "’": "'", "‐": "-", "–": "-", "—": "-", "−": "-"}) | str.maketrans(
    "øłđðħŧı", "olddhti"
)
_JOINERS = "\u200c\u200d"
# Unicode's bidirectional and format controls, joiners, invisible filler letters and tags (UAX 9, section 2; UTR 36, section 2.10.4).
# Variation selectors are kept: Japanese names use them to choose a form of a character.
_MARKS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e00ff]"
)
_JOINER_CONTEXT = 20


def strip_invisible(text: str) -> str:
    """Return a text without invisible characters that reverse the direction of text, or make equal-looking texts differ.

    Line and paragraph separators become spaces. Joiners are kept where a script needs them, as in Persian and Hindi (RFC 5892, appendix
    A), and removed elsewhere, as in combined emojis.

    Apply it to every text that enters the portal; forms and imports do.
    """
    if text.isascii() or _MARKS.search(text) is None:
        return text
    # Remove the other marks first: whether a joiner is kept depends on its remaining neighbours.
    remaining = _MARKS.sub(lambda mark: mark[0] if mark[0] in _JOINERS else " " if mark[0] in "\u2028\u2029" else "", text)
    return "".join(
        character for index, character in enumerate(remaining) if character not in _JOINERS or _is_needed_joiner(remaining, index)
    )


def _is_needed_joiner(text: str, index: int) -> bool:
    start = max(index - _JOINER_CONTEXT, 0)
    try:
        return idna.valid_contextj(text[start : index + _JOINER_CONTEXT], index - start)
    except ValueError:
        return False


def printable(text: str) -> str:
    """Return an untrusted text as one line that is safe to print on a terminal.

    Characters that move the cursor, change colours, reverse the direction or are invisible become U+FFFD; any space becomes a plain space.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or (character in _JOINERS and _is_needed_joiner(text, index))
        else " "
        if unicodedata.category(character) == "Zs"
        else "\ufffd"
        for index, character in enumerate(text)
    )


def fold(text: str) -> str:
    """Fold a text for search: lower case, no accents or strokes, plain ligatures, apostrophes and dashes, single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Fold twice: decomposing a character such as ™ can produce capitals (Unicode 3.13, compatibility caseless matching).
    plain = unicodedata.normalize("NFKD", text)
    for _ in range(2):
        plain = unicodedata.normalize("NFKD", plain.casefold().translate(_PLAIN))
    return _SPACES.sub(" ", "".join(c for c in plain if not unicodedata.combining(c))).strip()


def name_order(name: str) -> tuple[str, list[str], str]:
    """Return the sort key of a name, in the order of the CLDR for Canadian French.

    Letters count first, so that É stands with E. Names that differ only in accents are compared from their end (cote, côte, coté), and
    those that differ only in case have the small letter first.
    """
    accents: list[str] = []
    for character in unicodedata.normalize("NFD", name):
        if unicodedata.combining(character) and accents:
            accents[-1] += character
        else:
            accents.append("")
    return fold(name), accents[::-1], name.swapcase()


def like_pattern(word: str) -> str:
    r"""Return a LIKE pattern that matches the word anywhere; `%`, `_` and `\` in it are escaped with `\`."""
    return "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
