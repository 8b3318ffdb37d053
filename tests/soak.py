"""Customers at work for half an hour, and nothing of it may be left: `python -m tests.soak`, `--minutes`, `--customers`.

Each customer signs in, reads pages in both languages, takes files along, turns pages in a live tab, and goes away: by signing out, by
closing, or by a line that is cut. A few tabs stay open all the while. What the process holds is read from the system.
"""

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.attack.wire import ON_LOAD
from tests.benchmarks.sessions import memory
from tests.benchmarks.tabs import OpenTab
from tests.server import EMPTY, FLEET, GUIDE, LARGE, OVERDUE, PASSWORD, READ_ONLY, Portal, running

MOST_MIB = 150
LEFT_MIB = 40
# What pools of connections and threads may have grown by since.
SPARE = 8
SETTLE_SECONDS = 120
PEOPLE = (GUIDE, FLEET, LARGE, OVERDUE, EMPTY)
# One person has at most twenty sessions, so those that come and go would end the ones that stay.
PAGES = ("/", "/orders", "/orders?page=2&sort=number", "/invoices", "/invoices?state=paid&size=25", "/statement", "/profile", "/help")
FILES = ("/orders.csv", "/orders.xlsx", "/invoices.csv?state=overdue", "/statement.pdf", "/statement.csv")
_FAILED = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback|Task exception|never retrieved|was never awaited")


@dataclass(frozen=True)
class Held:
    """What a process holds: memory in MiB, open files and sockets, threads."""

    mib: float
    files: int
    sockets: int
    threads: int

    @classmethod
    def by(cls, pid: int) -> "Held":
        """What it holds now; the memory of the processes that it started counts, too."""
        kinds: list[str] = []
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            # One that was closed since the folder was read.
            with suppress(FileNotFoundError):
                kinds.append(str(entry.readlink()))
        sockets = sum(kind.startswith("socket:") for kind in kinds)
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        return cls(_memory(pid), len(kinds) - sockets, sockets, threads)

    def __str__(self) -> str:
        return f"{self.mib:6.1f} MiB, {self.files} files, {self.sockets} sockets, {self.threads} threads"


def _memory(pid: int) -> float:
    """The memory of a process and of those that it started, in MiB."""
    held, started = memory(pid), list[str]()
    # Whoever has ended since holds nothing: a thread that had started some, or a process.
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            started += (task / "children").read_text("ascii").split()
    for one in started:
        with suppress(FileNotFoundError, ProcessLookupError):
            held += memory(int(one))
    return held / 1024


class Soak:
    """The portal, who works on it, and what it held.

    Args:
        portal: a running one on demonstration data.
        customers: how many work at once.
        say: where the curve is told.
    """

    def __init__(self, portal: Portal, customers: int, say: Callable[[str], None]) -> None:
        self.portal, self.customers, self.say = portal, customers, say
        self.visits = 0
        self.peak = 0.0
        self._chance = random.Random(7)

    async def ask(self, path: str, status: int, **more: object) -> str:
        """A request that must be answered with this status; returns the session's cookie where one is set."""
        answer = await asyncio.to_thread(self.portal.ask, path, **more)  # type: ignore[arg-type]
        if answer.status != status:
            raise RuntimeError(f"{path} was answered by {answer.status}, not {status}")
        return next((line.split(";")[0] for line in answer.cookies if "odo_session" in line), "")

    async def visit(self, person: str) -> None:
        """One customer, from signing in to going away."""
        chance = self._chance
        language = chance.choice(("en", "fr"))
        form = {"email": person, "password": PASSWORD}
        cookie = await self.ask(f"/{language}/login", 303, form=form)
        for path in chance.sample(PAGES, 4):
            await self.ask(f"/{language}{path}", 200, cookie=cookie)
        await self.ask(f"/{language}{chance.choice(FILES)}", 200, cookie=cookie)
        tab = await self.open(cookie)
        for _ in range(5):
            await tab.ask(ON_LOAD)
        if chance.random() < 0.5:
            await tab.close()
        else:
            tab.socket.transport.abort()
            await tab.reading
        if chance.random() < 0.8:
            await self.ask("/auth/sign-out", 303, form={}, cookie=cookie)
        self.visits += 1
        self.peak = max(self.peak, _memory(self.portal.pid))

    async def open(self, cookie: str) -> OpenTab:
        """A tab with its first rows."""
        tab = OpenTab(self.portal.url, cookie)
        await tab.open()
        return tab

    async def wave(self, over: Callable[[int], bool]) -> None:
        """All customers, visit after visit, until it is over by the number of each one's visits."""

        async def one(place: int) -> None:
            done = 0
            while not over(done):
                await self.visit(PEOPLE[place % len(PEOPLE)])
                done += 1

        async with asyncio.TaskGroup() as all_of_them:
            for place in range(self.customers):
                all_of_them.create_task(one(place))

    async def settled(self, sockets: int | None = None) -> Held:
        """What is held once everybody's sockets are gone and states of tabs that left are forgotten."""
        end, low = time.monotonic() + SETTLE_SECONDS, Held.by(self.portal.pid)
        while time.monotonic() < end:
            await asyncio.sleep(1)
            now = Held.by(self.portal.pid)
            calm = now.sockets >= low.sockets if sockets is None else now.sockets <= sockets
            if calm and now.threads <= low.threads and abs(now.mib - low.mib) < 1:
                return now
            low = now
        return low


async def soak(portal: Portal, customers: int, over: Callable[[int], bool], say: Callable[[str], None]) -> list[str]:
    """Let customers work until it is over, and all leave; what is wrong afterwards, a sentence each.

    Args:
        portal: a running portal on demonstration data.
        customers: how many at once.
        over: whether a customer who made so many visits stops.
        say: where the curve is told.
    """
    work = Soak(portal, customers, say)
    # Everything that is made once and kept: pools, caches, fonts, the driver's statements.
    await work.wave(lambda done: done >= 2)
    idle = await work.settled()
    said = len(portal.log.splitlines())
    say(f"idle     {idle}")
    work.peak = idle.mib
    staying = [await work.open(await work.ask("/en/login", 303, form={"email": READ_ONLY, "password": PASSWORD})) for _ in range(4)]
    telling = asyncio.create_task(_tell(work))
    await work.wave(over)
    telling.cancel()
    for tab in staying:
        await tab.ask(ON_LOAD)
        await tab.close()
    left = await work.settled(idle.sockets)
    say(f"all left {left}")
    wrong = []
    if work.peak - idle.mib > MOST_MIB:
        wrong.append(f"memory rose {work.peak - idle.mib:.0f} MiB above idle, more than {MOST_MIB}")
    if left.mib - idle.mib > LEFT_MIB:
        wrong.append(f"{left.mib - idle.mib:.0f} MiB are left, more than {LEFT_MIB}")
    for name, spare in (("files", SPARE), ("sockets", 0), ("threads", SPARE)):
        before, after = getattr(idle, name), getattr(left, name)
        if after > before + spare:
            wrong.append(f"{after - before} more {name} than before are open")
    lines = [line for line in portal.log.splitlines()[said:] if _FAILED.search(line)]
    wrong += [f"the log says: {line[:300]}" for line in lines[:5]]
    return wrong


async def _tell(work: Soak) -> None:
    begun = time.monotonic()
    while True:
        await asyncio.sleep(15)
        work.say(f"{(time.monotonic() - begun) / 60:5.1f} min {Held.by(work.portal.pid)}, {work.visits} visits")


def main() -> int:
    """0 where nothing was left."""
    given = argparse.ArgumentParser(prog="python -m tests.soak", description="Customers at work, and nothing of it may be left.")
    given.add_argument("--minutes", type=float, default=30)
    given.add_argument("--customers", type=int, default=12)
    wanted = given.parse_args()

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as portal:
        end = time.monotonic() + 60 * wanted.minutes
        wrong = asyncio.run(soak(portal, wanted.customers, lambda _done: time.monotonic() > end, say))
    for sentence in wrong:
        say(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
