"""The environment of the benchmarks: a scratch folder with the data, and the portal in production on it."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rich.console import Console

from odoportal.core import database
from odoportal.frontend import builder
from odoportal.migrations import migrate
from odoportal.settings import get_settings
from tests.benchmarks import data
from tests.server import Portal, free_port

SECRET = "benchmarks only, thirty-two characters"


@dataclass(frozen=True)
class Server:
    """A portal in production and the process that serves it."""

    portal: Portal
    process: "subprocess.Popen[bytes]"


@dataclass
class Bench:
    """The environment that every part measures in.

    `folder` keeps what is expensive to make (data, packages) from one run to the next. `rows` is the number of invoices. `runs` is how
    often each thing is timed (the median counts). A part that needs more than the shared server enters its own contexts into `stack`, which
    is closed at the end of the command.
    """

    folder: Path
    rows: int
    runs: int
    stack: ExitStack = field(default_factory=ExitStack)
    _shared: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.stack.enter_context(self._shared)

    @cached_property
    def data_folder(self) -> Path:
        """The folder of the migrated and filled database, made once for each number of rows and version of the data."""
        shape = hashlib.sha256(Path(data.__file__).read_bytes()).hexdigest()
        place = self.folder / f"rows-{self.rows}-{shape[:10]}"
        place.mkdir(parents=True, exist_ok=True)
        if not (place / "filled").exists():
            (place / "odoportal.db").unlink(missing_ok=True)
        # Passwords in the data are hashed with a pepper derived from the secret.
        os.environ |= self.settings(place, "http://localhost:8000")
        get_settings.cache_clear()
        engine = database.make_engine(self.database_url(place))
        migrate(engine)
        if not (place / "filled").exists():
            sys.stderr.write(f"Making {self.rows:,} invoices.\n")
            data.fill(engine, self.rows)
            (place / "filled").touch()
        engine.dispose()
        return place

    def database_url(self, place: Path | None = None) -> str:
        """Return the URL of the database with the data."""
        return f"sqlite:///{place or self.data_folder}/odoportal.db"

    def settings(self, place: Path, public_url: str) -> dict[str, str]:
        """Return the environment variables of a portal in production that uses the database in a folder."""
        return {
            "ODOPORTAL_DATABASE_URL": self.database_url(place),
            "ODOPORTAL_PUBLIC_URL": public_url,
            "ODOPORTAL_SECRET": SECRET,
            # No mail is sent.
            "ODOPORTAL_SMTP_URL": "smtp://localhost:9",
            "ODOPORTAL_MAIL_FROM": "no-reply@localhost",
            "ODOPORTAL_DATA_DIR": str(place),
            "ODOPORTAL_LOG_LEVEL": "warning",
        }

    @cached_property
    def server(self) -> Server:
        """The portal that the parts share, started on first use."""
        return self._shared.enter_context(self._serving())

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """Serve a separate portal on the same data, after stopping the shared one: only one process may serve such a database."""
        self._shared.close()
        self.__dict__.pop("server", None)
        with self._serving() as server:
            yield server

    @contextmanager
    def _serving(self) -> Iterator[Server]:
        """Run `odoportal run` without a proxy in front of it."""
        builder.build(builder.root(), Console(stderr=True))
        port = free_port()
        portal = Portal(f"http://localhost:{port}", self.data_folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_")}
        environment = kept | self.settings(self.data_folder, portal.url)
        command = [str(Path(sys.executable).parent / "odoportal"), "run", "--port", str(port), "--no-build"]
        with running_process(command, self.folder / f"server-{port}.log", environment) as process:
            wait_until_answering(portal, process)
            yield Server(portal, process)

    def cookie(self, email: str = data.LARGE) -> str:
        """Sign a person in at the shared server and return the session cookie as `name=value`."""
        return self.server.portal.sign_in(email, data.PASSWORD, keep="1")


@contextmanager
def running_process(command: list[str], log: Path, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process and end it afterwards; its output goes to `log`, which is deleted unless an error occurred."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)
    log.unlink()


def wait_until_answering(portal: Portal, process: "subprocess.Popen[bytes]", path: str = "/healthz") -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: If the server ended before it answered.
    """
    while process.poll() is None:
        try:
            if portal.ask(path).status < 500:
                return
        except OSError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
    raise RuntimeError(f"{portal.url} ended before it answered; see the log in the benchmarks' folder.")
