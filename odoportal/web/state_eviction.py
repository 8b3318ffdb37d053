"""Evicts the state of a closed tab. Reflex keeps it in memory for an hour, and on a busy day closed tabs would fill the memory.

A tab that comes back later still has its page in its address and its session in its cookie: the event gate fills the state again, as after
a restart.
"""

import asyncio
import re
from urllib.parse import parse_qs

import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVICT_AFTER_SECONDS = 60.0
"""For how long a tab may be disconnected, for example while the network changes, and still find its state."""

_NEW_TOKEN = re.compile(r'42/_event,\["new_token",\s?"(?P<token>[^"]+)"\]')
"""The message in which Reflex gives a socket another token than it asked for: a duplicated tab brings the token of its original."""


class StateEviction:
    """Middleware that watches websockets end.

    Args:
        app: the application behind it.
        reflex: the Reflex app whose states are evicted.
    """

    def __init__(self, app: ASGIApp, reflex: rx.App) -> None:
        self.app, self.reflex = app, reflex

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. When a websocket ends, schedule the eviction of its states."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        tokens = set(parse_qs(scope["query_string"].decode("latin-1")).get("token", []))

        async def sending(message: Message) -> None:
            if replaced := _NEW_TOKEN.fullmatch(message.get("text") or ""):
                tokens.add(replaced["token"])
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            for token in tokens:
                self._schedule_eviction(token)

    def _schedule_eviction(self, token: str) -> None:
        asyncio.get_running_loop().call_later(EVICT_AFTER_SECONDS, self._forget, token)

    def _forget(self, token: str) -> None:
        """Evict a tab's state from memory, unless the tab is connected again. A state in use is tried again later."""
        manager, sockets = self.reflex.state_manager, self.reflex.event_namespace
        # Redis expires its keys by itself.
        if not isinstance(manager, StateManagerMemory) or sockets is None or token in sockets._token_manager.token_to_socket:
            return
        expiry = manager._token_expires_at.get(BaseStateToken(ident=token, cls=rx.State).cache_key)
        lock = manager._states_locks.get(token)
        if lock and lock.locked():
            self._schedule_eviction(token)
        elif expiry:
            manager._purge_token(expiry[1])
