"""A separate Redis server, on a free port, in a temporary folder: `with running_redis(tmp_path) as server`."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

START_SECONDS = 20


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Server:
    """A Redis server that can be stopped, restarted on its port, and made to hang. It loses its data when it stops."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--logfile", str(folder / "redis.log")]
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), *quiet]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        retry = Retry(ConstantBackoff(0.05), START_SECONDS * 20)
        with closing(Redis.from_url(self.url, retry=retry)) as asked:
            asked.ping()

    def stop(self) -> None:
        """Stop the server; its counters are lost."""
        if self._process:
            self._process.kill()
            self._process.wait(START_SECONDS)
            self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stop the server inside the context; it starts empty afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Make the server accept connections without answering inside the context."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def ask(self, *command: str | int) -> Any:
        """Send a command and return the answer."""
        with closing(Redis.from_url(self.url, decode_responses=True)) as asked:
            return asked.execute_command(*command)


@contextmanager
def running_redis(folder: Path) -> Iterator[Server]:
    """Start a server; stop it at the end.

    Raises:
        LookupError: when Redis is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise LookupError("Redis is not installed: apt-get install redis-server")
    server = Server(program, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
