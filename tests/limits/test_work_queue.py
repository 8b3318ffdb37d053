"""The queue in front of costly work is bounded in number and time and fair between clients; known clients go first."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from odoportal.limits.work_queue import KNOWN_IN_A_ROW, Busy, Client, WorkQueue

KNOWN = Client("known", first=True)


class Held:
    """A queue of one thread whose first job waits until the test releases it. It records the order in which the other jobs ran."""

    def __init__(self, most: int = 4) -> None:
        self.at, self.done = 0.0, list[str]()
        self.queue = WorkQueue(1, "held", most=most, patience=5.0, now=lambda: self.at)
        self._begun, self._go_on = threading.Event(), threading.Event()

    def _first(self) -> None:
        self._begun.set()
        assert self._go_on.wait(10)

    async def run(self, *askers: Client, meanwhile: Callable[[], Any] = lambda: None) -> list[bool]:
        """Queue one job for each client while the thread is busy, and return whether each was done."""
        first = asyncio.ensure_future(self.queue.run(Client("first"), self._first))
        await asyncio.get_running_loop().run_in_executor(None, self._begun.wait, 10)
        asked = []
        for asker in askers:
            asked.append(asyncio.ensure_future(self.queue.run(asker, self.done.append, asker.client)))
            # The job is queued in the task's first step.
            await asyncio.sleep(0)
        meanwhile()
        self._go_on.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        await first
        assert all(answer is None or isinstance(answer, Busy) for answer in answers)
        return [answer is None for answer in answers]


@pytest.fixture
def held() -> Iterator[Held]:
    """A queue whose thread is busy."""
    made = Held()
    yield made
    made.queue._pool.shutdown()


@pytest.mark.asvs("2.4.1")
def test_beyond_what_may_wait_it_is_told_at_once(held: Held) -> None:
    assert asyncio.run(held.run(*[Client("a")] * 6)) == [True] * 4 + [False] * 2
    assert held.done == ["a"] * 4


def test_clients_take_turns(held: Held) -> None:
    held.queue._others.max_jobs = 20
    asyncio.run(held.run(*[Client("a")] * 5, Client("b"), Client("c"), Client("b")))
    assert held.done == ["a", "b", "c", "a", "b", "a", "a", "a"]


def test_where_it_is_full_whoever_has_most_in_it_gives_way(held: Held) -> None:
    answers = asyncio.run(held.run(*[Client("a")] * 4, Client("b"), Client("c"), Client("b"), Client("d")))
    # `a` keeps one job, like the others; then each has as few as a newcomer would have.
    assert answers == [True, False, False, False, True, True, False, True]
    assert sorted(held.done) == ["a", "b", "c", "d"]


@pytest.mark.case("A-07")
def test_who_is_known_goes_first_and_has_room_when_the_others_have_none(held: Held) -> None:
    strangers = [Client(f"stranger {n}") for n in range(10)]
    answers = asyncio.run(held.run(*strangers, KNOWN))
    assert answers == [True] * 4 + [False] * 6 + [True]
    assert held.done[0] == "known"


def test_who_is_known_does_not_keep_the_others_out(held: Held) -> None:
    held.queue._known.max_jobs = 20
    asyncio.run(held.run(Client("stranger"), *[KNOWN] * (2 * KNOWN_IN_A_ROW)))
    assert held.done.index("stranger") == KNOWN_IN_A_ROW
    assert Counter(held.done)["known"] == 2 * KNOWN_IN_A_ROW


def test_who_waited_too_long_is_told(held: Held) -> None:
    def later() -> None:
        held.at = 5.1

    assert asyncio.run(held.run(Client("a"), Client("b"), meanwhile=later)) == [False, False]
    assert held.done == []


def test_a_job_that_is_given_up_runs_no_more_and_takes_nobody_s_place(held: Held) -> None:
    async def run() -> list[bool]:
        first = asyncio.ensure_future(held.queue.run(Client("hold"), held._first))
        await asyncio.get_running_loop().run_in_executor(None, held._begun.wait, 10)
        gone = asyncio.ensure_future(held.queue.run(Client("a"), held.done.append, "a"))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        answers = await held.run(Client("b"))
        await first
        return answers

    assert asyncio.run(run()) == [True]
    assert held.done == ["b"]


def test_what_a_job_raises_reaches_its_asker_and_the_queue_goes_on() -> None:
    queue = WorkQueue(2, "raising")

    def fails() -> None:
        raise LookupError("nothing there")

    async def run() -> int:
        with pytest.raises(LookupError):
            await queue.run(Client("a"), fails)
        return await queue.run(Client("a"), lambda: 7)

    assert asyncio.run(run()) == 7
