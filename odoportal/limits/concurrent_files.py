"""Limits how many files a person has in progress at once, including those waiting for their turn.

The quotas per minute (`quotas`) limit how often a file may be requested. Each request is held until its file is made and read, which slow
work or a slow reader makes long.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import aclosing, contextmanager


class TooManyFiles(Exception):
    """One person, or all together, have too many files in progress. Answered with 429."""


class ConcurrencyLimit:
    """A limited number of places, shared by keys that are limited themselves.

    Args:
        per_key: how many places one key may hold.
        total: how many places there are in total.
    """

    def __init__(self, per_key: int, total: int) -> None:
        self._per_key, self._total = per_key, total
        self._taken_by_key = Counter[Hashable]()
        self._taken = 0

    @contextmanager
    def held(self, key: Hashable) -> Iterator[None]:
        """Hold a place for `key` until the context ends.

        Raises:
            TooManyFiles: no place is free for this key. It is raised at once, without waiting.
        """
        if self._taken_by_key[key] >= self._per_key or self._taken >= self._total:
            raise TooManyFiles
        self._taken_by_key[key] += 1
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._taken_by_key[key] -= 1
            if not self._taken_by_key[key]:
                del self._taken_by_key[key]


FILES = ConcurrencyLimit(6, 60)
"""Lists as CSV and Excel, archives and statements, by person: each holds a temporary file or takes seconds of work."""
DOCUMENTS = ConcurrencyLimit(20, 200)
"""Single documents, by person: tens of milliseconds each. A browser opens at most six connections at once."""


async def started(portions: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Wait for the first portion of a file, then return all portions: only then is it certain that the file can be made.

    Raises:
        Exception: an error while making the first portion.
    """

    async def all_portions() -> AsyncGenerator[bytes]:
        async with aclosing(portions):
            first = await anext(portions)
            # Pause here until the response is sent. If it is closed at this point, the source generator is closed, too.
            yield b""
            yield first
            async for portion in portions:
                yield portion

    started = all_portions()
    await anext(started)
    return started
