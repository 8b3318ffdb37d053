"""One gate before every event: who asks, for which account, with which right, with which payload, how often."""

import http.cookies
import logging
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

_log = logging.getLogger("odoportal.gate")
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
"""Reflex's own events that an anonymous browser needs, with their payloads."""
_CLOSED = (".setvar", ".update_vars_internal")
"""Reflex's own events that set variables from the browser: nobody needs them here."""
_BY_ITSELF = (".load", ".trouble", ".handle_frontend_exception")
"""Handlers that no person calls: what an on_load brings, and what follows a failure."""


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
            filled for), `_by_itself`, `_bind(key)`, `_leave()`, `_anew()`, `_refuse()` and `_unknown()`, see `accounts.state`.
        resolve: session hash and account number to who asks, None when nobody.
        touch: notes that a person did something, so that the session does not end by idleness; True where it was written.
        allowed: whether a person may call the handler of this full name, in the account of the address.
        payloads: the payload model of each handler that takes arguments, by the handler's full name.
        fill: fills the state of the page a browser stands on; False where that page asks for nothing. Before a browser that comes
            back is sent the state as it is: after a restart, or where the state was lost, the rows it shows stay where they are. And
            in the place of Reflex's three events of a navigation, each of which the browser draws: one answer, drawn once.
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
        self._pace = FixedWindow(EVENTS_PER_10_SECONDS, 10)

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Resolve who asks; refuse what must not run. Runs under the state's lock, before Reflex's own handling."""
        del app
        hashed = session_hash(state)
        account = state.router.url.query_parameters.get("account")
        private = await state.get_state(self.private)
        try:
            who = await self.resolve(hashed, account)
        except SQLAlchemyError as why:
            # Whose state this is cannot be told: nothing of it is sent, and nothing runs that would ask again.
            _log.error("who asks cannot be told: %s", type(why).__name__)
            return StateUpdate(delta=private._unknown())
        identity.asker.set(who)
        key, before = who.key if who else "", private._bound
        if before != key:
            private._bind(key)
        # By the session only where there is one: whoever makes cookies up would have a limit of his own for each.
        # And by the /64 of IPv6, where one customer has the whole of it.
        subject = who.session if who else address_key(state.router.session.client_ip)
        if over := await self._pace.over(subject):
            if over == 1:
                # Once in a span: a flood must not fill the log, too.
                logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, what="events")
            instrumentation.drop()
            return StateUpdate()
        if self._turned_away(private, event, who, before not in {"", key}):
            return StateUpdate(delta=await _delta(state))
        if self._by_hand(private, event.name) and who and await self.touch(who):
            # Anew, so that the handler knows the session's end as it is now.
            identity.asker.set(await self.resolve(hashed, account))
        if who and self.fill and event.name == _HYDRATE and not (event.payload or {}).get("hashes"):
            await self.fill(state)
        # A state that was lost or is another person's by now begins anew, which is Reflex's to do.
        if who and self.fill and event.name == _LOADING and before == key and await self.fill(state):
            delta = await _delta(state)
            # The browser has set it to false by itself, as long as the page is under way.
            delta.setdefault(_STATE, {})[f"is_hydrated{FIELD_MARKER}"] = True
            return StateUpdate(delta=delta)
        return None

    def _turned_away(self, private: Any, event: Event, who: Identity | None, changed: bool) -> bool:
        """Whether the event must not run; what the screen is to say about it is set. `changed`: the page was another identity's."""
        if who is None and event.name not in INTERNAL:
            logs.log_security_event("authz_fail", handler=event.name[-120:])
            private._leave()
            return True
        if who and event.name not in INTERNAL:
            if changed and not event.name.endswith(_BY_ITSELF):
                # The page shows another account, or what another role may do: what was clicked there is not done here.
                logs.log_security_event("authz_change", handler=event.name[-120:])
                private._anew()
                return True
            if not self.allowed(who, event.name):
                logs.log_security_event("authz_fail", logging.WARNING, role=who.account.role, handler=event.name[-120:])
                # Whoever is held back is led on by the page's own address; what the person may not do is said where it was clicked.
                _ = private._anew() if who.held_back else private._refuse()
                return True
        if not self._payload_fits(event):
            logs.log_security_event("input_validation_fail", logging.WARNING, handler=event.name[-120:])
            return True
        return False

    def _payload_fits(self, event: Event) -> bool:
        if event.name.endswith(_CLOSED):
            return False
        try:
            self.payloads.get(event.name, NoPayload).model_validate(event.payload)
        except ValidationError:
            return False
        return True

    def _by_hand(self, private: Any, name: str) -> bool:
        """Whether a person did it."""
        # A reconnect hydrates and then runs on_load by itself: that is no person's doing and must not keep a
        # session alive. An on_load without it is a navigation; most handlers of ours are clicks.
        if name == _HYDRATE:
            private._by_itself = True
        elif name == _LOADING:
            by_itself, private._by_itself = private._by_itself, False
            return not by_itself
        return name not in INTERNAL and not name.endswith(_BY_ITSELF)


async def _delta(state: BaseState) -> dict[str, dict[str, Any]]:
    delta = await state._get_resolved_delta()
    state._clean()
    return delta
