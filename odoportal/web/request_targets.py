"""Refuses request targets that are not a path: `*`, and absolute addresses as sent to a proxy (RFC 9112, section 3.2).

A path or query with a NUL is refused, too: PostgreSQL can neither store it nor compare with it, so every query would fail.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from odoportal.web import headers


class RequestTargetCheck:
    """Middleware that only passes on requests for a path. Browsers send nothing else to a server.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 400."""
        if scope["type"] not in {"http", "websocket"} or _is_usable(scope["path"], scope["query_string"]):
            await self.app(scope, receive, send)
        else:
            await headers.refuse(400, "bad target", scope, receive, send)


def _is_usable(path: str, query: bytes) -> bool:
    return path.startswith("/") and "\0" not in path and b"%00" not in query and b"\0" not in query
