"""Documents as PDF: a sheet of ready strings, set by Typst as an accessible PDF/UA-1."""

import asyncio
import json
import re
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import typst

from odoportal.foundation.sheets import Sheet, frame

P = ParamSpec("P")
T = TypeVar("T")
PAPERS = {"letter": "us-letter", "a4": "a4"}
"""Paper by its name in an address. Canada writes on Letter in both languages; A4 is for those who ask."""
SETTERS = 2
_HERE = Path(__file__).parent
_TEMPLATES, _FONTS = _HERE / "typst", _HERE / "fonts"
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
_of_thread = threading.local()


@lru_cache
def _fonts() -> typst.Fonts:
    """The bundled fonts and those in Typst itself; never the machine's, so that a document is the same everywhere."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[_FONTS])


def _compiler() -> typst.Compiler:
    if not hasattr(_of_thread, "compiler"):
        # Packages are looked for, and would be fetched, in a folder that does not exist below the templates: there are none.
        _of_thread.compiler = typst.Compiler(
            _TEMPLATES / "sheet.typ",
            root=_TEMPLATES,
            font_paths=_fonts(),
            package_path=_TEMPLATES / "none",
            package_cache_path=_TEMPLATES / "none",
        )
    return _of_thread.compiler


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
    """
    data = {**_drawable({**frame(), **asdict(sheet)}), "paper": PAPERS[paper]}
    made = _compiler().compile(format="pdf", sys_inputs={"data": json.dumps(data)}, pdf_standards=["ua-1"], timestamp=0)
    if not isinstance(made, bytes):
        raise TypeError("Typst gave no document")
    return made


async def in_turn(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in one of the two threads that set documents: a crowd of them waits there and not before the database.

    Raises:
        Exception: what `work` raises.
    """
    return await asyncio.get_running_loop().run_in_executor(_pool, lambda: work(*args, **kwargs))
