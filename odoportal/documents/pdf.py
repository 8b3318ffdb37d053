"""Documents as PDF: a sheet of ready strings, set by Typst as an accessible PDF/UA-1.

They are set in processes beside the portal (`setter.py`), so that what Typst keeps of a document goes with it.
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
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary

from odoportal.documents.sheet import Sheet, frame

P = ParamSpec("P")
T = TypeVar("T")
PAPERS = {"letter": "us-letter", "a4": "a4"}
"""Paper by its name in an address. Canada writes on Letter in both languages; A4 is for those who ask."""
SETTERS = 2
_PROGRAM = Path(__file__).with_name("pdf_worker.py")
_LONGEST_WORD = 28
_MISSING = "\ufffd"
# What Figtree and, for other scripts, Typst's own fonts can draw: PDF/UA refuses a text with a character that no font has.
# A test sets every one of them.
_DRAWN = (
    "\\x20-\\x7e\\xa0-\\xac\\xae-\u024f\u02b0-\u02ff\u0370-\u0377\u037a-\u037f\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u0482\u048a-\u04ff"
    "\u05d0-\u05ea\u0621-\u063a\u0640-\u064a\u0660-\u0669\u1e00-\u1eff\u2010-\u2027\u2030-\u2040\u2070\u2071\u2074-\u208e\u20a0-\u20bf"
    "\u2116\u2122\u2150\u2151\u2153-\u215f\u2190-\u21ff\u2200-\u22ff\u25a0-\u2606\u2713\u2714\u2717\u2718\ufffd"
)
_UNDRAWN = re.compile(f"[^{_DRAWN}]")
_WORD = re.compile(rf"[^\s-]{{{_LONGEST_WORD},}}")
_pool = ThreadPoolExecutor(SETTERS, "typeset")
_long = ThreadPoolExecutor(1, "typeset-long")
_turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
_turn = threading.BoundedSemaphore(SETTERS)
_log = logging.getLogger("odoportal.typeset")


class _Setter:
    """A process that sets documents (`setter.py`). It ends by itself once nobody holds the other end of its input."""

    def __init__(self) -> None:
        # It needs no secret, and a customer's text is all that it reads. Signals of a terminal are for the portal.
        known = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_")}
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-P", str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=known, start_new_session=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def set(self, data: bytes) -> tuple[dict[str, Any], bytes]:
        """What it says of a sheet, and the document.

        Raises:
            ChildProcessError: when it dies over it.
        """
        there, back = cast("tuple[IO[bytes], IO[bytes]]", (self._process.stdin, self._process.stdout))
        try:
            there.write(data + b"\n")
            there.flush()
        except BrokenPipeError:
            # What it answered, nothing, is read below.
            said = b""
        else:
            said = back.readline()
        answer = json.loads(said) if said.endswith(b"\n") else {}
        made = back.read(answer.get("size", 0))
        if not answer or len(made) < answer["size"]:
            raise ChildProcessError(f"the process that sets documents has ended by itself ({self._process.wait()})")
        return answer, made

    def end(self) -> None:
        """End it at once, whatever it is at, and the copy of it that is at work."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(BrokenPipeError), self._process:
            pass


_idle: list[_Setter] = []


def warm() -> None:
    """Start a process for documents, so that the first one need not wait for it."""
    _idle.append(_Setter())


def _taken() -> _Setter:
    with suppress(IndexError):
        while True:
            known = _idle.pop()
            if known.alive:
                return known
            known.end()
    return _Setter()


def _set(data: bytes) -> bytes:
    with _turn:
        setter = _taken()
        try:
            answer, made = setter.set(data)
        except BaseException as why:
            setter.end()
            if isinstance(why, ChildProcessError):
                _log.error("%s", why)
            raise
        _idle.append(setter)
    if "error" in answer:
        import typst

        # What it says more is no argument, whatever its stub says: Typst itself puts it there in this way.
        failed = typst.TypstError(answer["error"])  # pyright: ignore[reportCallIssue]
        vars(failed).update(answer["more"])
        raise failed
    return made


def drawable(text: str) -> str:
    """A text as the fonts can draw it: composed, without marks and controls that stand alone; what no font has shows as �.

    Line separators count as spaces, invisible characters (directions, joiners) are dropped, and a word longer than a column
    may break (ASVS 1.3.3).
    """
    kept = []
    for character in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(character)
        if kind[0] == "Z" and character != "\u00a0":
            kept.append("\u00a0" if character == "\u202f" else " ")
        elif character in "\n\r\t":
            kept.append(" ")
        elif kind[0] not in "CM" or kind in {"Cn", "Co"}:
            kept.append(character)
    shown = _UNDRAWN.sub(_MISSING, "".join(kept))
    return _WORD.sub(lambda word: "\u200b".join(re.findall(f".{{1,{_LONGEST_WORD // 2}}}", word[0])), shown)


def _drawable(value: Any) -> Any:
    if isinstance(value, str):
        return drawable(value)
    if isinstance(value, dict):
        return {key.replace("_", "-"): _drawable(held) for key, held in value.items()}
    return [_drawable(held) for held in value]


def render(sheet: Sheet, paper: str = "letter") -> bytes:
    """A sheet as PDF/UA-1: tagged, with title and language, its fonts in it. The same sheet gives the same bytes.

    The sheet goes to the template as JSON, so no text in it is ever read as Typst; the template's folder is all that Typst reads.

    Args:
        sheet: what to set; its language must be the one in use.
        paper: `letter` or `a4`.

    Raises:
        KeyError: on another paper.
        typst.TypstError: when the sheet cannot be set.
        ChildProcessError: when the process that sets it is killed, such as by a machine without memory; the next sheet gets another.
    """
    data = {**_drawable({**frame(), **asdict(sheet)}), "paper": PAPERS[paper]}
    return _set(json.dumps(data).encode())


async def in_turn(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in one of the two threads that set documents: a crowd of them waits there and not before the database.

    Raises:
        Exception: what `work` raises.
    """
    return await asyncio.get_running_loop().run_in_executor(_pool, lambda: work(*args, **kwargs))


async def one_by_one(person_id: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work`, which sets a document that may be long, alone: 1,500 lines take 130 MiB of memory while they are set.

    Args:
        person_id: for whom. Whoever asks for several is given them in turn with others, not before them.
        work: what to run in a thread.
        args: for `work`.
        kwargs: for `work`.

    Raises:
        Exception: what `work` raises.
    """
    async with _turns.setdefault(person_id, asyncio.Lock()):
        return await asyncio.get_running_loop().run_in_executor(_long, lambda: work(*args, **kwargs))
