"""Jobs of the portal, each run in a separate process that is killed (SIGKILL) before one of its steps: `run_until`.

A step is a statement, a commit, or an operation on a file in the job's folder. The processes are forked from a server process that has only
this module and no threads, so that each takes the same steps, whatever earlier tests did.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import Session

from odoportal import migrations
from odoportal.accounts.models import Account
from odoportal.backup import backup
from odoportal.core import database
from odoportal.core.database import make_engine
from odoportal.importing.importer import run_import
from odoportal.mail import outbox

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
LATER = NOW + outbox.CLAIM_DURATION
NEVER = -1
SECONDS = 120
_ON_FILES = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "shutil.copyfile", "sqlite3.connect"}
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def database_path(folder: Path) -> Path:
    """Return the path of a job's database in its folder."""
    return folder / "portal.db"


def migrate(folder: Path) -> None:
    """Migrate the database to this release."""
    engine = make_engine(f"sqlite:///{database_path(folder)}")
    migrations.migrate(engine)
    engine.dispose()


def deliver(folder: Path, now: datetime) -> None:
    """Send the mails that are due, and write a line to `arrived` for each delivered one."""

    def transport(message: Any) -> None:
        # Opening the file is a step: before it the mail has not arrived, after it the mail has.
        with (folder / "arrived").open("a") as box:
            box.write(f"{message['Message-ID']}\n")

    outbox.deliver_due(transport, now)


def back_up(folder: Path) -> None:
    """Write a backup over the last one."""
    backup.back_up(f"sqlite:///{database_path(folder)}", folder / "night.db")


def restore(folder: Path, now: datetime) -> None:
    """Restore a backup in place of the database."""
    backup.restore(f"sqlite:///{database_path(folder)}", folder.parent / "night.db", now)


def import_files(folder: Path) -> None:
    """Import the files next to the folder."""
    run_import(folder.parent / "many", now=NOW)


def write(folder: Path, many: int) -> None:
    """Write accounts, one per transaction, and write a line to `acknowledged` for each commit."""
    for number in range(many):
        with Session(database.engine()) as session:
            session.add(Account(number=str(number), name="Transport", created_at=NOW))
            session.commit()
        with (folder / "acknowledged").open("a") as lines:
            lines.write(f"{number}\n")


def _begin(folder: Path) -> None:
    settings = {"MODE": "demo", "DATABASE_URL": f"sqlite:///{database_path(folder)}", "DATA_DIR": str(folder), "TODAY": "2020-09-24"}
    os.environ.update({f"ODOPORTAL_{name}": value for name, value in settings.items()})


def _watch(folder: Path, step: Callable[[], None]) -> None:
    def on_file(name: str, args: tuple[object, ...]) -> None:
        if name in _ON_FILES and any(str(folder) in str(arg) for arg in args):
            step()

    sys.addaudithook(on_file)
    event.listen(Engine, "before_cursor_execute", lambda *_: step())
    event.listen(Engine, "commit", lambda *_: step())


def _run_killed(folder: Path, last: int, result_pipe: Connection, job: Callable[..., None], more: tuple[object, ...]) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    _begin(folder)
    _watch(folder, step)
    job(folder, *more)
    result_pipe.send(steps)


def _run_copied(folder: Path, _last: int, result_pipe: Connection, job: Callable[..., None], more: tuple[object, ...]) -> None:
    moments: list[tuple[int, dict[str, bytes]]] = []
    acknowledged, copying = folder / "acknowledged", False

    def step() -> None:
        nonlocal copying
        if copying:
            return
        copying = True
        files = {side: file.read_bytes() for side in ("", "-wal") if (file := database_path(folder).with_name(f"portal.db{side}")).exists()}
        moments.append((len(acknowledged.read_text().split()) if acknowledged.exists() else 0, files))
        copying = False

    _begin(folder)
    _watch(folder, step)
    job(folder, *more)
    result_pipe.send(moments)


def _run_in_process(how: Callable[..., None], folder: Path, last: int, job: Callable[..., None], more: tuple[object, ...]) -> Any:
    mine, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=how, args=(folder, last, theirs, job, more))
    process.start()
    theirs.close()
    try:
        result = mine.recv()
    except EOFError:
        result = None
    process.join(SECONDS)
    assert process.exitcode in {0, -signal.SIGKILL}, f"the job failed by itself: {process.exitcode}"
    return result


def run_until(last: int, folder: Path, job: Callable[..., None], *more: object) -> int | None:
    """Run a job in a process that is killed after `last` steps, and return its number of steps, or None if it was killed."""
    return _run_in_process(_run_killed, folder, last, job, more)


def run_with_copies(folder: Path, job: Callable[..., None], *more: object) -> list[tuple[int, dict[str, bytes]]]:
    """Run a job and copy its database before each step; return for each copy the number of acknowledged lines and the files by suffix."""
    return _run_in_process(_run_copied, folder, NEVER, job, more)
