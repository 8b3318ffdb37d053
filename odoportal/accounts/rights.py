"""The table of rights by role, and its enforcement.

Access is decided by this table only, which is checked in four places:

- **the event gate**, before every event: a handler declares its right with `needs`; those in `_LOADING_HANDLERS` only show data and need
  the right their state declares (attribute `needs`), or else `Right.SEE`;
- **the HTTP layer**, before every page (`Page.right`) and every route (`guarded`, applied when the application is assembled);
- **the forms** (`form_post`), before any field is validated (`FormHandler.right`);
- **the service** that makes a change, in its own transaction (`require_right`), because a role can change between the gate and the write.

The portal refuses to start when a handler declares no right.
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
from odoportal.web.page import VIEW_RIGHT

Function = TypeVar("Function", bound=Callable[..., Any])


class Right(StrEnum):
    """A right that a role can have.

    `ENTER` is not about an account: it is the right to be signed in and to manage one's own sign-in.
    """

    ENTER = "enter"
    SEE = VIEW_RIGHT
    OWN = "own"
    ADDRESSES = "addresses"
    DELIVERY = "delivery"
    VEHICLES = "vehicles"
    BILLING = "billing"
    PEOPLE = "people"
    ACCOUNT = "account"
    CHANGES = "changes"


_ALL_ROLES: frozenset[str] = frozenset(Role)
ROLES_BY_RIGHT: Mapping[Right, frozenset[str]] = {
    # A person who is held back may only manage their own sign-in, to set up a second factor.
    Right.ENTER: _ALL_ROLES | {HELD_BACK},
    Right.SEE: _ALL_ROLES,
    Right.OWN: _ALL_ROLES,
    Right.ADDRESSES: frozenset({Role.OWNER, Role.BILLING, Role.OPERATIONS}),
    Right.DELIVERY: frozenset({Role.OWNER, Role.OPERATIONS}),
    Right.VEHICLES: frozenset({Role.OWNER, Role.OPERATIONS}),
    Right.BILLING: frozenset({Role.OWNER, Role.BILLING}),
    Right.PEOPLE: frozenset({Role.OWNER}),
    Right.ACCOUNT: frozenset({Role.OWNER}),
    Right.CHANGES: frozenset({Role.OWNER}),
}
_LOADING_HANDLERS = frozenset({"load", "retry"})
"""Handlers that only load what the page shows: they need `Right.SEE`, unless their state declares another right."""


def may(role: str, right: str) -> bool:
    """Return whether a role has a right; False for an unknown role or right."""
    return right in set(Right) and role in ROLES_BY_RIGHT[Right(right)]


def needs(right: Right) -> Callable[[Function], Function]:
    """Declare the right that an event handler requires. Use this decorator below `@rx.event`."""

    def mark(function: Function) -> Function:
        function.needs = right  # type: ignore[attr-defined]
        return function

    return mark


def rights_of(handlers: Mapping[str, Any], private_base: type[Any]) -> dict[str, Right]:
    """Return the right that each event handler requires, by the handler's full name.

    Args:
        handlers: Reflex's registry of event handlers.
        private_base: The base class of all private states; handlers of other states, such as Reflex's own, require `Right.ENTER`.

    Raises:
        TypeError: If a handler of a private state declares no right and is not one of `_LOADING_HANDLERS`.
    """
    found: dict[str, Right] = {}
    for name, registered in handlers.items():
        private = any(issubclass(state, private_base) for state in registered.states)
        function, handler_name = registered.handler.fn, name.rpartition(".")[2]
        loading_right = next((state.needs for state in registered.states if hasattr(state, "needs")), Right.SEE)
        default_right = loading_right if handler_name in _LOADING_HANDLERS or handler_name == "setvar" else None
        right = getattr(function, "needs", default_right if private else Right.ENTER)
        if right is None:
            raise TypeError(f"{name} does not say which right it needs")
        found[name] = right
    return found


def require_right(session: Session, who: Identity, right: Right) -> Membership:
    """Check a person's right again within the writing transaction, and return the membership.

    The account's row stays locked until the end of the transaction, so that no other transaction can change the account's people.

    Raises:
        NotAllowed: If the person is no longer a member, or the role was lowered since the gate checked it.
    """
    lock_account(session, who.account.account_id)
    membership = session.exec(
        select(Membership)
        .where(Membership.account_id == who.account.account_id, Membership.person_id == who.person_id)
        .execution_options(populate_existing=True)
    ).first()
    if membership is None or not may(membership.role, right):
        raise NotAllowed(right)
    return membership


def lock_account(session: Session, account_id: int) -> None:
    """Lock the account's row until the end of the transaction, so that no other transaction changes the account's people."""
    session.exec(select(col(Account.id)).where(col(Account.id) == account_id).with_for_update()).first()


def people_with_right(session: Session, account_id: int, right: Right) -> set[int]:
    """Return the ids of the people who have a right in an account now: enabled people whose role in the account has it.

    Use it for something a person set up earlier and that is used in the person's absence, such as the link of an invitation.
    """
    members = (
        select(Membership.person_id)
        .join(Person, col(Person.id) == col(Membership.person_id))
        .where(
            Membership.account_id == account_id,
            col(Membership.role).in_(sorted(ROLES_BY_RIGHT[right])),
            col(Person.disabled_at).is_(None),
        )
    )
    return set(session.exec(members).all())


def guarded(right: Right, routes: Iterable[Route]) -> list[Route]:
    """Return the routes restricted to people with the right in the account of the address; others get a 404 answer."""

    def guard(route: Route) -> Route:
        endpoint: Callable[[Request], Awaitable[Response]] = route.endpoint

        async def endpoint_with_right(request: Request) -> Response:
            return await endpoint(request) if may(require_identity().account.role, right) else PlainTextResponse("not found", 404)

        guarded_route = Route(route.path, endpoint_with_right, methods=sorted(route.methods or {"GET"}))
        endpoint_with_right.needs = right  # type: ignore[attr-defined]
        return guarded_route

    return [guard(route) for route in routes]
