"""What comes down a socket, looked at before anybody else does: whatever no page of ours sends is dropped.

Engine.IO, Socket.IO and Reflex each fail over what they cannot read, with a traceback in the log every time, and Reflex keeps something
of every event whose handler it does not know. All of it is open to anybody, signed in or not.
"""

import json
import logging
import re
from collections.abc import Container
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from odoportal.foundation import logs

LONGEST = 1_000_000
"""Signs of one message; Engine.IO's own limit, which it does not ask of websockets."""
_CLOSE, _PONG = "1", "3"
_PACKET = re.compile(r"4(?P<kind>[012])/_event(?:,(?P<number>\d{0,9})(?P<data>.*))?", re.S)
_CONNECT, _EVENT = "0", "2"


class Frames:
    """The layer that reads what sockets bring.

    Args:
        app: the application behind it.
        handlers: the names of all event handlers.
    """

    def __init__(self, app: ASGIApp, handlers: Container[str]) -> None:
        self.app, self.handlers = app, handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and of a socket only what can be read."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        told = False

        async def receiving() -> Message:
            nonlocal told
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or self.sound(message.get("text")):
                    return message
                if not told:
                    # Once for each socket: whoever sends garbage must not fill the log, too.
                    told = True
                    logs.security("input_validation_fail", logging.WARNING, what="message")

        await self.app(scope, receiving, send)

    def sound(self, text: str | None) -> bool:
        """Whether a message is one that a page sends: an answer to a ping, a beginning, an end, or an event of a known handler."""
        if text is None or len(text) > LONGEST:
            return False
        if text in {_CLOSE, _PONG}:
            return True
        found = _PACKET.fullmatch(text)
        if found is None:
            return False
        kind, number, data = found["kind"], found["number"], found["data"]
        if kind != _EVENT:
            return not number and (not data or (kind == _CONNECT and isinstance(_read(data), dict)))
        return self._is_event(_read(data or ""))

    def _is_event(self, said: Any) -> bool:
        match said:
            case ["event", {"name": str(name), **more}]:
                return name in self.handlers and all(isinstance(more.get(part, {}), dict) for part in ("payload", "router_data"))
            case ["ping"] | ["client_error", dict()]:
                return True
            case _:
                return False


def _read(data: str) -> Any:
    """The JSON in it; None where there is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
