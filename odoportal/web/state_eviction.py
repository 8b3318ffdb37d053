"""Forgets what a tab was shown once it has left. Reflex keeps it in memory for an hour, which a busy day fills with tabs long closed.

A tab that comes back later has its page in its address and its person in its cookie: the gate fills it anew, as after a restart.
"""

import asyncio
import re
from urllib.parse import parse_qs

import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEFT_SECONDS = 60.0
"""For how long a tab may be away, such as over a change of the network, and find its state as it was."""

_NEW_TOKEN = re.compile(r'42/_event,\["new_token",\s?"(?P<token>[^"]+)"\]')
"""How Reflex tells a socket that it has another token than it asked for: a duplicated tab brings the token of the tab it was made from."""


class StateEviction:
    """The layer that sees sockets end.

    Args:
        app: the application behind it.
        reflex: the one whose states are forgotten.
    """

    def __init__(self, app: ASGIApp, reflex: rx.App) -> None:
        self.app, self.reflex = app, reflex

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        tokens = set(parse_qs(scope["query_string"].decode("latin-1")).get("token", []))

        async def sending(message: Message) -> None:
            if given := _NEW_TOKEN.fullmatch(message.get("text") or ""):
                tokens.add(given["token"])
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            for token in tokens:
                self._forget_later(token)

    def _forget_later(self, token: str) -> None:
        asyncio.get_running_loop().call_later(LEFT_SECONDS, self._forget, token)

    def _forget(self, token: str) -> None:
        manager, sockets = self.reflex.state_manager, self.reflex.event_namespace
        # Redis lets go of what it keeps by itself.
        if not isinstance(manager, StateManagerMemory) or sockets is None or token in sockets._token_manager.token_to_socket:
            return
        known = manager._token_expires_at.get(BaseStateToken(ident=token, cls=rx.State).cache_key)
        busy = manager._states_locks.get(token)
        if busy and busy.locked():
            self._forget_later(token)
        elif known:
            manager._purge_token(known[1])
