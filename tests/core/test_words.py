"""The words that customers read: one term for one thing in each language, and nothing that a native speaker would not write."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from odoportal.core import i18n

ROOT = Path(__file__).resolve().parents[2]
NB = "\u00a0"
GUIDE = {
    "Click LOGIN to log in to your account.",
    "Connection to the portal",
    "For a simple, easy and efficient navigation. This new portal offers a whole new user experience adapted to all platforms (PCs, "
    "tablet, smart phone), enabling you to access your account at any time. Discover it now!",
    "Home page of the ODOportal",
    "Login",
    "Welcome to our web portal!",
}
"""Messages in the words of Odotrack's printed guide: they stand, with their French."""
OTHERWISE = {
    "All invoices": "Toutes",
    "All orders": "Toutes",
    "Create new recovery codes": "Créer de nouveaux codes",
    "Demonstration: the business day is {day}.": f"Démonstration{NB}: nous sommes le {{day}}.",
    "Order date": "Passée le",
    "Serial number": "Nº de série",
    "Serial number, vehicle, order": "Nº de série, véhicule, commande",
}
"""Messages that say a term of the glossary shorter: tabs, headings and buttons, which stand beside the whole term."""
LONGEST_BUTTON = 36

NOT_ENGLISH = {
    "archaic": r"whoever|whatever|somebody|everybody|nobody|anew|meanwhile|look after|of your own|stands? (below|once)|go on\b",
    "a state that reports an event": r"(your|the|it)( \w+)? is (saved|set|changed|undone|ended|added|removed|signed out)\b",
    "two words for one thing": r"e-mail|log (in|on)\b|login|load the page|wrong codes?|letters?\b|kept on you",
}
NOT_FRENCH = {
    "a calque or an anglicism": r"au dossier|lire sur|lisez sur|prochain clic|digital|canceller|supporter|login|e-?mail",
    "two words for one thing": r"ouvr\w+ (une|vos|votre) session|sert une seule fois|mauvais code|paraî|pour le moment|changer le rôle",
    "an address that is called a message": r"(votre|nouveau|ce) courriel (est|actuel|change|sert|redevient)|par (sa|leur|cette) boîte",
    "a masculine for all": r"vous (restez|êtes|garde) (connecté|invité|avisé)\b|avez été (avisé|déconnecté|invité)\b|n’êtes pas client\b",
    "a negation without ne": r"(?<!n’est )plus exigée",
}
MARKED = [
    "This card is over", "Here stand the addresses", "Decides which fields there are", "may see the addresses, and not change them",
    "Orders and invoices keep it", "No address was removed", "This is no postal code", "is not in the province chosen",
    "Choose one of the values offered", "This cannot be used here", "There is no such", "Stored meanwhile", "emptied meanwhile",
    "Took back", "Somebody else’s sign-in reported", "You say that somebody else", "given up by the payment provider",
    "by its mailbox", "by this mailbox", "Look after", "Take home", "Its number never comes to us", "takes its place",
    "left for too long", "has not said yet", "not enough money", "Whatever somebody changes", "by nobody of this account",
    "Nothing was changed yet", "Nothing needs you today", "an agreement that runs", "how to reach us", "This holds characters",
    "cannot be read", "too many at once", "Reach Odotrack", "working day", "than one person reads", "One file holds up to",
    "Part paid", "listed already", "belongs to the account already", "We mailed", "is on for you", "nothing more comes",
    "Get the copies", "Get them again", "To pay by", "Nothing is left to pay", "This is new", "We have received this",
    "as far as we know", "It gets no more copies", "Load the page anew", "in force from the next click", "Your role would be",
    "may do stands below", "Everybody decides alone", "Nobody sees this account", "Require it no longer", "Somebody who comes back",
    "Never yet", "Instants are UTC", "cannot be turned back", "if you want to say", "nobody signs in for this account",
    "the year they are of", "notice somebody else’s", "take them away", "what was asked of the server", "they know you as a number",
    "Only who serves you", "This code is not right", "replace all from before", "stands once for your second step", "know it again",
    "makes no second one", "a browser that knows them", "I have kept them", "as there can be", "a code of an app", "asks your finger",
    "somebody else was in", "Whoever has it", "wrong codes at your sign-in", "guessed first", "Nothing has to be a capital",
    "a device of your own", "Look at your mail", "unwanted mail", "to go on", "Nothing moved", "What you had typed here is back",
    "Look at these fields", "Switch single keys", "Filters in force", "This place is being built",
    "Connexion en deux étapes plus exigée", "par personne de ce compte", "pour ouvrir votre compte", "Ceci est nouveau",
    "reçu ce qui suit", "vous invite dans", "vous invite sur", "Connexion d’une autre personne signalée", "Arrêté par cette boîte",
    "Facturé à la commande", "Jamais encore", "Au carnet", "votre doigt", "Qui n’apprend que", "un navigateur qui les connaît",
    "le fisc", "Ce n’est plus ici",
]  # fmt: skip
"""Phrases that readers of all messages marked, by the words that gave it away."""


@cache
def messages() -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the English and French texts of every message: one, or two for a plural."""
    with i18n.CATALOGUE.open("rb") as file:
        found = [message for message in read_po(file, locale="fr") if message.id]
    return [(_texts(message.id), _texts(message.string)) for message in found]


def _texts(words: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(words) if isinstance(words, list | tuple) else (words or "",)


def english() -> Iterator[str]:
    return (text for texts, _ in messages() for text in texts if text not in GUIDE)


def french() -> Iterator[str]:
    return (text for texts, own in messages() if texts[0] not in GUIDE for text in own)


def shown(text: str) -> str:
    """Return a message without the names of its values."""
    return re.sub(r"\{[^}]*\}", "", text)


def found_in(texts: Iterator[str], pattern: str) -> list[str]:
    return [text for text in texts if re.search(rf"\b({pattern})", shown(text), re.IGNORECASE)]


@cache
def terms() -> list[tuple[str, str, list[str], list[str]]]:
    """Return the glossary's terms: English, French, and the words that must not stand for them in each."""
    table = (ROOT / "docs" / "glossary.md").read_text("utf-8").split("## What customers read")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")][2:]
    return [(en, fr, [w for w in no.split(", ") if w], [w for w in pas.split(", ") if w]) for en, fr, no, pas in rows]


def without_term(term: str, own: str) -> list[str]:
    """Return the messages with an English term whose French lacks the French one; endings differ with number, gender and tense."""
    stems = [word[: max(4, round(len(word) * 0.6))].lower() for word in own.split() if len(word) > 3]
    return [
        texts[0]
        for texts, (translated, *_) in messages()
        if re.search(rf"\b{term}s?\b", shown(texts[0]), re.IGNORECASE)
        and OTHERWISE.get(texts[0]) != translated
        and not all(stem in translated.lower() for stem in stems)
    ]


@pytest.mark.parametrize(("term", "own"), [(term, own) for term, own, *_ in terms()])
def test_a_term_of_the_glossary_is_said_the_same_in_every_message(term: str, own: str) -> None:
    assert not without_term(term, own)


def test_what_stands_shorter_is_a_message() -> None:
    assert set(OTHERWISE) | GUIDE <= {texts[0] for texts, _ in messages()}
    assert len(terms()) > 25
    assert without_term("order", "achat"), "the control: another French word would be noticed"


def test_no_other_word_stands_for_a_term() -> None:
    for _, _, not_, pas in terms():
        for texts, words in ((english(), not_), (french(), pas)):
            assert not (words and found_in(texts, "|".join(rf"{re.escape(word)}s?\b" for word in words))), words


@pytest.mark.parametrize("pattern", NOT_ENGLISH.values(), ids=NOT_ENGLISH)
def test_english_that_nobody_would_write(pattern: str) -> None:
    assert not found_in(english(), pattern)


@pytest.mark.parametrize("pattern", NOT_FRENCH.values(), ids=NOT_FRENCH)
def test_french_that_nobody_would_write(pattern: str) -> None:
    assert not found_in(french(), pattern)


def test_what_the_readers_marked_is_gone() -> None:
    every = [*english(), *french()]
    assert not [(marked, text) for marked in MARKED for text in every if marked.lower() in text.lower()]


UNITS = r"(jours?|heures?|minutes?|secondes?|semaines?|mois|ans?|caractères|chiffres|k?m|[KMG]o|%|\$|h|min)\b"


def split_from_its_unit(text: str) -> bool:
    """Return whether a number of the text may be on another line than its unit."""
    return re.search(rf"(\d|\{{n\}}|\{{size\}}) {UNITS}", text) is not None


def test_a_total_follows_sur_in_french() -> None:
    assert not [text for text in french() if re.search(r"\} de \{(total|pages|count)\}", text)]


def test_a_number_stays_with_its_unit_in_french() -> None:
    assert [text for text in ("30 jours", "{n} caractères", "{size} Mo", "12 345,60 $") if split_from_its_unit(text)]
    assert not split_from_its_unit(f"30{NB}jours, 5 appareils")
    assert not [text for text in french() if split_from_its_unit(text)]


@pytest.mark.parametrize("text", ["today's", '"a"', "a...", "a  b", " a", "1 - 2"])
def test_english_typography(text: str) -> None:
    fault = r"['\"]|\.\.|  |^ | $| - "
    assert re.search(fault, text)
    assert not [found for found in english() if re.search(fault, found)]


def test_every_character_is_in_the_portals_typeface() -> None:
    """Anything else would come from another typeface: the font of `assets/fonts` has the characters of French and English only."""
    letters = "ÀÂÆÇÈÉÊËÎÏÔÙÛÜŒŸàâæçèéêëîïôùûüœÿ"
    known = {*map(chr, range(0x20, 0x7F)), *letters, *"’“”«»–…º·•−", NB}
    assert not {character for text in (*english(), *french()) for character in text} - known


def buttons() -> Iterator[str]:
    """Yield the messages on buttons: those that send a form or answer its question, and those of elements."""
    for path in sorted((ROOT / "odoportal").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Form" | "PublicForm" | "Confirm"), args=[_, _, label, *_]):
                    labels = [label]
                case ast.Call(func=ast.Name(id="el"), args=[ast.Constant(value="button"), *labels]):
                    pass
                case _:
                    continue
            for inner in (inner for label in labels for inner in ast.walk(label)):
                match inner:
                    case ast.Call(func=ast.Name(id="t"), args=[ast.Constant(value=str(text)), *_]):
                        yield text


def test_a_button_has_a_short_label() -> None:
    translated = {texts[0]: (*texts, *own) for texts, own in messages()}
    labels = set(buttons())
    assert {"Save", "Login", "Send the link", "Change the email address", "End all other sessions"} <= labels
    assert not [label for button in labels for label in translated[button] if len(label) > LONGEST_BUTTON]
