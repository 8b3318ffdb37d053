"""What each role may do, as one table, and the one way it is enforced.

Four places ask the table, and nothing else decides:

- **the gate**, before every event: a handler says what it needs with `needs`, or it is one of `_SHOWING`, which only show and need what
  their state says (`needs`), or to see;
- **the HTTP layer**, before every page (`Page.right`) and every route (`guarded`, written at assembly);
- **the forms** (`posting`), before anything of what was typed is looked at (`Rule.right`);
- **the service** that changes something, within its own transaction (`claim`), since a role can change between the gate and the write.

A handler that says nothing keeps the portal from starting.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from odoportal.accounts.models import Account, Membership, Person, Role
from odoportal.core.identity import HELD_BACK, Identity, NotAllowed, require_identity
from odoportal.web.page import SEE

Function = TypeVar("Function", bound=Callable[..., Any])


class Right(StrEnum):
    """Something that may be allowed. `ENTER` is nothing of an account: to be signed in, and to look after how."""

    ENTER = "enter"
    SEE = SEE
    OWN = "own"
    ADDRESSES = "addresses"
    DELIVERY = "delivery"
    BILLING = "billing"
    PEOPLE = "people"
    ACCOUNT = "account"
    CHANGES = "changes"


_EVERY: frozenset[str] = frozenset(Role)
TABLE: Mapping[Right, frozenset[str]] = {
    # To look after how one gets in, which is all that is left to somebody who is held back.
    Right.ENTER: _EVERY | {HELD_BACK},
    Right.SEE: _EVERY,
    Right.OWN: _EVERY,
    Right.ADDRESSES: frozenset({Role.OWNER, Role.BILLING, Role.OPERATIONS}),
    Right.DELIVERY: frozenset({Role.OWNER, Role.OPERATIONS}),
    Right.BILLING: frozenset({Role.OWNER, Role.BILLING}),
    Right.PEOPLE: frozenset({Role.OWNER}),
    Right.ACCOUNT: frozenset({Role.OWNER}),
    Right.CHANGES: frozenset({Role.OWNER}),
}
_SHOWING = frozenset({"load", "retry"})
"""Handlers that show what the page's address asks for: every role has them, unless their state says what they need."""


def may(role: str, right: str) -> bool:
    """Whether a role allows something; what nobody knows is allowed to nobody."""
    return right in set(Right) and role in TABLE[Right(right)]


def needs(right: Right) -> Callable[[Function], Function]:
    """Say what right an event handler needs; stands below `@rx.event`."""

    def mark(function: Function) -> Function:
        function.needs = right  # type: ignore[attr-defined]
        return function

    return mark


def rights_of(handlers: Mapping[str, Any], signed: type[Any]) -> dict[str, Right]:
    """The right that each handler needs, by the handler's full name.

    Args:
        handlers: Reflex's registry of them.
        signed: the state all private states descend from; Reflex's own handlers need no right in the account.

    Raises:
        TypeError: when a handler of ours neither only shows nor says what it needs.
    """
    found: dict[str, Right] = {}
    for name, registered in handlers.items():
        private = any(issubclass(state, signed) for state in registered.states)
        function, last = registered.handler.fn, name.rpartition(".")[2]
        showing = next((state.needs for state in registered.states if hasattr(state, "needs")), Right.SEE)
        private_right = showing if last in _SHOWING or last == "setvar" else None
        right = getattr(function, "needs", private_right if private else Right.ENTER)
        if right is None:
            raise TypeError(f"{name} does not say which right it needs")
        found[name] = right
    return found


def require_right(session: Session, who: Identity, right: Right) -> Membership:
    """The membership a person acts with, read again within the writing transaction; until its end nobody else changes the account's people.

    Raises:
        NotAllowed: when the person is no member any more, or the role has been lowered since the gate looked.
    """
    hold(session, who.account.account_id)
    mine = session.exec(
        select(Membership)
        .where(Membership.account_id == who.account.account_id, Membership.person_id == who.person_id)
        .execution_options(populate_existing=True)
    ).first()
    if mine is None or not may(mine.role, right):
        raise NotAllowed(right)
    return mine


def hold(session: Session, account_id: int) -> None:
    """Keep everybody else from changing the account's people until the end of the transaction."""
    session.exec(select(col(Account.id)).where(col(Account.id) == account_id).with_for_update()).first()


def holders(session: Session, account_id: int, right: Right) -> set[int]:
    """The ids of the people of an account who have a right now: members whose role has it, and whom Odotrack has not disabled.

    For what somebody set up earlier and what is used without that person being there, such as the link of an invitation.
    """
    members = (
        select(Membership.person_id)
        .join(Person, col(Person.id) == col(Membership.person_id))
        .where(
            Membership.account_id == account_id,
            col(Membership.role).in_(sorted(TABLE[right])),
            col(Person.disabled_at).is_(None),
        )
    )
    return set(session.exec(members).all())


def guarded(right: Right, routes: Iterable[Route]) -> list[Route]:
    """Routes that answer only whoever has the right in the account of the address; to others they do not exist."""

    def guard(route: Route) -> Route:
        endpoint: Callable[[Request], Awaitable[Response]] = route.endpoint

        async def only(request: Request) -> Response:
            return await endpoint(request) if may(require_identity().account.role, right) else PlainTextResponse("not found", 404)

        made = Route(route.path, only, methods=sorted(route.methods or {"GET"}))
        only.needs = right  # type: ignore[attr-defined]
        return made

    return [guard(route) for route in routes]
