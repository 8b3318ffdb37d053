"""The process that sets documents: it reads sheets from its input and writes PDFs to its output, until the input ends.

`odoportal.foundation.typeset` starts this file, and says why. It imports nothing of the portal, knows none of its settings, and
reads only the template and the fonts.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

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
        compiler = _compiler()
        for line in sys.stdin.buffer:
            said, made = _answer(compiler, line.decode())
            try:
                out.write(json.dumps(said).encode() + b"\n" + made)
                out.flush()
            except BrokenPipeError:
                # Whoever asked is no longer there.
                os._exit(0)


if __name__ == "__main__":
    main()
