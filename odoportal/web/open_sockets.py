"""Limits on the number of open websockets, in total and per client address."""

import logging
from collections import Counter
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from odoportal.limits import rate_limits
from odoportal.limits.open_files import Limits
from odoportal.observability import logs
from odoportal.observability.log_pacing import LogPacer
from odoportal.web import headers

_WORDS = "too many connections"


class OpenSockets:
    """Middleware that counts open websockets and refuses a handshake beyond the limits.

    A socket that only answers pings costs its client nothing, so open sockets are counted, not messages.

    Args:
        app: the application behind it; the scope already has the real client address.
        limits: how many may be open.
        seldom: paces the log lines about refusals.
    """

    def __init__(self, app: ASGIApp, limits: Limits, seldom: LogPacer | None = None) -> None:
        self.app, self.limits = app, limits
        self._seldom = seldom or LogPacer()
        self._open = Counter[str]()
        self._all = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer a handshake with 429 (too many from one address) or 503 (too many in total)."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        key = rate_limits.address_key(scope["client"][0] if scope.get("client") else "")
        if self._open[key] >= self.limits.sockets_per_address:
            self._tell(key)
            await headers.refuse(HTTPStatus.TOO_MANY_REQUESTS, _WORDS, scope, receive, send)
        elif self._all >= self.limits.sockets:
            self._tell(key)
            await headers.refuse(HTTPStatus.SERVICE_UNAVAILABLE, _WORDS, scope, receive, send)
        else:
            self._open[key] += 1
            self._all += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self._all -= 1
                self._open[key] -= 1
                if not self._open[key]:
                    del self._open[key]

    def _tell(self, address: str) -> None:
        if refused := self._seldom.due():
            logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, what="sockets", address=address, count=refused)
