"""The headers of every answer, and the checks that refuse cross-site and ambiguous requests."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from odoportal.settings import get_settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
IMMUTABLE = ("/assets/", "/fonts/", "/icons.svg")
_START_MESSAGES = {"http.response.start", "websocket.http.response.start"}
"""The messages that start an answer to a request, or a refusal of a websocket handshake."""


def content_security_policy(script_hashes: Iterable[str], leads_to: Iterable[str] = ()) -> str:
    """Return the content security policy of a document: own scripts, and inline scripts only by their hash (ASVS 3.4.3).

    Args:
        script_hashes: the hashes of the document's inline scripts.
        leads_to: origins that a form may redirect to besides the portal's own; browsers apply `form-action` to redirects, too.
    """
    scripts = " ".join(["script-src 'self'", *script_hashes])
    forms = " ".join(["form-action 'self'", *leads_to])
    return (
        f"default-src 'none'; {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; object-src 'none'; base-uri 'none'; "
        f"frame-ancestors 'none'; {forms}"
    )


def _common() -> dict[str, str]:
    common = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "x-robots-tag": "noindex, nofollow",
    }
    if get_settings().secure:
        common["strict-transport-security"] = "max-age=63072000; includeSubDomains"
    return common


def common_headers() -> list[tuple[bytes, bytes]]:
    """Return the common headers as ASGI pairs, for answers that are given outside of the document server."""
    return [(name.encode(), value.encode()) for name, value in _common().items()]


def with_common_headers(scope: Scope, send: Send) -> Send:
    """Return a `send` that adds the common headers, keeps those the answer already has, and removes the `Server` header."""
    immutable = scope["path"].startswith(IMMUTABLE)

    async def sending(message: Message) -> None:
        if message["type"] in _START_MESSAGES:
            kept = [(k, v) for k, v in message.get("headers", []) if k.lower() != b"server"]
            present = {k.lower() for k, _ in kept}
            added = [(k.encode(), v.encode()) for k, v in _common().items() if k.encode() not in present]
            if immutable and message["status"] == 200:
                kept = [(k, v) for k, v in kept if k.lower() != b"cache-control"]
                added.append((b"cache-control", b"public, max-age=31536000, immutable"))
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return sending


async def refuse(status: int, text: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request or a websocket handshake with a plain-text refusal that has the common headers.

    Args:
        status: the HTTP status, such as 429.
        text: the body.
        scope: the ASGI scope of the request.
        receive: the ASGI receive callable.
        send: the ASGI send callable.
    """
    closing = {"connection": "close"} if scope["type"] == "websocket" else {}
    answer = Response(text, status, {"cache-control": "no-store", **closing}, media_type="text/plain")
    await answer(scope, receive, with_common_headers(scope, send))


def is_cross_site(request: Request) -> bool:
    """Return whether another site started a request that changes something (ASVS 3.5.1).

    Current browsers say so in `Sec-Fetch-Site`, older ones in `Origin`. A request with neither header does not come from a browser.
    """
    if request.method in SAFE_METHODS:
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("origin")
    return origin is not None and origin.lower() != get_settings().origin


def has_two_lengths(request: Request) -> bool:
    """Return whether a request has two lengths: a proxy in front may have read another end of its body (RFC 9112, section 6.3)."""
    return "transfer-encoding" in request.headers and "content-length" in request.headers
