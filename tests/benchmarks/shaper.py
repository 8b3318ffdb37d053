"""A slow link in front of a server: `python -m tests.benchmarks.shaper LISTEN:TARGET [LISTEN:TARGET…]`, local ports.

The link is a phone's as in Lighthouse's "slow 4G": 150 ms round trip, 1,638 kbit/s down and 675 kbit/s up, shared by all connections.
It works below HTTP, because the browser's own throttling does not apply to WebSocket frames.
"""

import asyncio
import subprocess
import sys
from asyncio import Queue, StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.server import free_port

ROUND_TRIP = 0.150
DOWN, UP = 1_638_000, 675_000
PACKET = 1_400


class Line:
    """One direction of the link: packets of all connections pass one after another, in the order they arrive.

    Args:
        rate: Bits per second.
    """

    def __init__(self, rate: int) -> None:
        self._rate, self._free_at = rate, 0.0

    async def carry(self, size: int) -> float:
        """Wait until the packet has left, and return the moment it arrives, in the event loop's time."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + size * 8 / self._rate
        left_at = self._free_at
        await asyncio.sleep(left_at - now)
        return left_at + ROUND_TRIP / 2


async def _deliver(arriving: "Queue[tuple[float, bytes]]", to: StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        at, packet = await arriving.get()
        await asyncio.sleep(at - loop.time())
        if not packet:
            break
        to.write(packet)
        await to.drain()
    if to.can_write_eof():
        to.write_eof()


async def _one_way(source: StreamReader, to: StreamWriter, line: Line) -> None:
    arriving: Queue[tuple[float, bytes]] = Queue()
    delivering = asyncio.create_task(_deliver(arriving, to))
    try:
        while packet := await source.read(PACKET):
            arriving.put_nowait((await line.carry(len(packet)), packet))
        arriving.put_nowait((asyncio.get_running_loop().time() + ROUND_TRIP / 2, b""))
        await delivering
    finally:
        delivering.cancel()


async def _connection(reader: StreamReader, writer: StreamWriter, target: int, up: Line, down: Line) -> None:
    # The browser considers itself connected at once; on a real line the handshake takes a round trip.
    await asyncio.sleep(ROUND_TRIP)
    there, back = await asyncio.open_connection("127.0.0.1", target)
    # Either side may close the connection at any time, as on a real line.
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_one_way(reader, back, up))
            both.create_task(_one_way(there, writer, down))
    except* OSError:
        pass
    finally:
        back.close()
        writer.close()


async def shape(pairs: list[tuple[int, int]]) -> None:
    """Listen on the first port of each pair and forward to the second, over one shared link."""
    up, down = Line(UP), Line(DOWN)
    servers = [
        await asyncio.start_server(lambda reader, writer, to=target: _connection(reader, writer, to, up, down), "127.0.0.1", port)
        for port, target in pairs
    ]
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


@contextmanager
def shaping(ports: Sequence[int]) -> Iterator[dict[int, int]]:
    """Put a slow link in front of local ports, in a separate process, and yield the slow port of each.

    Args:
        ports: Ports that servers listen on; if empty, no process is started.
    """
    slow = {port: free_port() for port in ports}
    if not slow:
        yield slow
        return
    command = [sys.executable, "-m", "tests.benchmarks.shaper", *(f"{listen}:{to}" for to, listen in slow.items())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            # The process prints one line once it listens.
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("The shaper did not start.")
            yield slow
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(shape([(int(pair.split(":")[0]), int(pair.split(":")[1])) for pair in sys.argv[1:]]))
