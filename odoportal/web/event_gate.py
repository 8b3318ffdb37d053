"""The event gate: checks every event's identity, account, right, payload and rate before its handler runs."""

import http.cookies
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event import Event
from sqlalchemy.exc import SQLAlchemyError

from odoportal.core import identity
from odoportal.core.identity import Identity
from odoportal.limits.rate_limits import FixedWindow, address_key
from odoportal.observability import instrumentation, logs

_log = logging.getLogger("odoportal.web")
SOCKET_COOKIE = "sid"
EVENTS_PER_10_SECONDS = 300
_STATE = "reflex___state____state"
_ON_LOAD = f"{_STATE}.reflex___state____on_load_internal_state"
_LOADING = f"{_ON_LOAD}.on_load_internal"
_HYDRATE = f"{_STATE}.hydrate_and_load"


class NoPayload(BaseModel):
    """The payload of a handler without arguments."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _HydratePayload(NoPayload):
    vars: dict[str, Any] | None = None
    hashes: list[str] | None = None


class _Hydrated(NoPayload):
    value: StrictBool


INTERNAL: dict[str, type[BaseModel]] = {
    _HYDRATE: _HydratePayload,
    f"{_STATE}.hydrate": NoPayload,
    f"{_STATE}.set_is_hydrated": _Hydrated,
    _LOADING: NoPayload,
    f"{_ON_LOAD}.set_is_hydrated": _Hydrated,
}
"""Reflex's own events that an anonymous browser needs, with their payload models."""
_FORBIDDEN = (".setvar", ".update_vars_internal")
"""Reflex's own events that set variables from the browser. The portal does not use them, so they are refused."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_AUTOMATIC = (".load", ".trouble", ".handle_frontend_exception")
"""Handlers that run without a person's action: page loads and reports of failures."""


def session_hash(state: BaseState) -> str | None:
    """Return the session hash that the document server put into the socket's cookie, or None if there is none."""
    try:
        morsel = http.cookies.SimpleCookie(state.router.headers.cookie).get(SOCKET_COOKIE)
    except http.cookies.CookieError:
        return None
    return morsel.value if morsel else None


class EventGate(Middleware):
    """Middleware that lets an event through or answers it itself.

    Args:
        private: the state class that all private states descend from, see `pages.state.SessionState`. The gate uses its `_bound` (the key
            of the identity it was filled for), `_reconnecting`, `_bind(key)`, `_go_to_sign_in()`, `_reload_page()`, `_show_denied()` and
            `_unavailable_delta()`.
        resolve: returns the identity for a session hash and an account number, or None if no one is signed in.
        touch: records that a person was active, so that the session does not end by idleness; returns whether it wrote to the database.
        allowed: returns whether a person may call the handler with this full name, in the account of the address.
        payloads: the payload model of each handler that takes arguments, by the handler's full name.
        fill: fills the state of the browser's current page; returns False if that page loads nothing. It runs before a returning browser
            is sent the state as it is, so that after a restart or a lost state its rows stay on the screen. It also replaces Reflex's three
            events of a navigation, each of which the browser would render, by one answer that is rendered once.
    """

    def __init__(
        self,
        private: type[Any],
        resolve: Callable[[str | None, str | None], Awaitable[Identity | None]],
        touch: Callable[[Identity], Awaitable[bool]],
        allowed: Callable[[Identity, str], bool],
        payloads: dict[str, type[BaseModel]] | None = None,
        fill: Callable[[BaseState], Awaitable[bool]] | None = None,
    ) -> None:
        self.private, self.resolve, self.touch, self.allowed, self.fill = private, resolve, touch, allowed, fill
        self.payloads = {**INTERNAL, **(payloads or {})}
        self._rate_limit = FixedWindow(EVENTS_PER_10_SECONDS, 10)

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Resolve the identity and refuse what must not run.

        Runs under the state's lock, before Reflex's own handling. Returns None to let the event through.
        """
        del app
        hashed = session_hash(state)
        account = state.router.url.query_parameters.get("account")
        private = await state.get_state(self.private)
        if not (_is_storable(dict(state.router.url.query_parameters)) and _is_storable(event.payload)):
            logs.log_security_event("input_validation_fail", logging.WARNING, handler=event.name[-120:])
            return StateUpdate()
        try:
            who = await self.resolve(hashed, account)
        except SQLAlchemyError as why:
            # The owner of this state is unknown: send none of it, and run nothing that would query the database again.
            _log.error("the session could not be read: %s", type(why).__name__)
            return StateUpdate(delta=private._unavailable_delta())
        identity.current_identity.set(who)
        key, bound_key = who.key if who else "", private._bound
        if bound_key != key:
            private._bind(key)
        # Count by session only if it is valid: with made-up cookies a client would get a limit for each.
        # Otherwise count by address, IPv6 by its /64, because one customer has all of it.
        subject = who.session if who else address_key(state.router.session.client_ip)
        if excess := await self._rate_limit.over(subject):
            if excess == 1:
                # Log once in a span, so that a flood does not fill the log.
                logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, what="events")
            instrumentation.mark_dropped()
            return StateUpdate()
        if self._is_refused(private, event, who, bound_key not in {"", key}):
            return StateUpdate(delta=await _delta(state))
        if self._is_person_action(private, event.name) and who and await self.touch(who):
            # Resolve again, so that the handler sees the session's new end.
            identity.current_identity.set(await self.resolve(hashed, account))
        if who and self.fill and event.name == _HYDRATE and not (event.payload or {}).get("hashes"):
            await self.fill(state)
        # Do not fill a state that was lost or belonged to another identity: Reflex starts it again.
        if who and self.fill and event.name == _LOADING and bound_key == key and await self.fill(state):
            delta = await _delta(state)
            # The browser sets is_hydrated to false itself while the page is loading.
            delta.setdefault(_STATE, {})[f"is_hydrated{FIELD_MARKER}"] = True
            return StateUpdate(delta=delta)
        return None

    def _is_refused(self, private: Any, event: Event, who: Identity | None, changed: bool) -> bool:
        """Return whether the event must not run, and set what the page shows about it.

        Args:
            private: the private state.
            event: the event.
            who: the signed-in person, or None.
            changed: whether the page was filled for another identity.
        """
        if who is None and event.name not in INTERNAL:
            logs.log_security_event("authz_fail", handler=event.name[-120:])
            private._go_to_sign_in()
            return True
        if who and event.name not in INTERNAL:
            if changed and not event.name.endswith(_AUTOMATIC):
                # The page still shows another account or another role's rights: do not act on a click there.
                logs.log_security_event("authz_change", handler=event.name[-120:])
                private._reload_page()
                return True
            if not self.allowed(who, event.name):
                logs.log_security_event("authz_fail", logging.WARNING, role=who.account.role, handler=event.name[-120:])
                # A person who is held back is made to reload the page, and the server redirects them. A missing right is shown where the
                # click was made.
                _ = private._reload_page() if who.held_back else private._show_denied()
                return True
        if not self._payload_fits(event):
            logs.log_security_event("input_validation_fail", logging.WARNING, handler=event.name[-120:])
            return True
        return False

    def _payload_fits(self, event: Event) -> bool:
        if event.name.endswith(_FORBIDDEN):
            return False
        try:
            self.payloads.get(event.name, NoPayload).model_validate(event.payload)
        except ValidationError:
            return False
        return True

    def _is_person_action(self, private: Any, name: str) -> bool:
        """Return whether a person caused the event. Remembers a reconnect for the on_load that follows it."""
        # After a reconnect, Reflex hydrates and then runs on_load: no person did that, so it must not keep a session alive. An on_load
        # without a hydrate is a navigation. Most of the portal's own handlers are clicks.
        if name == _HYDRATE:
            private._reconnecting = True
        elif name == _LOADING:
            reconnecting, private._reconnecting = private._reconnecting, False
            return not reconnecting
        return name not in INTERNAL and not name.endswith(_AUTOMATIC)


def _is_storable(value: Any) -> bool:
    """Return whether a decoded JSON value has no text that PostgreSQL cannot use: a NUL, half of a surrogate pair."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(_is_storable(part) for pair in value.items() for part in pair)
    return all(_is_storable(part) for part in value) if isinstance(value, list | tuple) else True


async def _delta(state: BaseState) -> dict[str, dict[str, Any]]:
    delta = await state._get_resolved_delta()
    state._clean()
    return delta
