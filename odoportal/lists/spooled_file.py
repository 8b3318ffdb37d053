"""Files that take a while: made in threads of their own into a temporary file, and sent while they are made.

The thread reads the database at its own speed and lets go of it; a slow client holds nothing but the file.
"""

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from typing import BinaryIO
from weakref import WeakValueDictionary

from odoportal.limits import concurrent_files
from odoportal.observability import metrics

Work = Callable[[BinaryIO], Generator[None]]
"""Writes a file, yielding after every few rows. What it has written by then is never changed again."""

MAKERS = 2
PAUSE = 0.00005
TELL_EVERY = 0.1
PORTION = 1 << 18
_makers = ThreadPoolExecutor(MAKERS, thread_name_prefix="file")
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


class Spool:
    """One file in the making. Whoever has the same key waits for his turn, so that nobody takes every thread.

    Args:
        key: whose file it is.
        work: writes it, in a thread.
    """

    def __init__(self, key: str, work: Work) -> None:
        self._key, self._work = key, work
        self._turn = _turns.setdefault(key, asyncio.Lock())
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 closed when it is sent
        self._stopped = threading.Event()
        self._news = asyncio.Event()
        self._ready = 0
        self._loop = asyncio.get_running_loop()

    def _tell(self) -> None:
        self._file.flush()
        self._ready = self._file.tell()
        self._loop.call_soon_threadsafe(self._news.set)

    def _make(self) -> None:
        told = time.monotonic()
        with closing(self._work(self._file)) as steps:
            for _ in steps:
                if self._stopped.is_set():
                    return
                # A real wait, however short, hands the interpreter to whoever waits for it; without one each step of a
                # neighbour would take the five milliseconds after which Python takes it away.
                time.sleep(PAUSE)
                if time.monotonic() - told > TELL_EVERY:
                    self._tell()
                    told = time.monotonic()
        self._tell()

    async def portions(self) -> AsyncGenerator[bytes]:
        """The file in portions, as it grows.

        Raises:
            Crowded: before the first portion, when this key or everybody has too many files under way.
            Exception: whatever the work raised.
        """
        with concurrent_files.FILES.held(self._key):
            await self._turn.acquire()
            # With its context, so that the log says whose file it is.
            making = self._loop.run_in_executor(_makers, copy_context().run, self._make)
            metrics.FILES.inc()
            making.add_done_callback(self._made)
            sent = 0
            try:
                while True:
                    done = making.done()
                    if sent < self._ready:
                        portion = os.pread(self._file.fileno(), min(PORTION, self._ready - sent), sent)
                        sent += len(portion)
                        yield portion
                    elif done:
                        making.result()
                        return
                    else:
                        self._news.clear()
                        if sent == self._ready and not making.done():
                            await self._news.wait()
            finally:
                self._stopped.set()
                # The client may be gone before the thread is: only then is the file closed.
                making.add_done_callback(self._over)

    def _made(self, _making: "asyncio.Future[None]") -> None:
        self._turn.release()
        self._news.set()

    def _over(self, making: "asyncio.Future[None]") -> None:
        metrics.FILES.dec()
        making.exception()
        self._file.close()
