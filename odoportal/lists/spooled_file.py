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

THREADS = 2
YIELD_SECONDS = 0.00005
PUBLISH_SECONDS = 0.1
PORTION_BYTES = 1 << 18
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="file")
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


class SpooledFile:
    """A file in progress. Files with the same key are made one after the other, so that one person cannot use all threads.

    Args:
        key: the owner of the file.
        work: writes the file, in a thread.
    """

    def __init__(self, key: str, work: Work) -> None:
        self._key, self._work = key, work
        self._lock = _locks.setdefault(key, asyncio.Lock())
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 closed when it is sent
        self._stopped = threading.Event()
        self._changed = asyncio.Event()
        self._published = 0
        self._loop = asyncio.get_running_loop()

    def _publish(self) -> None:
        """Let the sender know what has been written so far."""
        self._file.flush()
        self._published = self._file.tell()
        self._loop.call_soon_threadsafe(self._changed.set)

    def _run_work(self) -> None:
        published_at = time.monotonic()
        with closing(self._work(self._file)) as steps:
            for _ in steps:
                if self._stopped.is_set():
                    return
                # Even a very short sleep releases the interpreter lock to threads that wait for it. Without it, another thread would wait
                # five milliseconds, Python's switch interval, at each of its steps.
                time.sleep(YIELD_SECONDS)
                if time.monotonic() - published_at > PUBLISH_SECONDS:
                    self._publish()
                    published_at = time.monotonic()
        self._publish()

    async def portions(self) -> AsyncGenerator[bytes]:
        """Yield the file in portions while it grows.

        Raises:
            TooManyFiles: before the first portion, if this key or all together have too many files in progress.
            Exception: an error of the work.
        """
        with concurrent_files.FILES.held(self._key):
            await self._lock.acquire()
            # Run in the current context, so that the log shows whose file it is.
            making = self._loop.run_in_executor(_threads, copy_context().run, self._run_work)
            metrics.FILES.inc()
            making.add_done_callback(self._work_done)
            sent = 0
            try:
                while True:
                    done = making.done()
                    if sent < self._published:
                        portion = os.pread(self._file.fileno(), min(PORTION_BYTES, self._published - sent), sent)
                        sent += len(portion)
                        yield portion
                    elif done:
                        making.result()
                        return
                    else:
                        self._changed.clear()
                        if sent == self._published and not making.done():
                            await self._changed.wait()
            finally:
                self._stopped.set()
                # The client may leave before the thread ends: close the file only then.
                making.add_done_callback(self._close)

    def _work_done(self, _making: "asyncio.Future[None]") -> None:
        self._lock.release()
        self._changed.set()

    def _close(self, making: "asyncio.Future[None]") -> None:
        metrics.FILES.dec()
        making.exception()
        self._file.close()
