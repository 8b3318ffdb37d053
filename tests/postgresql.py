"""A PostgreSQL server of one's own, on a free port, in a temporary folder: `with running_postgresql(tmp_path) as url`."""

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
# A test's database may lose its last seconds when the machine does.
QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def binaries() -> Path | None:
    """The folder with PostgreSQL's programs: the newest of Debian's; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda program: float(program.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _run(*command: object) -> None:
    # PostgreSQL refuses to run as root.
    as_user = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True, cwd="/", **as_user)  # pyright: ignore
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


@dataclass(frozen=True)
class Server:
    """A running server: the address of an empty database, and what starts and stops it."""

    url: str
    _command: tuple[object, ...]
    _options: tuple[object, ...]

    def start(self) -> None:
        """Start it; returns when it answers."""
        _run(*self._command, *self._options, "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop it: at once, as if the machine were gone and with what was written last, or `fast`, in order."""
        _run(*self._command, "-m", how, "-w", "stop")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It is away for a while. It ends its connections in order: as it is set here, it would lose what it was told last otherwise."""
        self.stop("fast")
        try:
            yield
        finally:
            self.start()


@contextmanager
def serving(folder: Path | None = None) -> Iterator[Server]:
    """Start a server, and stop it and take its data away at the end.

    Args:
        folder: unused beyond naming the run; the data lie in a folder of their own that the server's user can reach.

    Raises:
        LookupError: where PostgreSQL is not installed.
    """
    programs = binaries()
    if programs is None:
        raise LookupError("PostgreSQL is not installed: apt-get install postgresql")
    own = Path(mkdtemp(prefix=f"{folder.name if folder else 'portal'}-pg-", dir="/tmp"))
    data, port = own / "data", _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={own} {QUICK}"
    server = Server(
        f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres",
        (programs / "pg_ctl", "-D", data),
        ("-l", own / "log", "-w", "-t", "60", "-o", options),
    )
    try:
        if os.geteuid() == 0:
            shutil.chown(own, USER, USER)
        _run(programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def running_postgresql(folder: Path | None = None) -> Iterator[str]:
    """The address of an empty database of a server that runs meanwhile, see `serving`."""
    with serving(folder) as server:
        yield server.url


def empty(engine: Engine) -> None:
    """Take everything out of a database."""
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
