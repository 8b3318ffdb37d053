"""Addresses of the portal's own pages and files."""

from urllib.parse import urlencode

from odoportal.core.identity import Identity


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
    written = urlencode({**account, **query})
    return f"/{language}{path}" + (f"?{written}" if written else "")
