"""Limits on the number of open websockets, in total and per client address."""

import logging
from collections import Counter
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from odoportal.limits import rate_limits
from odoportal.limits.open_files import ConnectionLimits
from odoportal.observability import logs
from odoportal.observability.log_pacing import LogPacer
from odoportal.web import headers

_REFUSAL = "too many connections"


class OpenSocketLimit:
    """Middleware that counts open websockets and refuses a handshake beyond the limits.

    A socket that only answers pings costs its client nothing, so open sockets are counted, not messages.

    Args:
        app: the application behind it; the scope already has the real client address.
        limits: how many may be open.
        log_pacer: paces the log lines about refusals.
    """

    def __init__(self, app: ASGIApp, limits: ConnectionLimits, log_pacer: LogPacer | None = None) -> None:
        self.app, self.limits = app, limits
        self._log_pacer = log_pacer or LogPacer()
        self._open_by_address = Counter[str]()
        self._total = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer a handshake with 429 (too many from one address) or 503 (too many in total)."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        key = rate_limits.address_key(scope["client"][0] if scope.get("client") else "")
        if self._open_by_address[key] >= self.limits.sockets_per_address:
            self._log_excess(key)
            await headers.refuse(HTTPStatus.TOO_MANY_REQUESTS, _REFUSAL, scope, receive, send)
        elif self._total >= self.limits.sockets:
            self._log_excess(key)
            await headers.refuse(HTTPStatus.SERVICE_UNAVAILABLE, _REFUSAL, scope, receive, send)
        else:
            self._open_by_address[key] += 1
            self._total += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self._total -= 1
                self._open_by_address[key] -= 1
                if not self._open_by_address[key]:
                    del self._open_by_address[key]

    def _log_excess(self, address: str) -> None:
        if refused := self._log_pacer.due():
            logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, what="sockets", address=address, count=refused)
