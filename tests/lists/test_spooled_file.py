"""Spooled files are sent while they grow, made one at a time per person outside of the event loop, and cleaned up."""

import asyncio
import threading
from collections.abc import AsyncIterator, Generator
from typing import BinaryIO

import pytest

from odoportal.lists import spooled_file
from odoportal.lists.spooled_file import SpooledFile


def run(work: spooled_file.Work, key: str = "1") -> bytes:
    async def whole() -> bytes:
        return b"".join([portion async for portion in SpooledFile(key, work).portions()])

    return asyncio.run(whole())


def test_a_file_is_what_was_written_made_in_a_thread_of_its_own() -> None:
    threads: list[str] = []

    def work(file: BinaryIO) -> Generator[None]:
        for n in range(3):
            threads.append(threading.current_thread().name)
            file.write(bytes([65 + n]) * 300_000)
            yield

    assert run(work) == b"A" * 300_000 + b"B" * 300_000 + b"C" * 300_000
    assert all(name.startswith("file") for name in threads)


def test_a_portion_is_sent_before_the_file_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled_file, "PUBLISH_SECONDS", -1.0)
    go_on = threading.Event()

    def work(file: BinaryIO) -> Generator[None]:
        file.write(b"first")
        yield
        assert go_on.wait(20)
        file.write(b"second")
        yield

    async def both() -> tuple[bytes, bytes]:
        portions = SpooledFile("1", work).portions()
        first = await anext(portions)
        go_on.set()
        return first, b"".join([portion async for portion in portions])

    assert asyncio.run(both()) == (b"first", b"second")


def test_a_failure_is_told_before_anything_is_sent_and_the_turn_goes_on() -> None:
    def broken(_file: BinaryIO) -> Generator[None]:
        raise OSError("disk full")
        yield

    def whole(file: BinaryIO) -> Generator[None]:
        file.write(b"ok")
        yield

    async def both() -> bytes:
        with pytest.raises(OSError, match="disk full"):
            await anext(SpooledFile("1", broken).portions())
        return await anext(SpooledFile("1", whole).portions())

    assert asyncio.run(both()) == b"ok"


def test_one_file_at_a_time_for_a_person_and_others_beside_it() -> None:
    go_on = threading.Event()
    began: list[str] = []

    def named(name: str) -> spooled_file.Work:
        def work(file: BinaryIO) -> Generator[None]:
            began.append(name)
            if name == "mine":
                assert go_on.wait(20)
            file.write(name.encode())
            yield

        return work

    async def three() -> list[str]:
        mine = asyncio.create_task(_next(SpooledFile("a", named("mine")).portions()))
        second = asyncio.create_task(_next(SpooledFile("a", named("second")).portions()))
        other = await anext(SpooledFile("b", named("other")).portions())
        seen = [*began, other.decode()]
        go_on.set()
        await asyncio.gather(mine, second)
        return seen

    assert sorted(asyncio.run(three())) == ["mine", "other", "other"]
    assert began[-1] == "second"


async def _next(portions: AsyncIterator[bytes]) -> bytes:
    return await anext(portions)


def test_whoever_goes_away_stops_the_work_and_closes_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled_file, "PUBLISH_SECONDS", -1.0)
    files: list[BinaryIO] = []
    ended = threading.Event()

    def endless(file: BinaryIO) -> Generator[None]:
        files.append(file)
        try:
            while True:
                file.write(b"x")
                yield
        finally:
            ended.set()

    async def leave() -> None:
        portions = SpooledFile("1", endless).portions()
        await anext(portions)
        await portions.aclose()  # type: ignore[attr-defined]
        assert await asyncio.to_thread(ended.wait, 20)

        def whole(file: BinaryIO) -> Generator[None]:
            file.write(b"next")
            yield

        # The next file starts only after the thread has ended the first one.
        assert await anext(SpooledFile("1", whole).portions()) == b"next"

    asyncio.run(leave())
    assert files[0].closed
