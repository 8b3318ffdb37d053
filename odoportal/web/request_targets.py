"""Refuses request targets that are not a path: `*`, and absolute addresses as sent to a proxy (RFC 9112, section 3.2)."""

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
        if scope["type"] not in {"http", "websocket"} or scope["path"].startswith("/"):
            await self.app(scope, receive, send)
        else:
            await headers.refuse(400, "bad target", scope, receive, send)
