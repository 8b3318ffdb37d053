"""Short texts that the portal signs, so that they can go out in a link and be believed when they come back."""

import base64
import hashlib
import hmac

from odoportal.settings import get_settings

_MAC_BYTES = 16
"""128 bits: what can only be tried against the server needs no more (RFC 2104, section 5)."""


def _mac(purpose: str, text: bytes) -> bytes:
    key = get_settings().secret.get_secret_value().encode()
    # The purpose ends with a sign that none has in it, so that no two of purpose and text can be mistaken for each other.
    return hmac.digest(key, b"odoportal signed v1 " + purpose.encode() + b"\n" + text, hashlib.sha256)[:_MAC_BYTES]


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(purpose: str, text: str) -> str:
    """A text as a token: letters, digits, `-`, `_` and one point. It is signed, not hidden; it ends with the portal's secret only.

    Args:
        purpose: what it is for; a token for one purpose is nothing for another.
        text: what it says.
    """
    return f"{_written(text.encode())}.{_written(_mac(purpose, text.encode()))}"


def read(purpose: str, token: str) -> str | None:
    """What a token says; None where the portal did not sign it for this purpose."""
    text = token.partition(".")[0]
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode()
    except ValueError:
        return None
    # Bytes, since a token from outside may hold letters that a comparison of texts refuses.
    return plain if hmac.compare_digest(sign(purpose, plain).encode(), token.encode(errors="replace")) else None
