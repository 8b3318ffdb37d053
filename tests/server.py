"""A real portal for tests: the built application in a separate process, on demonstration data, on a free port."""

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from rich.console import Console
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core.database import make_engine
from odoportal.frontend import builder

PROGRAM = (sys.executable, "-m", "tests.program")
TODAY = "2020-09-24"
PASSWORD = "grand tour du lac"
GUIDE = "maria@transportgagnon.ca"
FLEET = "josee@groupelaurentides.ca"
LARGE = "ian@borealhaulage.ca"
EMPTY = "etienne@fermebeausejour.ca"
OVERDUE = "marie-eve@coopdesneiges.ca"
TWO_ACCOUNTS = "lise@comptabilitebouchard.ca"
READ_ONLY = "kevin@borealhaulage.ca"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers in lower case (the last of each name), all Set-Cookie lines, body."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: str


def write_session(rows: Engine) -> Session:
    """Return a database session that reads and then writes while a portal uses the same database.

    It takes SQLite's write lock at the start: SQLite refuses a write after a read when another connection wrote in between.
    """
    return Session(rows.execution_options(sqlite_begin="IMMEDIATE"))


@dataclass(frozen=True)
class Portal:
    """A running portal."""

    url: str
    data: Path
    database: str = ""
    pid: int = 0

    @property
    def log(self) -> str:
        """The portal's output so far: its log and everything printed."""
        return self.data.with_suffix(".log").read_text("utf-8", "replace")

    def engine(self) -> Engine:
        """Return an engine for the portal's database."""
        return make_engine(self.database or f"sqlite:///{self.data / 'odoportal.db'}")

    def said(self) -> list[dict[str, Any]]:
        """Return the parsed log lines of a portal in production, with those of all requests answered so far."""
        self.ask("/healthz")
        lines = self.data.with_suffix(".log").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def ask(self, path: str, *, form: dict[str, str] | None = None, method: str | None = None, **headers: str) -> Answer:
        """Send a request without following redirects. Header names have underscores: `cookie`, `accept_language`."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=30) as answer:
                return _answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.headers, error.read())

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> str:
        """Sign in and return the session cookie (`name=value`); fail when the sign-in does."""
        answer = self.ask("/en/login", form={"email": email, "password": password, **more})
        assert answer.status == 303, f"{answer.status} {answer.body[:300]}"
        return next(c for c in answer.cookies if "odo_session" in c).split(";")[0]


def _answer(status: int, headers: object, body: bytes) -> Answer:
    pairs = [(name.lower(), value) for name, value in headers.items()]  # type: ignore[attr-defined]
    return Answer(status, dict(pairs), [v for n, v in pairs if n == "set-cookie"], body.decode("utf-8", "replace"))


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


shared_folder: Path | None = None
"""The folder in which the processes of a test run share the data of an unused demonstration; a temporary one when None."""

_DEMONSTRATION = """
import sys
from pathlib import Path
from odoportal.core import database
from odoportal.demo import fleet_boreal, setup
from odoportal.settings import get_settings
import tests.program
data, url = sys.argv[1:]
if url:
    fleet_boreal.ORDERS = fleet_boreal.INVOICES = 600
setup.prepare(Path(data), 8000, setup.DAY, url)
get_settings.cache_clear()
setup.load(print)
database.engine().dispose()
"""


def _load_demonstration(data: Path, database: str) -> None:
    command = [sys.executable, "-c", _DEMONSTRATION, str(data), database]
    subprocess.run(command, env=_environment({}), check=True, cwd=builder.root(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@cache
def _demonstration() -> Path:
    """Return the data folder of an unused demonstration. The first process that asks creates it, which takes eight seconds."""
    folder = shared_folder
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="odoportal-demonstration-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    data, unfinished = folder / "demonstration", folder / "unfinished"
    with FileLock(folder / "demonstration.lock"):
        if not data.exists():
            _load_demonstration(unfinished, "")
            unfinished.rename(data)
    return data


@contextmanager
def running(data: Path, port: int = 0, program: Sequence[str] = PROGRAM, database: str = "", **settings: str) -> Iterator[Portal]:
    """Run a portal on a data folder; a new one is filled with the demonstration data.

    Args:
        data: the data folder.
        port: the port to listen on; any free one when 0.
        program: the command to run instead of `PROGRAM`, such as one that injects faults.
        database: the URL of an empty database to use instead of one in the folder. The large fleet in it is smaller, because loading it
            into PostgreSQL takes twenty seconds.
        settings: more `ODOPORTAL_` settings, by name in lower case.
    """
    builder.build(builder.root(), Console(stderr=True))
    if not data.exists():
        if database:
            _load_demonstration(data, database)
        else:
            # Copy the secret too: the password hashes depend on it.
            shutil.copytree(_demonstration(), data)
    port = port or free_port()
    command = [*program, "demo", "--port", str(port), "--data", str(data), "--today", TODAY, "--database", database]
    with _process(command, settings, Portal(f"http://localhost:{port}", data, database)) as portal:
        yield portal


_LOAD = """
import sys
from odoportal.core import clock, database
from odoportal.demo import fleet_boreal
from odoportal.demo.data import load_demo
from odoportal.migrations import migrate
from odoportal.rooms.signin import passwords
migrate(database.engine())
if "--small" in sys.argv:
    fleet_boreal.write = lambda _sheets: None
with database.write_session() as session:
    load_demo(session, clock.now(), passwords.hash_password)
"""


def production_settings(data: Path, url: str, database: str = "", **settings: str) -> dict[str, str]:
    """Return the settings of a portal in production, by name in lower case; its mails are not delivered."""
    return {
        "database_url": database or f"sqlite:///{data / 'odoportal.db'}",
        "public_url": url,
        "secret": "a secret for tests, of no use elsewhere",
        "smtp_url": "smtp://127.0.0.1:9",
        "mail_from": "Odotrack <no-reply@example.com>",
        "data_dir": str(data),
        **settings,
    }


def load_demo_data(settings: dict[str, str], small: bool = False) -> None:
    """Migrate an empty database and load the demonstration's people and records into it, as if they were real.

    Args:
        settings: the settings from `in_production`.
        small: leave out the large fleet, which takes most of the time.
    """
    command = [sys.executable, "-c", _LOAD, *(["--small"] if small else [])]
    subprocess.run(command, env=_environment({**settings, "mode": "demo"}), check=True, cwd=builder.root(), stdin=subprocess.DEVNULL)


@contextmanager
def running_production(settings: dict[str, str], port: int, log: str = "") -> Iterator[Portal]:
    """Run `odoportal run` with these settings; its log is `Portal.said()`.

    Args:
        settings: the settings from `in_production`.
        port: the port to listen on.
        log: a suffix for the name of the log, when several portals share a data folder.
    """
    builder.build(builder.root(), Console(stderr=True))
    data = Path(settings["data_dir"])
    data.mkdir(exist_ok=True)
    known = Portal(f"http://localhost:{port}", data.with_name(data.name + log), settings["database_url"])
    with _process([str(Path(sys.executable).parent / "odoportal"), "run", "--port", str(port)], settings, known) as portal:
        yield portal


def _environment(settings: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ODOPORTAL_")}
    return {**kept, **{f"ODOPORTAL_{k.upper()}": v for k, v in settings.items()}}


@contextmanager
def _process(command: list[str], settings: dict[str, str], portal: Portal) -> Iterator[Portal]:
    log = portal.data.with_suffix(".log")
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=_environment(settings)) as process,
    ):
        try:
            _wait(portal, process, log)
            yield replace(portal, pid=process.pid)
        finally:
            process.terminate()
            process.wait(20)


def _wait(portal: Portal, process: "subprocess.Popen[bytes]", log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text("utf-8", "replace")[-3000:]
        try:
            if portal.ask("/healthz").status == 200:
                return
        except OSError:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
