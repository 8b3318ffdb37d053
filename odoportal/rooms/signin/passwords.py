"""Passwords: storage, verification and strength rules.

The stored value is `v1$` followed by bcrypt, cost 12, of base64(HMAC-SHA384(pepper, NFKC(password))). The pre-hash is 64 bytes for a
password of any length, while bcrypt alone refuses more than 72 (OWASP Password Storage). Spaces and case are significant. NFKC makes the
composed and the decomposed é the same password (NIST SP 800-63B).
"""

import base64
import hashlib
import hmac
import math
import re
import threading
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import bcrypt
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE, relevant_l33t_subtable

from odoportal.core.i18n import t
from odoportal.limits.work_queue import Client, WorkQueue
from odoportal.settings import get_settings

COST = 12
SHORTEST, LONGEST = 15, 128
# Longer passwords are refused before normalization: NFKC can turn one character into eighteen, or join several into one.
LONGEST_TYPED = 1_000
FEWEST_GUESSES = 10**8
# Only the first 32 characters are estimated, which is enough: 70 symbols take seconds, and further characters only strengthen a password.
ESTIMATED_LENGTH = 32
# The estimate looks up each word once per reading of the look-alikes (`4` and `@` for an a); 32 characters can have 700 readings.
MOST_READINGS = 16
_LOOK_ALIKES = str.maketrans({"@": "4", "{": "(", "[": "(", "<": "(", "!": "1", "|": "1", "$": "5", "+": "7"})
"""Look-alike symbols, each with another character of the estimate's table that stands for the same letters and replaces it."""
COMPANY_WORDS = ("odoportal", "odotrack", "odotrace", "portail", "portal", "odo")
OWN_CHARACTERS = 8
_SHORTEST_WORD = 3
_STORED = re.compile(r"v1\$(\$2b\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53})")
# Two at a time, so that a flood of sign-ins leaves processor time for signed-in people.
_queue = WorkQueue(2, "bcrypt")
# One at a time: zxcvbn stores the user's words in a module-level table.
_estimating = threading.Lock()


class Weakness(StrEnum):
    """A reason to refuse a new password."""

    SHORT = "short"
    LONG = "long"
    PERSONAL = "personal"
    COMMON = "common"


@dataclass(frozen=True)
class Owner:
    """The owner of a password, whose email and name it must not consist of."""

    email: str
    name: str

    @property
    def words(self) -> list[str]:
        """The words of the person and the company, case-folded, longest first."""
        local = self.email.split("@")[0]
        parts = re.split(r"[\W_]+", f"{local} {self.email.replace('.', ' ')} {self.name}".casefold())
        words = {local.casefold(), *parts, *COMPANY_WORDS}
        return sorted((word for word in words if len(word) >= _SHORTEST_WORD), key=lambda word: (-len(word), word))


def normalize(password: str) -> str | None:
    """Return the NFKC form of a password, by which it is hashed and measured; None if it is longer than `LONGEST_TYPED`."""
    return unicodedata.normalize("NFKC", password) if len(password) <= LONGEST_TYPED else None


def _prehash(password: str) -> bytes:
    pepper = hmac.digest(get_settings().secret.get_secret_value().encode(), b"odoportal password pepper v1", hashlib.sha384)
    mixed = hmac.digest(pepper, password.encode("utf-8", "surrogatepass"), hashlib.sha384)
    return base64.b64encode(mixed)


def _dummy_hash() -> str:
    # No password has this hash, and comparing with it takes as long as any other comparison.
    return f"$2b${COST:02d}${'.' * 53}"


def hash_password(password: str) -> str:
    """Return the value to store for a password that `weakness` accepts. It runs one bcrypt: call it in a worker thread.

    Raises:
        ValueError: if the password is too long.
    """
    text = normalize(password)
    if text is None or len(text) > LONGEST:
        raise ValueError("the password is too long")
    return "v1$" + bcrypt.hashpw(_prehash(text), bcrypt.gensalt(COST)).decode()


def matches(stored: str | None, password: str) -> bool:
    """Return whether a password matches the stored value. It runs one bcrypt whatever is stored, and never raises.

    If nothing or a damaged value is stored, the password is compared with a hash that no password has. A password longer than `LONGEST`
    is refused without bcrypt.
    """
    text = normalize(password)
    if text is None or len(text) > LONGEST:
        return False
    known = _STORED.fullmatch(stored or "")
    try:
        return bcrypt.checkpw(_prehash(text), (known[1] if known else _dummy_hash()).encode()) and known is not None
    except ValueError:
        return False


def is_outdated(stored: str) -> bool:
    """Return whether the stored value is damaged or has a lower cost than `COST` and must be hashed again after a sign-in."""
    known = _STORED.fullmatch(stored)
    return known is None or int(known[2]) < COST


def _estimated_part(text: str) -> str:
    """Return the part of a password to estimate, so that the estimate is cheap for every password.

    If it has many look-alikes, those that stand for the same letters are replaced by one of them; the same words are still found.
    """
    text = text[:ESTIMATED_LENGTH]
    readings = math.prod(len(signs) for signs in relevant_l33t_subtable(text, L33T_TABLE).values())
    return text.translate(_LOOK_ALIKES) if readings > MOST_READINGS else text


def weakness(password: str, owner: Owner) -> Weakness | None:
    """Return why a new password is refused, or None if it is good. There are no composition rules (NIST SP 800-63B)."""
    text = normalize(password)
    if text is None or len(text) > LONGEST:
        return Weakness.LONG
    if len(text) < SHORTEST:
        return Weakness.SHORT
    remaining = text.casefold()
    for word in owner.words:
        remaining = remaining.replace(word, "")
    if len(remaining) < OWN_CHARACTERS:
        return Weakness.PERSONAL
    with _estimating:
        estimate = zxcvbn(_estimated_part(text), user_inputs=owner.words)
    return Weakness.COMMON if estimate["guesses"] < FEWEST_GUESSES else None


def explain(why: Weakness) -> str:
    """Return the error text for a weakness, in the current language."""
    if why is Weakness.SHORT:
        return t("The password is too short: use at least {n} characters.", n=SHORTEST)
    if why is Weakness.LONG:
        return t("The password is too long: use at most {n} characters.", n=LONGEST)
    if why is Weakness.PERSONAL:
        return t("The password is mostly your name, your email address or our name. Add other words.")
    return t("This is one of the most commonly guessed passwords. Use several words that do not belong together.")


def rules() -> list[str]:
    """Return the password rules shown on the page, in the current language."""
    return [
        t("From {fewest} to {most} characters. Several words make a good password.", fewest=SHORTEST, most=LONGEST),
        t("Any character is allowed, including spaces. No capital, digit or symbol is required."),
        t("Not a common password, and not your name, your email address or our name."),
    ]


async def matches_in_queue(stored: str | None, password: str, asker: Client) -> bool:
    """Run `matches` in the password queue.

    Raises:
        Busy: if the queue is full or the wait was too long.
    """
    return await _queue.run(asker, matches, stored, password)


async def hash_in_queue(password: str, asker: Client) -> str:
    """Run `make` in the password queue.

    Raises:
        Busy: if the queue is full or the wait was too long.
    """
    return await _queue.run(asker, hash_password, password)


async def weakness_in_queue(password: str, owner: Owner, asker: Client) -> Weakness | None:
    """Run `weakness` in the password queue.

    Raises:
        Busy: if the queue is full or the wait was too long.
    """
    return await _queue.run(asker, weakness, password, owner)
