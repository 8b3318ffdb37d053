"""One gate before every event: who asks, for which account, with which payload, how often."""

import http.cookies
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import reflex as rx
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event

from odoportal.foundation import identity
from odoportal.foundation.identity import Who

SOCKET_COOKIE = "sid"
EVENTS_PER_10_SECONDS = 300
_log = logging.getLogger("odoportal.security")
_STATE = "reflex___state____state"
_ON_LOAD = f"{_STATE}.reflex___state____on_load_internal_state"


class Nothing(BaseModel):
    """The payload of a handler without arguments."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Hydrate(Nothing):
    vars: dict[str, Any] | None = None
    hashes: list[str] | None = None


class _Hydrated(Nothing):
    value: StrictBool


INTERNAL: dict[str, type[BaseModel]] = {
    f"{_STATE}.hydrate_and_load": _Hydrate,
    f"{_STATE}.hydrate": Nothing,
    f"{_STATE}.set_is_hydrated": _Hydrated,
    f"{_ON_LOAD}.on_load_internal": Nothing,
    f"{_ON_LOAD}.set_is_hydrated": _Hydrated,
}
"""Reflex's own events that an anonymous browser needs, with their payloads."""


def session_hash(state: BaseState) -> str | None:
    """The session's hash, which the outermost HTTP layer put in place of the token."""
    try:
        morsel = http.cookies.SimpleCookie(state.router.headers.cookie).get(SOCKET_COOKIE)
    except http.cookies.CookieError:
        return None
    return morsel.value if morsel else None


class Gate(Middleware):
    """Lets an event through, or answers it itself.

    Args:
        private: the state class all private states descend from. It has `_bound` (the key of the identity it was
            filled for), `_by_itself`, `_bind(key)` and `_leave()`, see `accounts.state`.
        resolve: session hash and account number to who asks, None when nobody.
        touch: notes that a person did something, so that the session does not end by idleness.
        payloads: the payload model of each handler that takes arguments, by the handler's full name.
    """

    def __init__(
        self,
        private: type[Any],
        resolve: Callable[[str | None, str | None], Awaitable[Who | None]],
        touch: Callable[[Who], Awaitable[None]],
        payloads: dict[str, type[BaseModel]] | None = None,
    ) -> None:
        self.private, self.resolve, self.touch = private, resolve, touch
        self.payloads = {**INTERNAL, **(payloads or {})}
        self._limit = RateLimitItemPerSecond(EVENTS_PER_10_SECONDS, 10)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Resolve who asks; refuse what must not run. Runs under the state's lock, before Reflex's own handling."""
        del app
        hashed = session_hash(state)
        who = await self.resolve(hashed, state.router.url.query_parameters.get("account"))
        identity.asker.set(who)
        private = await state.get_state(self.private)
        key = who.key if who else ""
        if private._bound != key:
            private._bind(key)
        subject = hashed or state.router.session.client_ip
        if not self._limiter.hit(self._limit, subject):
            _log.warning("excess_rate_limit_exceeded events")
            return StateUpdate()
        if who is None and event.name not in INTERNAL:
            _log.info("authz_fail anonymous %s", event.name[-120:])
            private._leave()
            return StateUpdate(delta=await _delta(state))
        if not self._payload_fits(event):
            _log.warning("input_validation_fail %s", event.name[-120:])
            return StateUpdate(delta=await _delta(state))
        await self._note_activity(who, private, event.name)
        return None

    def _payload_fits(self, event: Event) -> bool:
        if event.name.endswith(".setvar"):
            return False
        try:
            self.payloads.get(event.name, Nothing).model_validate(event.payload or {})
        except ValidationError:
            return False
        return True

    async def _note_activity(self, who: Who | None, private: Any, name: str) -> None:
        # A reconnect hydrates and then runs on_load by itself: that is no person's doing and must not keep a
        # session alive. An on_load without it is a navigation; a handler of ours is a click.
        if name == f"{_STATE}.hydrate_and_load":
            private._by_itself = True
        elif name == f"{_ON_LOAD}.on_load_internal":
            by_itself, private._by_itself = private._by_itself, False
            if who and not by_itself:
                await self.touch(who)


async def _delta(state: BaseState) -> dict[str, dict[str, Any]]:
    delta = await state._get_resolved_delta()
    state._clean()
    return delta
