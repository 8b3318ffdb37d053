"""Passwords: how they are stored, verified and judged.

Stored is `v1$` and bcrypt, cost 12, of base64(HMAC-SHA384(pepper, NFKC(password))): 64 bytes for a password of any
length, where bcrypt alone refuses more than 72 (OWASP Password Storage). Spaces and case are kept. NFKC makes the composed
and the decomposed é the same password (NIST SP 800-63B).
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
from odoportal.limits.work_queue import Asker, WorkQueue
from odoportal.settings import get_settings

COST = 12
SHORTEST, LONGEST = 15, 128
# NFKC can turn one character into eighteen, or join a few into one; what is longer than this is not even looked at.
LONGEST_TYPED = 1_000
FEWEST_GUESSES = 10**8
# The estimate takes seconds for 70 characters of symbols, and 32 tell enough; the rest can only make it harder.
JUDGED = 32
# The estimate looks up every word once for each way to read the look-alikes (`4` and `@` for an a), of which 32 characters can have 700.
MOST_READINGS = 16
_ALIKE = str.maketrans({"@": "4", "{": "(", "[": "(", "<": "(", "!": "1", "|": "1", "$": "5", "+": "7"})
"""Symbols that stand for the same letters as another character of the estimate's table, which takes their place."""
COMPANY_WORDS = ("odoportal", "odotrack", "odotrace", "portail", "portal", "odo")
OWN_CHARACTERS = 8
_SHORTEST_WORD = 3
_STORED = re.compile(r"v1\$(\$2b\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53})")
# Two at a time: a flood of sign-ins must not take every core from those who are already inside.
_queue = WorkQueue(2, "bcrypt")
# The estimator keeps the user's words in a table of the module: one at a time.
_estimating = threading.Lock()


class Weakness(StrEnum):
    """Why a password is not accepted."""

    SHORT = "short"
    LONG = "long"
    PERSONAL = "personal"
    COMMON = "common"


@dataclass(frozen=True)
class Owner:
    """Whose password it is: what it must not be made of."""

    email: str
    name: str

    @property
    def words(self) -> list[str]:
        """The words of the person and of the company, folded, longest first."""
        local = self.email.split("@")[0]
        parts = re.split(r"[\W_]+", f"{local} {self.email.replace('.', ' ')} {self.name}".casefold())
        words = {local.casefold(), *parts, *COMPANY_WORDS}
        return sorted((word for word in words if len(word) >= _SHORTEST_WORD), key=lambda word: (-len(word), word))


def normal(password: str) -> str | None:
    """The password as it is hashed and counted; None when it is too long to be looked at."""
    return unicodedata.normalize("NFKC", password) if len(password) <= LONGEST_TYPED else None


def _prehash(password: str) -> bytes:
    pepper = hmac.digest(get_settings().secret.get_secret_value().encode(), b"odoportal password pepper v1", hashlib.sha384)
    mixed = hmac.digest(pepper, password.encode("utf-8", "surrogatepass"), hashlib.sha384)
    return base64.b64encode(mixed)


def _nobody() -> str:
    # No password has this hash, and comparing with it costs what every comparison costs.
    return f"$2b${COST:02d}${'.' * 53}"


def make(password: str) -> str:
    """What is stored for a password that `weakness` accepts. One bcrypt: call it in a worker thread.

    Raises:
        ValueError: when the password is too long.
    """
    text = normal(password)
    if text is None or len(text) > LONGEST:
        raise ValueError("the password is too long")
    return "v1$" + bcrypt.hashpw(_prehash(text), bcrypt.gensalt(COST)).decode()


def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one. One bcrypt whatever is stored, and it never raises.

    Nothing stored, or a damaged value, compares with a hash that no password has. A password longer than the longest that
    can be set is refused without a hash.
    """
    text = normal(password)
    if text is None or len(text) > LONGEST:
        return False
    known = _STORED.fullmatch(stored or "")
    try:
        return bcrypt.checkpw(_prehash(text), (known[1] if known else _nobody()).encode()) and known is not None
    except ValueError:
        return False


def is_outdated(stored: str) -> bool:
    """True where the stored value is of a lower cost than today's, so that it is made anew after a sign-in."""
    known = _STORED.fullmatch(stored)
    return known is None or int(known[2]) < COST


def _judged(text: str) -> str:
    """Return what of a password the estimate is given, so that it costs little whatever the password is.

    Where it has many look-alikes, those that stand for the same letters become one; the same words are found in it.
    """
    text = text[:JUDGED]
    readings = math.prod(len(signs) for signs in relevant_l33t_subtable(text, L33T_TABLE).values())
    return text.translate(_ALIKE) if readings > MOST_READINGS else text


def weakness(password: str, owner: Owner) -> Weakness | None:
    """Why a new password is refused; None when it is good. No rules of composition (NIST SP 800-63B)."""
    text = normal(password)
    if text is None or len(text) > LONGEST:
        return Weakness.LONG
    if len(text) < SHORTEST:
        return Weakness.SHORT
    left = text.casefold()
    for word in owner.words:
        left = left.replace(word, "")
    if len(left) < OWN_CHARACTERS:
        return Weakness.PERSONAL
    with _estimating:
        judged = zxcvbn(_judged(text), user_inputs=owner.words)
    return Weakness.COMMON if judged["guesses"] < FEWEST_GUESSES else None


def explain(why: Weakness) -> str:
    """The reason in the language in use."""
    if why is Weakness.SHORT:
        return t("The password is too short: use at least {n} characters.", n=SHORTEST)
    if why is Weakness.LONG:
        return t("The password is too long: use at most {n} characters.", n=LONGEST)
    if why is Weakness.PERSONAL:
        return t("The password is mostly your name, your email or ours. Add other words.")
    return t("The password is on the list of those that are guessed first. Use several words that do not belong together.")


def rules() -> list[str]:
    """The rules in the language in use, as the page shows them."""
    return [
        t("From {fewest} to {most} characters. Several words make a good password.", fewest=SHORTEST, most=LONGEST),
        t("Any character is allowed, spaces too. Nothing has to be a capital, a digit or a symbol."),
        t("Not a common password, and not your name, your email or ours."),
    ]


async def verify(stored: str | None, password: str, asker: Asker) -> bool:
    """`matches`, in the bounded queue.

    Raises:
        Busy: too much waits already.
    """
    return await _queue.run(asker, matches, stored, password)


async def hashed(password: str, asker: Asker) -> str:
    """`make`, in the bounded queue.

    Raises:
        Busy: too much waits already.
    """
    return await _queue.run(asker, make, password)


async def judge(password: str, owner: Owner, asker: Asker) -> Weakness | None:
    """`weakness`, in the bounded queue.

    Raises:
        Busy: too much waits already.
    """
    return await _queue.run(asker, weakness, password, owner)
