"""One name for everything that follows from one click or one HTTP request: on the screen, in the answer's header, in every log line.

A name is made by the server when the request or the event arrives. What a browser or a proxy sends as a name is not read, so nobody can
choose what stands in the log.
"""

import secrets
from collections import OrderedDict
from contextvars import ContextVar

HEADER = b"x-request-id"
# Letters and digits that are not taken for one another when read over the telephone.
_SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 10
_MOST_CLICKS = 2_000

request: ContextVar[str] = ContextVar("request", default="")
"""The name of the request this code works for; empty outside of one."""

_clicks: OrderedDict[str, str] = OrderedDict()


def name() -> str:
    """A new name: ten signs, 49 random bits."""
    # One question to the system in the place of ten, which would be a sixteenth of the work of a click.
    number = secrets.randbelow(len(_SIGNS) ** _LENGTH)
    return "".join(_SIGNS[number // len(_SIGNS) ** place % len(_SIGNS)] for place in range(_LENGTH))


def follow(event: str, cause: str | None) -> str:
    """Take up the name of the click an event follows from, or a new one where it is the click itself.

    Args:
        event: Reflex's own number of the event.
        cause: the number of the event it was chained from.

    Returns:
        The name, which is now that of everything this task does.
    """
    found = _clicks.get(event) or _clicks.get(cause or "") or name()
    _clicks[event] = found
    _clicks.move_to_end(event)
    while len(_clicks) > _MOST_CLICKS:
        _clicks.popitem(last=False)
    request.set(found)
    return found
