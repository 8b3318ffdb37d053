"""A soak test for leaks: customers use the portal for half an hour. `python -m tests.soak`, `--minutes`, `--customers`.

Each customer signs in, reads pages in one of the languages, downloads files, loads pages in a live tab, and leaves: by closing the tab or
with a cut connection, and mostly signing out. A few tabs stay open the whole time. Resource use is read from the operating system.

Each visit has its own network address, and no person downloads more files than the quota allows.
"""

import argparse
import asyncio
import itertools
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from odoportal.documents.pdf import WORKERS
from odoportal.limits import quotas
from tests.attack.wire import ON_LOAD
from tests.benchmarks.sessions import memory
from tests.benchmarks.tabs import OpenTab
from tests.server import (
    EMPTY,
    FLEET,
    GUIDE,
    LARGE,
    OVERDUE,
    PASSWORD,
    READ_ONLY,
    Portal,
    free_port,
    load_demo_data,
    production_settings,
    running_production,
)

MOST_MIB = 150
"""How far the memory of the portal's process may rise above that right after its first page."""
LEFT_MIB = 40
"""How much more memory it may have after all customers have left than after the first ones, who fill its pools and caches."""
BESIDE_MIB = 220
"""How far the memory of the PDF processes may rise: a statement of 1,500 lines takes 130 MiB, and one is made at a time."""
BESIDE_LEFT_MIB = 40
MIB_A_MINUTE = 0.5
"""How fast the portal's memory may still rise in the second half of the run: 720 MiB a day."""
SLOPE_SAMPLES = 60
"""How many samples a slope needs: a shorter run says only how caches fill."""
# How many files and threads the pools may have added.
SPARE = 8
LOOK_SECONDS, TELL_SECONDS = 0.2, 15
SETTLE_SECONDS = 120
STAYING = "198.51.100.1"
# Not READ_ONLY, who has the tabs that stay open: a person has at most twenty sessions, so visits would end theirs.
PEOPLE = (GUIDE, FLEET, LARGE, OVERDUE, EMPTY)
PAGES = ("/", "/orders", "/orders?page=2&sort=number", "/invoices", "/invoices?state=paid&size=25", "/statement", "/profile", "/help")
FILES = ("/orders.csv", "/orders.xlsx", "/invoices.csv?state=overdue", "/statement.pdf", "/statement.csv")
FILES_A_MINUTE = quotas.EXPORTS.amount // 2
"""How many files one person downloads in a minute: well below the quota, whose minutes begin at other times."""
_FAILED = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback|Task exception|never retrieved|was never awaited")


@dataclass(frozen=True)
class ResourceUse:
    """The resources a portal uses.

    Attributes:
        mib: memory of its process, in MiB.
        beside: memory of its child processes, in MiB.
        processes: number of child processes.
        files: number of open files.
        sockets: number of open sockets.
        threads: number of threads.
    """

    mib: float
    beside: float
    processes: int
    files: int
    sockets: int
    threads: int

    @classmethod
    def by(cls, pid: int) -> "ResourceUse":
        """Measure the process now."""
        kinds: list[str] = []
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            # It may have been closed after the folder was read.
            with suppress(FileNotFoundError):
                kinds.append(str(entry.readlink()))
        sockets = sum(kind.startswith("socket:") for kind in kinds)
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        started = list(started_by(pid))
        return cls(memory(pid) / 1024, sum(map(_memory_share, started)), len(started), len(kinds) - sockets, sockets, threads)

    def __str__(self) -> str:
        beside = f"{self.beside:5.1f} MiB in {self.processes} beside"
        return f"{self.mib:6.1f} MiB, {beside}, {self.files} files, {self.sockets} sockets, {self.threads} threads"


def started_by(pid: int) -> Iterator[int]:
    """Yield the ids of the descendants of a process."""
    # A thread or process that has ended has no children.
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                for one in map(int, (task / "children").read_text("ascii").split()):
                    yield one
                    yield from started_by(one)


def _memory_share(pid: int) -> float:
    """Return the memory of a process in MiB; memory that processes share is divided among them (PSS)."""
    with suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text("ascii"), re.M)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


class Soak:
    """The portal under load, and the most resources it has used.

    Args:
        portal: a running portal on demonstration data.
        customers: how many customers use it at once.
        say: prints a line of the report.
    """

    def __init__(self, portal: Portal, customers: int, say: Callable[[str], None]) -> None:
        self.portal, self.customers, self.say = portal, customers, say
        self.visits = 0
        self.most = ResourceUse.by(portal.pid)
        self.samples: list[tuple[float, float]] = []
        self._numbers = itertools.count()
        self._chance = random.Random(7)
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    async def ask(self, path: str, status: int, **more: object) -> str:
        """Send a request and return the session cookie when the answer sets one, otherwise an empty string.

        Raises:
            RuntimeError: when the answer has another status.
        """
        answer = await asyncio.to_thread(self.portal.ask, path, **more)  # type: ignore[arg-type]
        if answer.status != status:
            raise RuntimeError(f"{path} was answered by {answer.status}, not {status}")
        return next((line.split(";")[0] for line in answer.cookies if "odo_session" in line), "")

    def next_read(self, person: str) -> str:
        """Choose the last path of a visit: a file, or a page when the person has downloaded `FILES_A_MINUTE` files."""
        taken, now = self._taken[person], time.monotonic()
        while taken and now - taken[0] > 60:
            taken.popleft()
        if len(taken) >= FILES_A_MINUTE:
            return self._chance.choice(PAGES)
        taken.append(now)
        return self._chance.choice(FILES)

    def next_address(self) -> str:
        """Return the network address of the next visit, from the range for benchmarks (RFC 2544): one address may sign in 30 times."""
        number = next(self._numbers)
        return f"198.18.{number // 250 % 250}.{number % 250 + 1}"

    async def visit(self, person: str, address: str) -> None:
        """Run one customer's visit, from signing in to leaving."""
        chance = self._chance
        language = chance.choice(("en", "fr"))
        form = {"email": person, "password": PASSWORD}
        cookie = await self.ask(f"/{language}/login", 303, form=form, x_forwarded_for=address)
        for path in (*chance.sample(PAGES, 4), self.next_read(person)):
            await self.ask(f"/{language}{path}", 200, cookie=cookie, x_forwarded_for=address)
        tab = await self.open(cookie, address)
        for _ in range(5):
            await tab.ask(ON_LOAD)
        if chance.random() < 0.5:
            await tab.close()
        else:
            tab.socket.transport.abort()
            await tab.reading
        if chance.random() < 0.8:
            await self.ask("/auth/sign-out", 303, form={}, cookie=cookie, x_forwarded_for=address)
        self.visits += 1

    async def open(self, cookie: str, address: str) -> OpenTab:
        """Open a tab and load its first rows."""
        tab = OpenTab(self.portal.url, cookie, address)
        await tab.open()
        return tab

    async def wave(self, over: Callable[[int], bool]) -> None:
        """Run all customers; each repeats visits until `over` is true for the number of their visits."""

        async def one(place: int) -> None:
            done = 0
            while not over(done):
                await self.visit(PEOPLE[place % len(PEOPLE)], self.next_address())
                done += 1

        async with asyncio.TaskGroup() as all_of_them:
            for place in range(self.customers):
                all_of_them.create_task(one(place))

    async def settled(self, sockets: int | None = None) -> ResourceUse:
        """Wait until sockets are closed and the states of closed tabs are evicted, and return the resources used then."""
        end, low = time.monotonic() + SETTLE_SECONDS, ResourceUse.by(self.portal.pid)
        while time.monotonic() < end:
            await asyncio.sleep(1)
            now = ResourceUse.by(self.portal.pid)
            calm = now.sockets >= low.sockets if sockets is None else now.sockets <= sockets
            if calm and now.threads <= low.threads and abs(now.mib - low.mib) < 1:
                return now
            low = now
        return low


async def soak(portal: Portal, customers: int, over: Callable[[int], bool], say: Callable[[str], None]) -> list[str]:
    """Let customers use the portal until all have left, and return what is wrong afterwards, one sentence each.

    Args:
        portal: a running portal on unused demonstration data.
        customers: how many customers at once.
        over: returns whether a customer stops after a number of visits.
        say: prints a line of the report.
    """
    await asyncio.to_thread(portal.ask, "/en/login")
    work = Soak(portal, customers, say)
    idle = work.most
    say(f"idle      {idle}")
    # Fill everything that is created once and kept: pools, caches, fonts, prepared statements.
    await work.wave(lambda done: done >= 2)
    started = await work.settled()
    said = len(portal.log.splitlines())
    say(f"begun     {started}")
    form = {"email": READ_ONLY, "password": PASSWORD}
    staying = [await work.open(await work.ask("/en/login", 303, form=form, x_forwarded_for=STAYING), STAYING) for _ in range(4)]
    sampling = asyncio.create_task(_sample(work))
    await work.wave(over)
    sampling.cancel()
    for tab in staying:
        await tab.ask(ON_LOAD)
        await tab.close()
    left = await work.settled(started.sockets)
    say(f"most      {work.most}")
    say(f"all left  {left}")
    lines = [line for line in portal.log.splitlines()[said:] if _FAILED.search(line)]
    rising = slope(work.samples)
    say(f"the memory rose by {rising:.2f} MiB a minute in the second half" if rising is not None else "too short for a slope")
    return [*_wrong(idle, started, work.most, left), *_rising(rising), *(f"the log says: {line[:300]}" for line in lines[:5])]


def _wrong(idle: ResourceUse, begun: ResourceUse, most: ResourceUse, left: ResourceUse) -> Iterator[str]:
    for name, rose, allowed in (
        ("the portal's memory rose", most.mib - idle.mib, MOST_MIB),
        ("of the portal's memory are left", left.mib - begun.mib, LEFT_MIB),
        ("the memory of the processes beside it rose", most.beside - idle.beside, BESIDE_MIB),
        ("of the processes beside it are left", left.beside - idle.beside, BESIDE_LEFT_MIB),
    ):
        if rose > allowed:
            yield f"{name}: {rose:.0f} MiB, more than {allowed}"
    for name, spare in (("files", SPARE), ("sockets", 0), ("threads", SPARE)):
        before, after = getattr(begun, name), getattr(left, name)
        if after > before + spare:
            yield f"{after - before} more {name} than before are open"
    if left.processes > WORKERS:
        yield f"{left.processes} processes are left beside it, more than {WORKERS}"


def slope(samples: Sequence[tuple[float, float]]) -> float | None:
    """Return how fast memory rises in the second half of the samples, in MiB a minute (least squares); None if there are too few.

    Args:
        samples: Pairs of minutes and MiB, in order.
    """
    half = samples[len(samples) // 2 :]
    if len(half) < SLOPE_SAMPLES // 2:
        return None
    return statistics.linear_regression(*zip(*half, strict=True)).slope


def _rising(rising: float | None) -> Iterator[str]:
    if rising is not None and rising > MIB_A_MINUTE:
        yield f"the portal's memory still rises by {rising:.2f} MiB a minute, more than {MIB_A_MINUTE}"


async def _sample(work: Soak) -> None:
    begun = reported = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now, most = ResourceUse.by(work.portal.pid), work.most
        work.most = ResourceUse(*map(max, zip(astuple(now), astuple(most), strict=True)))
        if time.monotonic() - reported > TELL_SECONDS:
            reported = time.monotonic()
            work.samples.append(((reported - begun) / 60, now.mib))
            work.say(f"{(reported - begun) / 60:5.1f} min {now}, {work.visits} visits")


def main() -> int:
    """Run the soak test; return 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Customers at work, and nothing of it may be left.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--customers", type=int, default=12)
    options = parser.parse_args()

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder:
        port, data = free_port(), Path(folder) / "data"
        data.mkdir(0o700)
        # A demonstration ignores the setting of proxies, so that all customers would have one address.
        settings = production_settings(data, f"http://localhost:{port}", trusted_proxies="1")
        load_demo_data(settings)
        with running_production(settings, port) as portal:
            end = time.monotonic() + 60 * options.minutes
            wrong = asyncio.run(soak(portal, options.customers, lambda _done: time.monotonic() > end, say))
    for sentence in wrong:
        say(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
