"""The PDF worker process: it reads sheets from standard input and writes PDFs to standard output, until the input ends.

Each sheet is rendered by a fork of this process that exits afterwards: Typst caches the layout of every text (1 MiB for an invoice,
130 MiB for a long statement) and has no function to free it.

`odoportal.documents.pdf` starts this file. It imports nothing from the portal, has none of its settings, and reads only the template and
the fonts.
"""

import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import typst

_HERE = Path(__file__).parent
_TEMPLATES, _FONTS = _HERE / "typst", _HERE / "fonts"


def _compiler() -> typst.Compiler:
    # Use the bundled fonts and Typst's own, never the machine's, so that a document is the same everywhere.
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[_FONTS])
    # The package folder does not exist, so that Typst finds and downloads no packages.
    none = _TEMPLATES / "none"
    return typst.Compiler(_TEMPLATES / "sheet.typ", root=_TEMPLATES, font_paths=fonts, package_path=none, package_cache_path=none)


def _answer(compiler: typst.Compiler, data: str) -> tuple[dict[str, object], bytes]:
    """Render a sheet; return the answer and the document.

    The answer has the document's `size` in bytes, and if rendering failed, Typst's `error` message with its details in `more`.
    """
    try:
        made = compiler.compile(format="pdf", sys_inputs={"data": data}, pdf_standards=["ua-1"], timestamp=0)
    except typst.TypstError as error:
        return {"size": 0, "error": str(error), "more": vars(error)}, b""
    if not isinstance(made, bytes):
        raise TypeError("Typst gave no document")
    return {"size": len(made)}, made


def _set(compiler: typst.Compiler, line: bytes, out: BinaryIO) -> None:
    """Write the answer and the document, then exit. Runs in the fork."""
    failed = 1
    try:
        said, made = _answer(compiler, line.decode())
        out.write(json.dumps(said).encode() + b"\n" + made)
        out.flush()
        failed = 0
    except BrokenPipeError:
        # The portal's process has ended.
        failed = 0
    except BaseException:
        # Typst's panics are not subclasses of `Exception`. The fork must never return into the loop of the first process.
        traceback.print_exc()
    finally:
        os._exit(failed)


def main() -> None:
    """Render one sheet after the other: read a line of JSON, write a line of JSON and the document's bytes."""
    # Ignore stop signals, which may be sent to the whole process group: finish the current sheet, and exit when the input is closed.
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    # When memory runs out, Linux then kills this process before the portal. Other systems have no such file.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")
    # Redirect standard output to standard error, so that only answers reach the portal, whatever a library prints.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        # Never render in this process: a fork does not have the threads that Typst starts for it, and would wait for them forever.
        compiler = _compiler()
        for line in sys.stdin.buffer:
            copy = os.fork()
            if not copy:
                _set(compiler, line, out)
            _, status = os.waitpid(copy, 0)
            if status:
                # The fork may have written a part of its answer, so that nothing may follow it.
                os._exit(1)


if __name__ == "__main__":
    main()
