"""Headers of every answer, and the refusal of requests that another site started."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from odoportal.settings import get_settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
IMMUTABLE = ("/assets/", "/fonts/", "/icons.svg")
_BEGINNINGS = {"http.response.start", "websocket.http.response.start"}
"""Of an answer to a request, and of a refusal to open a socket."""


def policy(script_hashes: Iterable[str], leads_to: Iterable[str] = ()) -> str:
    """The content security policy of a document: own scripts, and inline ones only by their hash (ASVS 3.4.3).

    Args:
        script_hashes: of the inline scripts.
        leads_to: origins that a form may lead to besides the portal's own: browsers ask for the answer's redirect, too.
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


def of_every_answer() -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer has, as ASGI wants them: for answers that are given outside of the pages' layer."""
    return [(name.encode(), value.encode()) for name, value in _common().items()]


def secured(scope: Scope, send: Send) -> Send:
    """A `send` that adds the common headers to an answer, keeping those it has, and drops what names the server."""
    immutable = scope["path"].startswith(IMMUTABLE)

    async def sending(message: Message) -> None:
        if message["type"] in _BEGINNINGS:
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
    """Answer a request, or a websocket's handshake, with a plain refusal that has the common headers.

    Args:
        status: such as 429.
        text: the body.
        scope: the request's, as an ASGI application gets it.
        receive: as well.
        send: as well.
    """
    ends = {"connection": "close"} if scope["type"] == "websocket" else {}
    answer = Response(text, status, {"cache-control": "no-store", **ends}, media_type="text/plain")
    await answer(scope, receive, secured(scope, send))


def foreign(request: Request) -> bool:
    """True for a request that changes something and that another site started (ASVS 3.5.1).

    Browsers say so in `Sec-Fetch-Site`; older ones in `Origin`. A request with neither comes from no browser.
    """
    if request.method in SAFE_METHODS:
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("origin")
    return origin is not None and origin.lower() != get_settings().origin


def ambiguous(request: Request) -> bool:
    """True for a request with two lengths: whoever stands in front may have read another end of it (RFC 9112, 6.3)."""
    return "transfer-encoding" in request.headers and "content-length" in request.headers
