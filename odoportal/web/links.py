"""Addresses of the portal's own pages and files."""

import re
from urllib.parse import urlencode

from odoportal.core.identity import Identity
from odoportal.settings import get_settings

# One-use tokens (`mail.outbox.token_of`) and signed ones (`core.signing`), then what belongs to the text around the link.
_TOKEN = re.compile(r"([A-Za-z0-9_-]{43}|[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22})[^A-Za-z0-9]*")


def page_link(language: str, path: str, /, **query: str) -> str:
    """Return the address of a page or file, whoever may see it: `/en/orders?account=R%26D+10`. Empty values are left out.

    Args:
        language: "fr" or "en".
        path: The path without the language. The caller quotes the parts that are not fixed.
        query: The values of the query, as they are.
    """
    written = urlencode({name: value for name, value in query.items() if value})
    return f"/{language}{path}" + (f"?{written}" if written else "")


def absolute_link(language: str, path: str, /, **query: str) -> str:
    """Return the address of a page for an email; see `page_link`."""
    return f"{get_settings().origin}{page_link(language, path, **query)}"


def link_to(who: Identity, language: str, path: str, /, **query: str) -> str:
    """Return the address of a page or file: `/en/orders?account=1042&open=26367`.

    It names the account only if the person has several, so that a link never leads from one account into another.

    Args:
        who: The signed-in person, in the account that the page is about.
        language: "fr" or "en".
        path: The path without the language. The caller quotes the parts that are not fixed.
        query: The values of the query.
    """
    account = {"account": who.account.number} if len(who.memberships) > 1 else {}
    return page_link(language, path, **account, **query)


def token_of_link(text: str) -> str:
    """Return the token of a mailed link, without what was copied along with it: a full stop, a bracket, a space."""
    found = _TOKEN.fullmatch(text)
    return found[1] if found else text
