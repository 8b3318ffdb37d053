"""Bounds how many files somebody has in the making or on the way at once, those that wait for their turn included.

A minute's allowance (`allowance`) says how often somebody may ask; what is asked for is held until it is made and read, and slow work or
a slow reader makes that long.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import aclosing, contextmanager


class Crowded(Exception):
    """Somebody has too many files under way, or all have; it is answered by 429."""


class Places:
    """So many places, some of them for each key.

    Args:
        each: how many one key may hold.
        all_: how many there are.
    """

    def __init__(self, each: int, all_: int) -> None:
        self._each, self._all = each, all_
        self._held = Counter[Hashable]()
        self._taken = 0

    @contextmanager
    def held(self, key: Hashable) -> Iterator[None]:
        """Hold a place.

        Raises:
            Crowded: at once, when there is none for this key.
        """
        if self._held[key] >= self._each or self._taken >= self._all:
            raise Crowded
        self._held[key] += 1
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]


FILES = Places(6, 60)
"""Lists as CSV and Excel, archives and statements, by person: each holds a temporary file, or work of seconds."""
DOCUMENTS = Places(20, 200)
"""Single documents, by person: tens of milliseconds each. A browser opens at most six at once from one tab."""


async def begun(portions: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Wait for the first portion of a file, and return all of them: only then is it known that there will be a file.

    Raises:
        Exception: what making the first portion raised.
    """

    async def every() -> AsyncGenerator[bytes]:
        async with aclosing(portions):
            first = await anext(portions)
            # Here it waits for whoever sends it: closed now, it closes what it is made of, too.
            yield b""
            yield first
            async for portion in portions:
                yield portion

    made = every()
    await anext(made)
    return made
