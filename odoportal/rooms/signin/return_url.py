"""The return address after sign-in: an address of this site in the language of the page, or the home page."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from odoportal.core.i18n import LANGUAGES

LONGEST = 2_000
_OUTSIDE = {"login", "forgot", "reset", "invite", "join", "email", "undo", "alert", "code"}
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
_DECODINGS = 3


def landing(wanted: str, language: str, accounts: set[str] | None = None) -> str:
    """Return the address to redirect to after a sign-in.

    Args:
        wanted: the value of `next`; it is untrusted.
        language: the language of the sign-in page, "fr" or "en".
        accounts: the account numbers of a person who is already signed in. An address for another account would redirect back to the
            sign-in page, so the home page is returned instead.

    Returns:
        `wanted`, in the language of the page, if it is a path of this site and not a sign-in page; otherwise the home page.
    """
    home = f"/{language}/"
    if not wanted or len(wanted) > LONGEST or not _stays(wanted):
        return home
    try:
        parts = urlsplit(wanted)
        account = parse_qs(parts.query).get("account")
    except ValueError:
        return home
    first, _, rest = parts.path.removeprefix("/").partition("/")
    if first == "auth" or (first in LANGUAGES and rest.strip("/").split("/")[0] in _OUTSIDE):
        return home
    if accounts is not None and account and account[-1] not in accounts:
        return home
    path = f"/{language}/{rest}" if first in LANGUAGES else parts.path
    return f"{path}?{parts.query}" if parts.query else path


def _stays(wanted: str) -> bool:
    """Return whether no browser or proxy can read the path as an address of another site, even if it is decoded repeatedly."""
    for _ in range(_DECODINGS):
        path = wanted.partition("?")[0]
        if not path.startswith("/") or path.startswith("//") or _UNSAFE.search(path):
            return False
        wanted = unquote(wanted)
    return not _UNSAFE.search(wanted.partition("?")[2].replace(" ", ""))
