"""PDF rendering: Typst typesets a sheet of ready strings as an accessible PDF/UA-1.

Typst runs in separate processes (`pdf_worker.py`), so that the memory it keeps for a document is freed.
"""

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary

from odoportal.documents import characters
from odoportal.documents.sheet import Sheet, template_strings

P = ParamSpec("P")
T = TypeVar("T")
PAPERS = {"letter": "us-letter", "a4": "a4"}
"""Typst's paper sizes by their name in an address. Canada uses Letter in both languages; A4 is available on request."""
WORKERS = 2
_PROGRAM = Path(__file__).with_name("pdf_worker.py")
_MAX_WORD = 28
_LONG_WORD = re.compile(rf"[^\s-]{{{_MAX_WORD},}}")
_pool = ThreadPoolExecutor(WORKERS, "pdf")
_long_pool = ThreadPoolExecutor(1, "pdf-long")
_person_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
_worker_slots = threading.BoundedSemaphore(WORKERS)
_log = logging.getLogger("odoportal.documents")


class _Worker:
    """A worker process that renders documents (`pdf_worker.py`). It exits when its input is closed."""

    def __init__(self) -> None:
        # The worker reads customers' text and needs no secret. In a new session it does not get the terminal's signals.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_")}
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-P", str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def render(self, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a sheet as JSON and return the worker's answer and the document's bytes.

        Raises:
            ChildProcessError: If the worker dies.
        """
        stdin, stdout = cast("tuple[IO[bytes], IO[bytes]]", (self._process.stdin, self._process.stdout))
        try:
            stdin.write(data + b"\n")
            stdin.flush()
        except BrokenPipeError:
            # The worker is dead: the empty answer is handled below.
            line = b""
        else:
            line = stdout.readline()
        answer = json.loads(line) if line.endswith(b"\n") else {}
        document = stdout.read(answer.get("size", 0))
        if not answer or len(document) < answer["size"]:
            raise ChildProcessError(f"a PDF process has ended by itself ({self._process.wait()})")
        return answer, document

    def kill(self) -> None:
        """Kill the worker at once, with the fork that is rendering."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(BrokenPipeError), self._process:
            pass


_idle_workers: list[_Worker] = []


def start_worker() -> None:
    """Start a worker process in advance, so that the first document does not wait for it."""
    _idle_workers.append(_Worker())


def _take_worker() -> _Worker:
    with suppress(IndexError):
        while True:
            worker = _idle_workers.pop()
            if worker.alive:
                return worker
            worker.kill()
    return _Worker()


def _render_json(data: bytes) -> bytes:
    with _worker_slots:
        worker = _take_worker()
        try:
            answer, document = worker.render(data)
        except BaseException as error:
            worker.kill()
            if isinstance(error, ChildProcessError):
                _log.error("%s", error)
            raise
        _idle_workers.append(worker)
    if "error" in answer:
        import typst

        # Restore the details as attributes: unlike its stub, `TypstError` takes no such arguments, and Typst itself sets attributes.
        failure = typst.TypstError(answer["error"])  # pyright: ignore[reportCallIssue]
        vars(failure).update(answer["more"])
        raise failure
    return document


def drawable(text: str) -> str:
    """Return a text reduced to characters the fonts have. A word longer than a column gets places where it may break."""
    return _LONG_WORD.sub(lambda word: "\u200b".join(re.findall(f".{{1,{_MAX_WORD // 2}}}", word[0])), characters.drawable(text))


def _drawable(value: Any) -> Any:
    if isinstance(value, str):
        return drawable(value)
    if isinstance(value, dict):
        return {key.replace("_", "-"): _drawable(item) for key, item in value.items()}
    return [_drawable(item) for item in value]


def render(sheet: Sheet, paper: str = "letter") -> bytes:
    """Render a sheet as PDF/UA-1: tagged, with title and language, and embedded fonts. The same sheet gives the same bytes.

    The sheet is passed to the template as JSON, so its text is never parsed as Typst markup; Typst can read the template's folder only.

    Args:
        sheet: The sheet; its language must be the language in use.
        paper: `letter` or `a4`.

    Raises:
        KeyError: If the paper is unknown.
        typst.TypstError: If the sheet cannot be rendered.
        ChildProcessError: If the worker process is killed, for example when memory runs out; the next sheet gets a new process.
    """
    data = {**_drawable({**template_strings(), **asdict(sheet)}), "paper": PAPERS[paper]}
    return _render_json(json.dumps(data).encode())


async def run_in_pdf_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in one of the two threads for documents, so that many waiting documents do not occupy the threads of the database.

    Raises:
        Exception: The exception of `work`.
    """
    return await asyncio.get_running_loop().run_in_executor(_pool, lambda: work(*args, **kwargs))


async def run_alone(person_id: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work`, which renders a document that may be long, with no other long document at the same time.

    Rendering 1,500 lines takes 130 MiB of memory.

    Args:
        person_id: The person who asked. Each person has one document in the queue at a time, so that others are served in between.
        work: The function to run in a thread.
        args: Positional arguments of `work`.
        kwargs: Keyword arguments of `work`.

    Raises:
        Exception: The exception of `work`.
    """
    async with _person_locks.setdefault(person_id, asyncio.Lock()):
        return await asyncio.get_running_loop().run_in_executor(_long_pool, lambda: work(*args, **kwargs))
