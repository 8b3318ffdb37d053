"""A separate PostgreSQL server, on a free port, in a temporary folder: `with running_postgresql(tmp_path) as url`."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import Engine, text

USER = "postgres"
# A test database may lose its last writes when the machine crashes.
QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def binaries() -> Path | None:
    """Return the folder with PostgreSQL's programs, the newest of Debian's; None when it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda program: float(program.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _run(*command: object) -> None:
    # PostgreSQL refuses to run as root.
    as_user = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    result = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True, cwd="/", **as_user)  # pyright: ignore
    if result.returncode:
        raise RuntimeError(f"{command[0]} failed: {result.stdout}{result.stderr}")


@dataclass(frozen=True)
class Server:
    """A running server: the URL of an empty database, and the commands that start and stop it."""

    url: str
    _command: tuple[object, ...]
    _options: tuple[object, ...]

    def start(self) -> None:
        """Start the server and wait until it answers."""
        _run(*self._command, *self._options, "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop the server: `immediate` as in a crash, which loses the last writes, or `fast` in an orderly way."""
        _run(*self._command, "-m", how, "-w", "stop")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the server inside the context. The stop is orderly: with the options of `QUICK`, a crash would lose the last writes."""
        self.stop("fast")
        try:
            yield
        finally:
            self.start()


@contextmanager
def serving(folder: Path | None = None) -> Iterator[Server]:
    """Start a server; stop it and delete its data at the end.

    Args:
        folder: used only to name the run; the data are in a separate folder that the server's user can access.

    Raises:
        LookupError: when PostgreSQL is not installed.
    """
    programs = binaries()
    if programs is None:
        raise LookupError("PostgreSQL is not installed: apt-get install postgresql")
    directory = Path(mkdtemp(prefix=f"{folder.name if folder else 'portal'}-pg-", dir="/tmp"))
    data, port = directory / "data", _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={directory} {QUICK}"
    server = Server(
        f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres",
        (programs / "pg_ctl", "-D", data),
        ("-l", directory / "log", "-w", "-t", "60", "-o", options),
    )
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, USER, USER)
        _run(programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running_postgresql(folder: Path | None = None) -> Iterator[str]:
    """Start a server and yield the URL of its empty database; see `serving`."""
    with serving(folder) as server:
        yield server.url


def drop_everything(engine: Engine) -> None:
    """Delete everything in a database."""
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
