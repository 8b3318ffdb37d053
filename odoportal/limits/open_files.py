"""Limits on the files and connections that this process may hold open, in total and per client.

They are derived from the limit on open files (`RLIMIT_NOFILE`). Connections are refused before the system refuses them, because a process
without a free file descriptor can neither accept a connection nor open its database.
"""

import resource
from dataclasses import dataclass
from functools import lru_cache

MAX_FILES = 65_536
"""More than one process can use; a hard limit may be infinite."""
RECOMMENDED_FILES = 4_096
"""Below this number the operator should be warned: a busy day needs about as many connections."""
RESERVED_FILES = 256
"""Reserved for the database, pipes, temporary and static files, the log, and connections accepted before they are counted."""


@dataclass(frozen=True)
class ConnectionLimits:
    """The most connections that may be open, and the time limits of each.

    Attributes:
        sockets: websockets in total. Each open tab has one; 5,000 hold about 800 MiB.
        sockets_per_address: websockets of one client address (`rate_limits.address_key`): enough for an office of 300 people behind one
            address, with a tab each.
        connections: HTTP connections in total. For one more, the connection that has kept the server waiting longest is closed.
        connections_per_address: HTTP connections of one peer, if no proxy is in front. A browser opens six.
        head_seconds: the time for a complete request head.
        body_seconds: the time for a complete request body. No form is larger than 64 KiB.
        unread_seconds: the time in which a client must read `unread_bytes` of its answer, or all of it.
        unread_bytes: see `unread_seconds`; together about 1 KiB per second.
    """

    sockets: int = 5_000
    sockets_per_address: int = 300
    connections: int = 2_000
    connections_per_address: int = 256
    head_seconds: float = 20.0
    body_seconds: float = 30.0
    unread_seconds: float = 60.0
    unread_bytes: int = 64 * 1024


def open_file_limit() -> int:
    """Return how many files this process may hold open now."""
    return _capped(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def reachable_file_limit() -> int:
    """Return how many files this process may hold open once `raise_limit` has run."""
    return _capped(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def _capped(files: int) -> int:
    return MAX_FILES if files == resource.RLIM_INFINITY else min(files, MAX_FILES)


def raise_limit() -> int:
    """Raise this process's soft limit on open files to its hard limit, at most to `MAX_FILES`.

    The usual soft limit of 1,024 is for programs that call select(2), which this one does not.

    Returns:
        The limit that is now in force.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < reachable_file_limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable_file_limit(), hard))
    return open_file_limit()


def limits_for(files: int) -> ConnectionLimits:
    """Return the limits for a number of files: their total never exceeds it, whatever clients do.

    Args:
        files: the limit on open files.
    """
    usable = max(files - RESERVED_FILES, 16)
    sockets = min(ConnectionLimits.sockets, usable * 3 // 4)
    connections = min(ConnectionLimits.connections, usable - sockets)
    return ConnectionLimits(
        sockets=sockets,
        sockets_per_address=min(ConnectionLimits.sockets_per_address, max(sockets // 2, 1)),
        connections=connections,
        connections_per_address=min(ConnectionLimits.connections_per_address, max(connections // 2, 1)),
    )


@lru_cache
def limits() -> ConnectionLimits:
    """Return the limits of this process, from the limit on open files at the first call."""
    return limits_for(open_file_limit())
