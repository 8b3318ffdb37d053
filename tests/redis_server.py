"""A Redis server of one's own, on a free port, in a temporary folder: `with running_redis(tmp_path) as server`."""

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
    """A Redis that can be stopped, started again on its port, and made to hang. It keeps nothing beyond its end."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--logfile", str(folder / "redis.log")]
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), *quiet]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        retry = Retry(ConstantBackoff(0.05), START_SECONDS * 20)
        with closing(Redis.from_url(self.url, retry=retry)) as asked:
            asked.ping()

    def stop(self) -> None:
        """Stop it; what it counted is forgotten."""
        if self._process:
            self._process.kill()
            self._process.wait(START_SECONDS)
            self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is stopped meanwhile, and starts empty afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes connections and answers nobody meanwhile."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def ask(self, *command: str | int) -> Any:
        """What it answers to a command."""
        with closing(Redis.from_url(self.url, decode_responses=True)) as asked:
            return asked.execute_command(*command)


@contextmanager
def running_redis(folder: Path) -> Iterator[Server]:
    """Start a server, and stop it at the end.

    Raises:
        LookupError: where Redis is not installed.
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
