"""The identity of a request: resolved from the cookie and the session row for every event and document, never kept in a state."""

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

SESSION_COOKIE = "odo_session"


def cookie_name(secure: bool) -> str:
    """Return the name of the session cookie; with https, its `__Host-` prefix keeps other hosts of the domain from setting it."""
    return f"__Host-{SESSION_COOKIE}" if secure else SESSION_COOKIE


def token_hash(token: str) -> str:
    """Return the hash of a secret token that is stored in its place: SHA-256, in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


HELD_BACK = "held back"
"""The role, in place of the membership's, of a person without a second factor in an account that requires one."""


@dataclass(frozen=True)
class ActiveMembership:
    """An account a person may act for, with the effective role: the stored one, or `HELD_BACK`."""

    account_id: int
    number: str
    name: str
    role: str


@dataclass(frozen=True)
class Identity:
    """A signed-in person acting for one account. `idle_end` is None when the person chose to stay signed in."""

    session: str
    person_id: int
    name: str
    email: str
    language: str
    region: str
    memberships: tuple[ActiveMembership, ...]
    account: ActiveMembership
    seen_at: datetime
    ends_at: datetime
    idle_end: datetime | None

    @property
    def held_back(self) -> bool:
        """Whether the person must set up a second factor before the account is shown."""
        return self.account.role == HELD_BACK

    @property
    def key(self) -> str:
        """The key that a filled state is bound to: it must not be shown to another session, for another account or to another role."""
        return f"{self.session}:{self.account.account_id}:{self.account.role}"


current_identity: ContextVar[Identity | None] = ContextVar("asker", default=None)


class NotAllowed(Exception):
    """The person's current role in the account does not have the right, or the person is no longer a member."""


def require_identity() -> Identity:
    """Return the identity of the current request or event.

    Raises:
        PermissionError: If no one is signed in; the event gate refuses private events in this case.
    """
    identity = current_identity.get()
    if identity is None:
        raise PermissionError("no one is signed in")
    return identity
