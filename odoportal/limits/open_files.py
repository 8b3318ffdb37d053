"""How many files and connections this process may hold open, all together and for each client.

The numbers follow from the limit on open files (`RLIMIT_NOFILE`): connections are refused before the system refuses them, because a
process without a free file can neither accept a connection nor open its database.
"""

import resource
from dataclasses import dataclass
from functools import lru_cache

MOST_FILES = 65_536
"""More than one process can make use of; a hard limit may be infinite."""
FEWEST_FILES = 4_096
"""With fewer, an operator should know: a busy day needs about as many connections."""
OWN_FILES = 256
"""Kept for the database, pipes, spooled and static files, the log, and connections that are accepted before they are counted."""


@dataclass(frozen=True)
class Limits:
    """What may be held open.

    Attributes:
        sockets: websockets, all together. Each open tab has one; 5,000 hold about 800 MiB.
        sockets_per_address: websockets of one client address (`throttle.address_key`): an office of 300 people behind one address, a tab
            each, comes through.
        connections: HTTP connections, all together. Where one more comes, the one that has kept the server waiting longest is closed.
        connections_per_address: HTTP connections of one peer, where no proxy stands in front. A browser opens six.
        head_seconds: within these a request's head must be whole.
        body_seconds: within these a request's body must be whole. No form is larger than 64 KiB.
        unread_seconds: within these a client must take `unread_bytes` of what waits for it, or all of it.
        unread_bytes: see `unread_seconds`; together about 1 KiB a second.
    """

    sockets: int = 5_000
    sockets_per_address: int = 300
    connections: int = 2_000
    connections_per_address: int = 256
    head_seconds: float = 20.0
    body_seconds: float = 30.0
    unread_seconds: float = 60.0
    unread_bytes: int = 64 * 1024


def allowed() -> int:
    """Return how many files this process may hold open."""
    return _bounded(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def attainable() -> int:
    """Return how many files this process may hold open once `raise_limit` has run."""
    return _bounded(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def _bounded(files: int) -> int:
    return MOST_FILES if files == resource.RLIM_INFINITY else min(files, MOST_FILES)


def raise_limit() -> int:
    """Raise this process's soft limit on open files to its hard one, at most to `MOST_FILES`.

    The usual soft limit is 1,024, for programs that call select(2); this one does not.

    Returns:
        The limit that is now in force.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < attainable():
        resource.setrlimit(resource.RLIMIT_NOFILE, (attainable(), hard))
    return allowed()


def limits_of(files: int) -> Limits:
    """Return what may be held open with so many files: never more than these, whatever clients do.

    Args:
        files: the limit on open files.
    """
    usable = max(files - OWN_FILES, 16)
    sockets = min(Limits.sockets, usable * 3 // 4)
    connections = min(Limits.connections, usable - sockets)
    return Limits(
        sockets=sockets,
        sockets_per_address=min(Limits.sockets_per_address, max(sockets // 2, 1)),
        connections=connections,
        connections_per_address=min(Limits.connections_per_address, max(connections // 2, 1)),
    )


@lru_cache
def limits() -> Limits:
    """Return what this process may hold open, with the limit on open files as it is at the first call."""
    return limits_of(allowed())
