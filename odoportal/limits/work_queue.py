"""A bounded, fair queue in front of a few threads, for work that takes the processor for long and that a stranger may ask for.

Clients take turns, so that one who asks for much waits for its own work only. What waits is bounded in number and in time: beyond it, the
asker is told at once to try again in a moment. Whoever is known has a place of their own and goes first.
"""

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

from starlette.responses import Response

P = ParamSpec("P")
T = TypeVar("T")
MOST_WAITING = 24
"""Jobs in each of the two lanes. Twenty sign-ins in the same instant are all served."""
PATIENCE = 5.0
"""Seconds that a job may wait before its asker is told to try again."""
FIRST_IN_A_ROW = 4
"""Jobs of those who go first before one of the others gets its turn."""
RETRY_SECONDS = "3"


class Busy(RuntimeError):
    """Too much waits already, or the job waited for too long. Nothing was done; it may be asked for again in a moment."""


def retry_later(response: Response) -> None:
    """Say on an answer when to ask again."""
    response.headers["retry-after"] = RETRY_SECONDS


@dataclass(frozen=True)
class Asker:
    """Who asks for work.

    Attributes:
        client: what turns are taken by, such as a network.
        first: whether this is somebody known, who goes before the others.
    """

    client: str
    first: bool = False


@dataclass(frozen=True)
class _Job:
    client: str
    work: Callable[[], Any]
    done: "Future[Any]"
    since: float


class _Lane:
    """Jobs that wait, those of each client in their order."""

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0
        self._clients: OrderedDict[str, deque[_Job]] = OrderedDict()

    def put(self, job: _Job) -> _Job | None:
        """Take a job in; return the one that must give way, which may be the same, or None.

        Where the lane is full, the newest job of the client who has most in it gives way to one who has less.
        """
        dropped = None
        if self.count >= self.most:
            longest = max(self._clients.values(), key=len)
            if len(longest) <= len(self._clients.get(job.client, ())) + 1:
                return job
            dropped = longest.pop()
            self.count -= 1
        self._clients.setdefault(job.client, deque()).append(job)
        self.count += 1
        return dropped

    def take(self) -> _Job | None:
        """Take the next job out: of the client whose turn it is, who is the last one afterwards."""
        if not self._clients:
            return None
        client, jobs = self._clients.popitem(last=False)
        job = jobs.popleft()
        self.count -= 1
        if jobs:
            self._clients[client] = jobs
        return job


class WorkQueue:
    """Runs jobs in a few threads.

    Args:
        threads: how many run at once.
        name: of the threads.
        most: how many jobs may wait in each lane.
        patience: seconds that a job may wait.
        now: the time in seconds; it never goes back.
    """

    def __init__(
        self, threads: int, name: str, most: int = MOST_WAITING, patience: float = PATIENCE, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._patience, self._now = patience, now
        self._lock = threading.Lock()
        self._known, self._others = _Lane(most), _Lane(most)
        self._in_a_row = 0

    async def run(self, asker: Asker, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(…)` in one of the threads when it is the asker's turn.

        Raises:
            Busy: too much waits already, or it waited for too long.
        """
        done: Future[T] = Future()
        job = _Job(asker.client, partial(copy_context().run, partial(work, *args, **kwargs)), done, self._now())
        with self._lock:
            dropped = (self._known if asker.first else self._others).put(job)
        if dropped is job:
            raise Busy
        if dropped is None:
            # A thread takes whatever job is next by then: there are as many calls as jobs, and none belongs to one.
            self._pool.submit(self._next)
        elif dropped.done.set_running_or_notify_cancel():
            dropped.done.set_exception(Busy())
        return await asyncio.wrap_future(done)

    def _take(self) -> _Job | None:
        with self._lock:
            if self._known.count and (self._in_a_row < FIRST_IN_A_ROW or not self._others.count):
                self._in_a_row += 1
                return self._known.take()
            self._in_a_row = 0
            return self._others.take()

    def _next(self) -> None:
        job = self._take()
        if job is None or not job.done.set_running_or_notify_cancel():
            return
        if self._now() - job.since > self._patience:
            job.done.set_exception(Busy())
            return
        try:
            job.done.set_result(job.work())
        except BaseException as why:
            job.done.set_exception(why)
