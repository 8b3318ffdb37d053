"""The limits of one WebSocket connection, asked while its data are read: what is beyond them is never inflated or queued.

The layers behind see a message only once all of it is in memory, and control frames and parts of messages not at all.
"""

import time
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame
from websockets.server import ServerProtocol

MESSAGE_BYTES = 65_536
"""The longest message, inflated. The longest that a page sends is the report of a script's failure: two texts of at most 20,000 characters.
All else is an event with the page's address, some hundred bytes; forms, searches and files go over HTTP."""
FRAMES = 500
BYTES = 262_144
"""What one connection may send in each span, counted in frames of any kind and inflated. A page sends a few events for each click or
pause in typing; the gate lets a session have 300 in ten seconds."""
SPAN_SECONDS = 10.0


class Incoming(ServerProtocol):
    """The server's side of one connection: closed with 1008 as soon as more comes in than the limits of a span."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._span, self._frames, self._bytes = time.monotonic(), 0, 0

    def recv_frame(self, frame: Frame) -> None:
        """Count a frame before it is handled, and before the next one of the same data is inflated."""
        if (now := time.monotonic()) - self._span >= SPAN_SECONDS:
            self._span, self._frames, self._bytes = now, 0, 0
        self._frames += 1
        self._bytes += len(frame.data)
        if self._frames > FRAMES or self._bytes > BYTES:
            why = "too much at once"
            self.fail(CloseCode.POLICY_VIOLATION, why)
            # The parser ends at an error only.
            raise ProtocolError(why)
        super().recv_frame(frame)


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket with limits, whose messages are compressed one by one: none leaves anything in memory for an open tab."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alone = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
        self.conn = Incoming(extensions=[alone], max_size=MESSAGE_BYTES, logger=self.logger)

    def data_received(self, data: bytes) -> None:
        """Read what came, and end a connection whose handshake cannot be read, which Uvicorn would hold open."""
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; a refusal with an answer of its own ends the handshake, which Uvicorn would log as an error each time."""
        await super().send(message)
        if self.initial_response and self.close_sent:
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; close the connection over text that is no UTF-8, without Uvicorn's traceback in the log."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.fail(CloseCode.INVALID_DATA)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()
