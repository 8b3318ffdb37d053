"""The process that sets documents: it reads sheets from its input and writes PDFs to its output, until the input ends.

Each sheet is set by a copy of this process that ends with it: Typst keeps what it has made of every text, 1 MiB for an invoice and
130 MiB for a long statement, and has no word for giving it back.

`odoportal.documents.pdf` starts this file. It imports nothing of the portal, knows none of its settings, and reads only the
template and the fonts.
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
    # The bundled fonts and those in Typst itself; never the machine's, so that a document is the same everywhere.
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[_FONTS])
    # Packages are looked for, and would be fetched, in a folder that does not exist below the templates: there are none.
    none = _TEMPLATES / "none"
    return typst.Compiler(_TEMPLATES / "sheet.typ", root=_TEMPLATES, font_paths=fonts, package_path=none, package_cache_path=none)


def _answer(compiler: typst.Compiler, data: str) -> tuple[dict[str, object], bytes]:
    """What is said of a sheet, and its document: `size` in bytes, and where it cannot be set, `error` with what Typst says `more`."""
    try:
        made = compiler.compile(format="pdf", sys_inputs={"data": data}, pdf_standards=["ua-1"], timestamp=0)
    except typst.TypstError as error:
        return {"size": 0, "error": str(error), "more": vars(error)}, b""
    if not isinstance(made, bytes):
        raise TypeError("Typst gave no document")
    return {"size": len(made)}, made


def _set(compiler: typst.Compiler, line: bytes, out: BinaryIO) -> None:
    """In the copy: say the answer, and end."""
    failed = 1
    try:
        said, made = _answer(compiler, line.decode())
        out.write(json.dumps(said).encode() + b"\n" + made)
        out.flush()
        failed = 0
    except BrokenPipeError:
        # Whoever asked is no longer there.
        failed = 0
    except BaseException:
        # Typst's own failures are no `Exception`. Above this stands the loop of the first process, which is not the copy's.
        traceback.print_exc()
    finally:
        os._exit(failed)


def main() -> None:
    """Set one sheet after the other: a line of JSON in, a line of JSON and the document's bytes out."""
    # Whoever ends the portal may tell its whole group; what is under way is still ended in order, and then the input ends.
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    # Where memory runs out, a document is given up and not the portal (Linux; elsewhere there is no such file).
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")
    # Nothing but answers may come out, whatever a library prints.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        # Nothing is set here: a copy lacks the threads that Typst starts for its work, and would wait for them for ever.
        compiler = _compiler()
        for line in sys.stdin.buffer:
            copy = os.fork()
            if not copy:
                _set(compiler, line, out)
            _, status = os.waitpid(copy, 0)
            if status:
                # How much of an answer went out nobody knows: nothing may follow it.
                os._exit(1)


if __name__ == "__main__":
    main()
