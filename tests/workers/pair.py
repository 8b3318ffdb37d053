"""Two portals in production behind one address, on one PostgreSQL and one Redis, which take requests in turn."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from sqlalchemy import text
from sqlalchemy.engine import make_url

from odoportal.core.database import make_engine
from tests.redis_server import Server
from tests.server import Portal, free_port, load_demo_data, production_settings, running_production

_CONNECTION = re.compile(rb"\r\nconnection:[^\r\n]*", re.I)
SECONDS = 60


class Balancer:
    """A load balancer that sends requests to the workers in turn, and sockets too.

    `requests` holds the path of each request and the number of the worker that took it.
    """

    def __init__(self, ports: tuple[int, ...]) -> None:
        self.port, self.ports = free_port(), ports
        self.requests: list[tuple[str, int]] = []
        self._sockets: dict[asyncio.StreamWriter, int] = {}
        # The next worker, for requests (False) and for sockets (True).
        self._turns = {False: 0, True: 0}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """The balancer's address."""
        return f"http://localhost:{self.port}"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Accept connections until the block ends."""
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._forward, "127.0.0.1", self.port), self._loop).result(SECONDS)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(server.close)
            self.cut()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(SECONDS)

    def cut(self) -> list[int]:
        """Cut every open socket, as a network failure does, and return the workers they were connected to.

        The next socket goes to another worker.
        """

        async def now() -> list[int]:
            cut = list(self._sockets.values())
            for writer in list(self._sockets):
                writer.transport.abort()
            # The next socket must not go back to the same worker.
            if cut:
                self._turns[True] = (cut[-1] + 1) % len(self.ports)
            return cut

        return asyncio.run_coroutine_threadsafe(now(), self._loop).result(SECONDS)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            socket = b"\r\nupgrade: websocket" in head.lower()
            number = self._turns[socket]
            self._turns[socket] = (number + 1) % len(self.ports)
            path = head.split(b" ", 2)[1].decode().partition("?")[0]
            self.requests.append((path, number))
            upstream, upwriter = await asyncio.open_connection("127.0.0.1", self.ports[number])
            if not socket:
                # Otherwise the browser would send its next request over the same connection.
                head = _CONNECTION.sub(b"", head, count=1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            else:
                self._sockets[writer] = number
            upwriter.write(head.replace(b"\r\n", b"\r\nX-Forwarded-For: 127.0.0.1\r\n", 1))
            try:
                await asyncio.gather(_pump(reader, upwriter), _pump(upstream, writer))
            finally:
                self._sockets.pop(writer, None)
                upwriter.close()
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(1 << 16):
            writer.write(some)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.close()


class _MailHandler(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.kept.append(message)


@dataclass(frozen=True)
class Workers:
    """Two workers: `each` at its own address, `front` at the address of both. `mails` are those that were sent."""

    front: Portal
    each: tuple[Portal, Portal]
    balancer: Balancer
    redis: Server
    settings: dict[str, str]
    mails: list[Message] = field(default_factory=list)


@contextmanager
def two_workers(folder: Path, postgresql: str, redis: Server) -> Iterator[Workers]:
    """Start two workers on the demonstration data.

    Args:
        folder: The folder for logs and data.
        postgresql: The URL of the PostgreSQL server.
        redis: The Redis server that they share.
    """
    engine = make_engine(postgresql)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE DATABASE workers"))
    engine.dispose()
    database = make_url(postgresql).set(database="workers").render_as_string(hide_password=False)
    ports, mail = (free_port(), free_port()), _MailHandler()
    balancer, server = Balancer(ports), Controller(mail, hostname="127.0.0.1", port=free_port())
    out = f"smtp://127.0.0.1:{server.port}"
    settings = production_settings(folder / "data", balancer.url, database, redis_url=redis.url, trusted_proxies="1", smtp_url=out)
    load_demo_data(settings, small=True)
    redis.ask("FLUSHALL")
    server.start()
    try:
        with running_production(settings, ports[0], "1") as first, running_production(settings, ports[1], "2") as second, balancer.open():
            front = Portal(balancer.url, folder / "data", database)
            yield Workers(front, (first, second), balancer, redis, settings, mail.kept)
    finally:
        server.stop()
