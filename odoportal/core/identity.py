"""Who asks: resolved anew from cookie and session row for every event and every document, never kept in a state."""

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

COOKIE = "odo_session"


def cookie_name(secure: bool) -> str:
    """The session cookie's name: with https, the `__Host-` prefix keeps other hosts of the domain from setting it."""
    return f"__Host-{COOKIE}" if secure else COOKIE


def digest(token: str) -> str:
    """What is stored of a secret token: its SHA-256, in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


HELD_BACK = "held back"
"""The role of a person who has no second factor, in an account that requires one, whatever the role is otherwise."""


@dataclass(frozen=True)
class Membership:
    """An account a person may act for, with the role that is in force."""

    account_id: int
    number: str
    name: str
    role: str


@dataclass(frozen=True)
class Identity:
    """A signed-in person acting for one account. `idle_end` is None where the person chose to stay signed in."""

    session: str
    person_id: int
    name: str
    email: str
    language: str
    region: str
    memberships: tuple[Membership, ...]
    account: Membership
    seen_at: datetime
    ends_at: datetime
    idle_end: datetime | None

    @property
    def held_back(self) -> bool:
        """Whether the person must set up a second factor before anything of the account is shown."""
        return self.account.role == HELD_BACK

    @property
    def key(self) -> str:
        """What a filled state is bound to: another session, another account or another role must not see it."""
        return f"{self.session}:{self.account.account_id}:{self.account.role}"


asker: ContextVar[Identity | None] = ContextVar("asker", default=None)


class NotAllowed(Exception):
    """The person's role in the account, as it is now, does not allow it, or the person is no longer a member."""


def require_identity() -> Identity:
    """The person the gate let through.

    Raises:
        PermissionError: when nobody is signed in, which the gate excludes for every private event.
    """
    who = asker.get()
    if who is None:
        raise PermissionError("nobody is signed in")
    return who
