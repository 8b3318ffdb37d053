"""The limits of one connection are checked for each frame as it is parsed, before the next one is inflated."""

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol
from websockets.uri import parse_uri

from odoportal.web import socket_limits
from odoportal.web.socket_limits import LimitedServerProtocol


class Line:
    """The browser's side and the server's side of a connection, each reading what the other wrote."""

    def __init__(self) -> None:
        self.browser = ClientProtocol(parse_uri("ws://localhost/"), extensions=[ClientPerMessageDeflateFactory()])
        self.ours = LimitedServerProtocol(extensions=[ServerPerMessageDeflateFactory()], max_size=socket_limits.MESSAGE_BYTES)
        self.browser.send_request(self.browser.connect())
        self.carry(self.browser, self.ours)
        (request,) = self.ours.events_received()
        self.ours.send_response(self.ours.accept(request))  # type: ignore[arg-type]
        self.carry(self.ours, self.browser)
        self.browser.events_received()

    def carry(self, source: Protocol, target: Protocol) -> None:
        """Let one side read all that the other has written, at once."""
        if data := b"".join(source.data_to_send()):
            target.receive_data(data)

    def arrived(self) -> list[bytes]:
        """Return the data of the browser's frames that the server's side has accepted."""
        self.carry(self.browser, self.ours)
        return [bytes(event.data) for event in self.ours.events_received() if isinstance(event, Frame)]

    @property
    def code(self) -> int | None:
        """The code with which the server's side closed the connection."""
        return self.ours.close_sent.code if self.ours.close_sent else None


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time as a list with one item, which a test changes."""
    at = [1000.0]
    monkeypatch.setattr(socket_limits.time, "monotonic", lambda: at[0])
    return at


@pytest.mark.case("A-72")
@pytest.mark.usefixtures("now")
def test_the_longest_message_passes_and_one_sign_more_is_never_inflated() -> None:
    line = Line()
    line.browser.send_text(b"a" * socket_limits.MESSAGE_BYTES)
    assert [len(data) for data in line.arrived()] == [socket_limits.MESSAGE_BYTES]
    line.browser.send_text(b"a" * (socket_limits.MESSAGE_BYTES + 1))
    assert line.arrived() == []
    assert line.code == 1009


@pytest.mark.case("A-72")
@pytest.mark.usefixtures("now")
def test_of_many_small_bombs_only_so_many_bytes_are_inflated() -> None:
    line = Line()
    for _ in range(500):
        line.browser.send_text(b"a" * socket_limits.MESSAGE_BYTES)
    assert sum(map(len, line.arrived())) <= socket_limits.BYTES
    assert line.code == 1008


@pytest.mark.case("A-72")
@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG, Opcode.CONT])
def test_frames_of_every_kind_count(opcode: Opcode) -> None:
    line = Line()
    if opcode is Opcode.CONT:
        line.browser.send_text(b"", fin=False)
    for _ in range(5_000):
        # The layers behind never see unfinished fragments.
        line.browser.send_frame(Frame(opcode, b"", fin=opcode is not Opcode.CONT))
    assert len(line.arrived()) <= socket_limits.FRAMES
    assert line.code == 1008


@pytest.mark.case("A-72")
def test_as_much_in_every_span_passes_for_good(now: list[float]) -> None:
    line = Line()
    for _ in range(20):
        for _ in range(socket_limits.FRAMES):
            line.browser.send_text(b"42")
        assert len(line.arrived()) == socket_limits.FRAMES
        now[0] += socket_limits.SPAN_SECONDS
    assert line.ours.state is OPEN
