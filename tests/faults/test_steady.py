"""Customers come, work and leave, and no state, socket, task, thread, file or process remains. A short version of `tests.soak`."""

import asyncio
import gc
import os
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import reflex as rx

from odoportal.core import clock
from odoportal.documents import pdf
from odoportal.lists import spooled_file
from odoportal.observability import metrics
from odoportal.web import state_eviction
from tests.attack.wire import tab
from tests.inside import PASSWORD, Customer, Inside, serving_inside
from tests.server import Answer
from tests.soak import MIB_A_MINUTE, SPARE, slope, started_by

PAGES = ("/", "/orders?page=2&sort=number", "/invoices?state=paid&size=25", "/statement", "/profile", "/addresses", "/cards", "/help")
FILES = ("/orders.csv", "/orders.xlsx", "/invoices.csv?state=overdue", "/statement.pdf", "/statement.csv", "/invoices.zip")
AT_ONCE, VISITS = 6, 5
MOST_MIB = 60
ANSWERS = 1000
POOLED = {"files": SPARE, "threads": SPARE, "processes": 1}
"""Allowed growth: more connections and threads of a pool may be in use, and the second PDF worker may have started."""


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with serving_inside(tmp_path_factory.mktemp("steady")) as served:
        yield served


@dataclass(frozen=True)
class Resources:
    """Resources that the portal holds for open tabs."""

    tabs: int
    """Tabs whose state is kept."""
    states: int
    """State objects, including unreachable ones."""
    sockets: int
    waiting: int
    """Entries in the queues for files and documents."""
    files_in_the_making: float
    files: int
    """Open files, including sockets."""
    threads: int
    processes: int

    @classmethod
    def now(cls, states: bool = True) -> "Resources":
        """Count the resources; the state objects, which take long to find, after a garbage collection and only if asked for."""
        from odoportal.odoportal import app

        if states:
            gc.collect()
        return cls(
            tabs=len(app.state_manager.states),  # type: ignore[attr-defined]
            states=sum(isinstance(one, rx.State) for one in gc.get_objects()) if states else 0,
            sockets=len(app.event_namespace.token_to_sid),  # type: ignore[union-attr]
            waiting=len(spooled_file._locks) + len(pdf._person_locks),
            files_in_the_making=next(iter(metrics.FILES.collect())).samples[0].value,
            files=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
            processes=len(list(started_by(os.getpid()))),
        )


def memory() -> float:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Customers:
    """Customers who come and go.

    Args:
        inside: The portal that they visit.
    """

    def __init__(self, inside: Inside) -> None:
        self.inside, self.chance = inside, random.Random(7)
        self.visits = 0

    async def ask(self, path: str, status: int, cookie: str = "", form: dict[str, str] | None = None) -> Answer:
        """Send a request, check the status of the answer, and return the answer."""
        headers = {"cookie": cookie, "x_forwarded_for": self.inside.elsewhere()["X-Forwarded-For"]}
        answer = await asyncio.to_thread(self.inside.portal.ask, path, form=form, **headers)
        assert (path, answer.status) == (path, status)
        return answer

    async def visit(self, who: Customer) -> None:
        """Sign in, work, and leave: by signing out, by closing the page, or by a cut connection."""
        # Move the clock, so that the limit of files per minute is never reached.
        self.inside.clock.move(seconds=10)
        chance, language = self.chance, self.chance.choice(("en", "fr"))
        signed = await self.ask(f"/{language}/login", 303, form={"email": who.email, "password": PASSWORD})
        cookie = next(line.split(";")[0] for line in signed.cookies if "odo_session" in line)
        for path in chance.sample(PAGES, 3):
            await self.ask(f"/{language}{path}", 200, cookie)
        file = chance.choice(FILES)
        await self.ask(f"/{language}{file}", 200, cookie, {"number": who.invoice} if file.endswith("zip") else None)
        async with tab(self.inside.portal.url, cookie) as page:
            await page.load(f"/{language}/orders")
            for number in range(3):
                await page.navigate(f"/{language}/orders?page={number}")
            if chance.random() < 0.5:
                page.socket.eio.ws._writer.transport.abort()
        if chance.random() < 0.8:
            await self.ask("/auth/sign-out", 303, cookie, {})
        self.visits += 1

    async def wave(self, visits: int) -> None:
        """Let several customers make this many visits each, all at the same time."""

        async def one(place: int) -> None:
            for _ in range(visits):
                await self.visit((self.inside.first, self.inside.second)[place % 2])

        async with asyncio.TaskGroup() as everybody:
            for place in range(AT_ONCE):
                everybody.create_task(one(place))


def wave(inside: Inside, visits: int, tabs: int = 0) -> Resources:
    """Run a wave of visits, wait until only `tabs` tabs are kept, and return the resources held."""
    asyncio.run(Customers(inside).wave(visits))
    for answered in range(ANSWERS):
        if answered % 20 == 19:
            # A file that a client has left is given up when its generator is collected.
            gc.collect()
        kept = Resources.now(states=False)
        if kept.tabs == tabs and not (kept.sockets or kept.waiting or kept.files_in_the_making) and kept.processes <= pdf.WORKERS:
            break
        # Make a request meanwhile, so that the server's event loop can clean up.
        inside.portal.ask("/healthz")
    return Resources.now()


def grown(before: Resources, after: Resources) -> list[str]:
    """Return the names of the resources of which there are more."""
    return [name for name, kept in vars(before).items() if getattr(after, name) > kept + POOLED.get(name, 0)]


@pytest.mark.case("F-25")
def test_of_those_who_have_gone_nothing_is_kept(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_source(inside.clock)
    monkeypatch.setattr(state_eviction, "EVICT_AFTER_SECONDS", 0.0)
    # The first wave fills pools and caches and starts threads and processes that are kept.
    wave(inside, 2)
    before, mib = wave(inside, 1), memory()
    after = wave(inside, VISITS)
    assert (before.tabs, before.sockets, before.waiting, before.files_in_the_making) == (0, 0, 0, 0)
    assert grown(before, after) == []
    assert memory() - mib < MOST_MIB
    assert inside.errors == []


@pytest.mark.case("F-25")
def test_the_control_it_counts_those_that_are_kept(inside: Inside) -> None:
    clock.set_source(inside.clock)
    before = Resources.now()
    after = wave(inside, 1, before.tabs + AT_ONCE)
    assert {"tabs", "states"} <= {*grown(before, after)}


def test_the_soak_judges_how_memory_rises_not_only_where_it_ends() -> None:
    minutes = [n / 4 for n in range(120)]
    filling = [(minute, 300 + min(minute, 10.0)) for minute in minutes]
    leaking = [(minute, 300 + 0.75 * minute + (n % 3)) for n, minute in enumerate(minutes)]
    assert slope(filling) == pytest.approx(0, abs=0.01)
    assert slope(leaking) == pytest.approx(0.75, abs=0.05)
    assert (slope(leaking) or 0) > MIB_A_MINUTE
    assert slope(leaking[:40]) is None
