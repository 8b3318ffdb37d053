"""Signed tokens: short texts that the portal puts into links and can verify when they come back."""

import base64
import hashlib
import hmac

from odoportal.settings import get_settings

_MAC_BYTES = 16
"""128 bits, which is enough for a MAC that can be guessed online only (RFC 2104, section 5)."""


def _mac(purpose: str, text: bytes) -> bytes:
    key = get_settings().secret.get_secret_value().encode()
    # No purpose contains a line feed, so that two different pairs of purpose and text never give the same bytes.
    return hmac.digest(key, b"odoportal signed v1 " + purpose.encode() + b"\n" + text, hashlib.sha256)[:_MAC_BYTES]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(purpose: str, text: str) -> str:
    """Return a text as a signed token of letters, digits, `-`, `_` and one point.

    The text is not encrypted. The token has no expiry: it is valid as long as the portal's secret is not changed.

    Args:
        purpose: What the token is for; it is not valid for another purpose.
        text: The text to sign.
    """
    return f"{_base64url(text.encode())}.{_base64url(_mac(purpose, text.encode()))}"


def verify(purpose: str, token: str) -> str | None:
    """Return the text of a token; None when the portal has not signed it for this purpose."""
    text = token.partition(".")[0]
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode()
    except ValueError:
        return None
    # Compare bytes: `compare_digest` raises TypeError on strings that are not ASCII, and the token comes from outside.
    return plain if hmac.compare_digest(sign(purpose, plain).encode(), token.encode(errors="replace")) else None
