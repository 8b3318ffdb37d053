"""A bounded, fair queue in front of a few threads, for processor-intensive work that anonymous visitors may cause.

Clients take turns, so a client that asks for much only waits for its own work. The queue is bounded in number and time: beyond that, a
request is answered at once with "try again in a moment". Known clients have a lane of their own and go first.
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
MAX_WAITING = 24
"""The most jobs in each of the two lanes. Twenty sign-ins at the same instant are all served."""
MAX_WAIT_SECONDS = 5.0
"""The most seconds that a job may wait before it is given up as busy."""
KNOWN_IN_A_ROW = 4
"""Jobs of known clients in a row before another client gets a turn."""
RETRY_SECONDS = "3"


class Busy(RuntimeError):
    """Too many jobs are waiting, or the job has waited too long. Nothing was done; the request can be repeated in a moment."""


def retry_later(response: Response) -> None:
    """Set the header of an answer that says when to try again."""
    response.headers["retry-after"] = RETRY_SECONDS


@dataclass(frozen=True)
class Client:
    """The client that asks for work.

    Attributes:
        client: what turns are taken by, such as a network.
        first: whether the client is known and goes before the others.
    """

    client: str
    first: bool = False


@dataclass(frozen=True)
class _Job:
    client: str
    work: Callable[[], Any]
    done: "Future[Any]"
    queued_at: float


class _Lane:
    """The waiting jobs, in order for each client."""

    def __init__(self, max_jobs: int) -> None:
        self.max_jobs, self.count = max_jobs, 0
        self._clients: OrderedDict[str, deque[_Job]] = OrderedDict()

    def add(self, job: _Job) -> _Job | None:
        """Add a job and return the job that was dropped for it: another one, the same one, or None.

        If the lane is full, the newest job of the client with the most jobs is dropped in favour of a client with fewer.
        """
        dropped = None
        if self.count >= self.max_jobs:
            longest = max(self._clients.values(), key=len)
            if len(longest) <= len(self._clients.get(job.client, ())) + 1:
                return job
            dropped = longest.pop()
            self.count -= 1
        self._clients.setdefault(job.client, deque()).append(job)
        self.count += 1
        return dropped

    def pop_next(self) -> _Job | None:
        """Remove and return the next job. Its client goes to the end of the turns."""
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
        threads: how many jobs run at once.
        name: the prefix of the threads' names.
        most: how many jobs may wait in each lane.
        patience: how many seconds a job may wait.
        now: returns a monotonic time in seconds.
    """

    def __init__(
        self,
        threads: int,
        name: str,
        most: int = MAX_WAITING,
        patience: float = MAX_WAIT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._patience, self._now = patience, now
        self._lock = threading.Lock()
        self._known, self._others = _Lane(most), _Lane(most)
        self._in_a_row = 0

    async def run(self, asker: Client, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(…)` in one of the threads when it is the client's turn.

        Raises:
            Busy: too many jobs are waiting, or the job has waited too long.
        """
        done: Future[T] = Future()
        job = _Job(asker.client, partial(copy_context().run, partial(work, *args, **kwargs)), done, self._now())
        with self._lock:
            dropped = (self._known if asker.first else self._others).add(job)
        if dropped is job:
            raise Busy
        if dropped is None:
            # Submit one call per job, but bind it to none: the thread takes the job that is next when it runs.
            self._pool.submit(self._run_next)
        elif dropped.done.set_running_or_notify_cancel():
            dropped.done.set_exception(Busy())
        return await asyncio.wrap_future(done)

    def _next_job(self) -> _Job | None:
        with self._lock:
            if self._known.count and (self._in_a_row < KNOWN_IN_A_ROW or not self._others.count):
                self._in_a_row += 1
                return self._known.pop_next()
            self._in_a_row = 0
            return self._others.pop_next()

    def _run_next(self) -> None:
        job = self._next_job()
        if job is None or not job.done.set_running_or_notify_cancel():
            return
        if self._now() - job.queued_at > self._patience:
            job.done.set_exception(Busy())
            return
        try:
            job.done.set_result(job.work())
        except BaseException as why:
            job.done.set_exception(why)
