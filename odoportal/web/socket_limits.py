"""Limits of one websocket connection, checked while its data are parsed: anything beyond them is never inflated or queued.

The layers behind see a message only once it is complete in memory, and never see control frames and fragments.
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
"""The longest message, after inflation. The longest that a page sends is the report of a script failure: two texts of at most 20,000
characters. All other messages are events with the page's address, a few hundred bytes; forms, searches and files go over HTTP.
"""
FRAMES = 500
BYTES = 262_144
"""Limits on what one connection may send in each span, counted in frames of any kind and after inflation. A page sends a few events for
each click or pause in typing; the event gate allows a session 300 in ten seconds.
"""
SPAN_SECONDS = 10.0


class LimitedServerProtocol(ServerProtocol):
    """The server side of one connection. It closes with 1008 as soon as a span's limits are exceeded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._span, self._frames, self._bytes = time.monotonic(), 0, 0

    def recv_frame(self, frame: Frame) -> None:
        """Count a frame before it is handled and before the next frame of the same data is inflated."""
        if (now := time.monotonic()) - self._span >= SPAN_SECONDS:
            self._span, self._frames, self._bytes = now, 0, 0
        self._frames += 1
        self._bytes += len(frame.data)
        if self._frames > FRAMES or self._bytes > BYTES:
            reason = "too much at once"
            self.fail(CloseCode.POLICY_VIOLATION, reason)
            # Only an error stops the parser.
            raise ProtocolError(reason)
        super().recv_frame(frame)


class LimitedWebSocketProtocol(WebSocketsSansIOProtocol):
    """A websocket with limits. Each message is compressed on its own, so that an open tab keeps no compression state in memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        compression = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
        self.conn = LimitedServerProtocol(extensions=[compression], max_size=MESSAGE_BYTES, logger=self.logger)

    def data_received(self, data: bytes) -> None:
        """Process received data. End a connection with an unreadable handshake, which Uvicorn would keep open."""
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message. A refusal with its own answer ends the handshake, which Uvicorn would otherwise log as an error."""
        await super().send(message)
        if self.initial_response and self.close_sent:
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """Pass a message on. Close the connection on invalid UTF-8, without Uvicorn's traceback in the log."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.fail(CloseCode.INVALID_DATA)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()
