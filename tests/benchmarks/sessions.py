"""Open tabs: their memory, and a thousand at the same time."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from odoportal.accounts.models import Person
from odoportal.core import clock, database
from odoportal.core.identity import cookie_name
from odoportal.rooms.signin import sessions
from tests.benchmarks import data
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Row

TABS, WARM = 1_000, 50
WITHIN = 3
WORK, EVERY = 30, 10
REST = 3
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") / 1024
TICKS = os.sysconf("SC_CLK_TCK")


def measure(bench: Bench) -> Iterator[Row]:
    """Open a thousand tabs of two hundred people within three seconds, turn a page in each every ten, and close them; twice."""
    cookies = _cookies(bench)
    with bench.serving() as server, _tab_process(server.portal.url) as ask:
        pid = server.process.pid
        _open_and_close(ask, cookies, WARM)
        idle = memory(pid)
        opening = ask("open", cookies, TABS, WITHIN)
        ask("work", 1, EVERY)
        full = memory(pid)
        before = cpu_seconds(pid)
        worked = ask("work", WORK, EVERY)["took"]
        busy = (cpu_seconds(pid) - before) / WORK
        ask("close")
        ask("work", REST, EVERY)
        left = memory(pid)
        _open_and_close(ask, cookies, TABS)
        again = memory(pid)
    yield Row("memory per open tab", "KiB", (full - idle) / TABS, most=100)
    yield Row(f"{TABS:,} tabs come within {WITHIN} s: all have their rows after", "s", opening["all"])
    yield from _times(f"{TABS:,} tabs come within {WITHIN} s: connected and rows", opening["took"], ())
    yield from _times(f"{TABS:,} tabs, a page every {EVERY} s", worked, (("95", 15),))
    yield Row("the same: share of a core", "%", 100 * busy)
    yield Row("idle", "MiB", idle / 1024)
    yield Row("above idle with all open", "MiB", (full - idle) / 1024, most=150)
    yield Row("above idle after all have left", "MiB", (left - idle) / 1024, most=150)
    yield Row(f"above idle after {TABS:,} others came and left as well", "MiB", (again - idle) / 1024, most=150)


def _open_and_close(ask: Any, cookies: Sequence[str], count: int) -> None:
    ask("open", cookies, count, WITHIN)
    ask("work", REST, REST)
    ask("close")
    ask("work", REST, EVERY)


def _times(name: str, took: Sequence[float], bars: Sequence[tuple[str, float]]) -> Iterator[Row]:
    known = dict(bars)
    cuts = statistics.quantiles(took, n=100)
    for share in (50, 95, 99):
        yield Row(f"{name}, p{share}", "ms", 1000 * cuts[share - 1], most=known.get(str(share)))


def memory(pid: int) -> float:
    """Return the resident memory of a process in KiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIB


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used on all cores, in seconds."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def _cookies(bench: Bench) -> list[str]:
    """Start a session for each person without a sign-in, because passwords are not measured here, and return the cookies."""
    engine = database.make_engine(bench.database_url())
    with Session(engine) as session, session.begin():
        people = session.exec(select(Person).where(Person.email.in_(data.OTHERS))).all()  # pyright: ignore[reportAttributeAccessIssue]
        tokens = [sessions.begin(session, person.id, clock.now(), True, sessions.Browser()) for person in people if person.id]
    engine.dispose()
    return [f"{cookie_name(secure=False)}={token}" for token in tokens]


@contextmanager
def _tab_process(url: str) -> Iterator[Any]:
    command = [sys.executable, "-m", "tests.benchmarks.tabs", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the crowd cannot be spoken to")

        def ask(*words: Any) -> Any:
            stdin.write(json.dumps(words) + "\n")
            stdin.flush()
            line = stdout.readline()
            if not line:
                raise RuntimeError("the crowd is gone")
            return json.loads(line)

        try:
            yield ask
        finally:
            stdin.close()
