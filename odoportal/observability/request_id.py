"""One id for everything that follows from a click or an HTTP request: on the screen, in the answer's header, in every log line.

The server makes the id when the request or event arrives. Ids sent by browsers or proxies are ignored, so that clients cannot choose what
is in the log.
"""

import secrets
from collections import OrderedDict
from contextvars import ContextVar

HEADER = b"x-request-id"
# Only letters and digits that are not confused when read over the telephone.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 10
_MAX_CLICKS = 2_000

request: ContextVar[str] = ContextVar("request", default="")
"""The id of the current request; empty outside of a request."""

_ids: OrderedDict[str, str] = OrderedDict()


def new_id() -> str:
    """Return a new id: ten characters, 49 random bits."""
    # One random number instead of ten saves a sixteenth of the time of an event.
    number = secrets.randbelow(len(_ALPHABET) ** _LENGTH)
    return "".join(_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(_LENGTH))


def continue_id(event: str, cause: str | None) -> str:
    """Set and return the id of the click that an event follows from, or a new id for the click itself.

    Args:
        event: Reflex's id of the event.
        cause: Reflex's id of the event it was chained from, or None.

    Returns:
        The id, which is now the request id of the current task.
    """
    found = _ids.get(event) or _ids.get(cause or "") or new_id()
    _ids[event] = found
    _ids.move_to_end(event)
    while len(_ids) > _MAX_CLICKS:
        _ids.popitem(last=False)
    request.set(found)
    return found
