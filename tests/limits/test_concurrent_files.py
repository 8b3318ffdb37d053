"""Limits on the files that a person has in progress at once."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, ExitStack, aclosing
from typing import BinaryIO

import pytest

from odoportal.limits import concurrent_files
from odoportal.limits.concurrent_files import ConcurrencyLimit, TooManyFiles, started
from odoportal.lists.spooled_file import SpooledFile


def test_places_are_bounded_for_each_and_in_all_and_given_back() -> None:
    places = ConcurrencyLimit(2, 3)
    with ExitStack() as kept:
        kept.enter_context(places.held("a"))
        kept.enter_context(places.held("a"))
        with pytest.raises(TooManyFiles), places.held("a"):
            pass
        kept.enter_context(places.held("b"))
        with pytest.raises(TooManyFiles), places.held("c"):
            pass
    for _ in range(5):
        with places.held("a"), places.held("a"), places.held("c"):
            pass


@pytest.mark.parametrize("read", [True, False])
def test_a_file_that_nobody_reads_to_its_end_holds_a_place(monkeypatch: pytest.MonkeyPatch, read: bool) -> None:
    monkeypatch.setattr(concurrent_files, "FILES", ConcurrencyLimit(2, 9))

    def work(file: BinaryIO) -> Generator[None]:
        file.write(b"a" * 1_000_000)
        yield

    # Use a key per run: a turn's lock belongs to the event loop that first waited for it.
    mine = f"one, {read}"

    async def run() -> None:
        async with AsyncExitStack() as kept:

            async def first(key: str) -> AsyncGenerator[bytes]:
                return await kept.enter_async_context(aclosing(await started(SpooledFile(key, work).portions())))

            held = [await first(mine), await first(mine)]
            with pytest.raises(TooManyFiles):
                await first(mine)
            await first(f"another, {read}")
            if read:
                assert len(b"".join([portion async for portion in held[0]])) == 1_000_000
            else:
                await held[0].aclose()
            await first(mine)

    asyncio.run(run())


def test_who_waits_for_a_turn_holds_a_place_and_gives_it_back_when_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent_files, "FILES", ConcurrencyLimit(2, 9))
    go_on = threading.Event()

    def work(_file: BinaryIO) -> Generator[None]:
        assert go_on.wait(20)
        yield

    async def ended(portions: AsyncGenerator[bytes]) -> bytes:
        return b"".join([portion async for portion in portions])

    async def run() -> None:
        made = asyncio.create_task(ended(SpooledFile("waiting", work).portions()))
        waiting = asyncio.create_task(ended(SpooledFile("waiting", work).portions()))
        await asyncio.sleep(0)
        with pytest.raises(TooManyFiles):
            await ended(SpooledFile("waiting", work).portions())
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        again = asyncio.create_task(ended(SpooledFile("waiting", work).portions()))
        go_on.set()
        assert [await made, await again] == [b"", b""]

    asyncio.run(run())
