"""Files that take long to make: written to a temporary file in separate threads, and sent while they are being written.

The thread reads the database without waiting for the client and then closes its session; a slow client only keeps the temporary file open.
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
"""Writes a file and yields after every few rows. What is written before a yield is never changed later."""

MAKERS = 2
PAUSE = 0.00005
TELL_EVERY = 0.1
PORTION = 1 << 18
_makers = ThreadPoolExecutor(MAKERS, thread_name_prefix="file")
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


class Spool:
    """A file in progress. Files with the same key are made one after the other, so that one person cannot use all threads.

    Args:
        key: the owner of the file.
        work: writes the file, in a thread.
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
        """Let the sender know what has been written so far."""
        self._file.flush()
        self._ready = self._file.tell()
        self._loop.call_soon_threadsafe(self._news.set)

    def _make(self) -> None:
        told = time.monotonic()
        with closing(self._work(self._file)) as steps:
            for _ in steps:
                if self._stopped.is_set():
                    return
                # Even a very short sleep releases the interpreter lock to threads that wait for it. Without it, another thread would wait
                # five milliseconds, Python's switch interval, at each of its steps.
                time.sleep(PAUSE)
                if time.monotonic() - told > TELL_EVERY:
                    self._tell()
                    told = time.monotonic()
        self._tell()

    async def portions(self) -> AsyncGenerator[bytes]:
        """Yield the file in portions while it grows.

        Raises:
            Crowded: before the first portion, if this key or all together have too many files in progress.
            Exception: an error of the work.
        """
        with concurrent_files.FILES.held(self._key):
            await self._turn.acquire()
            # Run in the current context, so that the log shows whose file it is.
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
                # The client may leave before the thread ends: close the file only then.
                making.add_done_callback(self._over)

    def _made(self, _making: "asyncio.Future[None]") -> None:
        self._turn.release()
        self._news.set()

    def _over(self, making: "asyncio.Future[None]") -> None:
        metrics.FILES.dec()
        making.exception()
        self._file.close()
