"""Changes the built files after Vite and before compression, so that one build serves any address under a strict CSP."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reflex.plugins import Plugin

from odoportal.frontend.pre_build import BuildChanged
from odoportal.ui.icons import NAMES

LUCIDE = "lucide-static@1.62.0"
HASHES = "csp.json"
FALLBACK = "__spa-fallback.html"
_SOCKET = re.compile(r"EVENT([:=])([`\"'])wss?://[^/`\"']+(/[^`\"']*)\2")
_SHEET = re.compile(r'<style data-sheet="(/assets/[^"]+\.css)"></style>')
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.S)
_ENTRY = re.compile(r'(<script type="module" async="">)(.*?)(</script>)', re.S)
_IMPORT = re.compile(r'import (?:\* as (\w+) from )?("/assets/[^"]+");')
_WAIT_FOR_PAINT = "await new Promise((painted) => document.hidden ? painted() : requestAnimationFrame(() => setTimeout(painted)));"
_DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.S)


def same_origin(script: str) -> str:
    """Return the environment script with the socket's address changed to the origin of the page.

    Raises:
        BuildChanged: the script does not contain the socket's address exactly once.
    """
    origin = '(globalThis.location?location.origin.replace(/^http/,"ws"):"ws://localhost")+'
    text, found = _SOCKET.subn(lambda m: f"EVENT{m[1]}{origin}{m[2]}{m[3]}{m[2]}", script)
    if found != 1:
        raise BuildChanged(f"The socket's address is {found} times in the built script, not once.")
    return text


def inline_styles(html: str, static: Path) -> str:
    """Return the document with its style sheet in its head, so that the first paint does not wait for a second request.

    Raises:
        BuildChanged: the document has no place for a style sheet.
    """

    def inlined(match: re.Match[str]) -> str:
        css = (static / match[1].lstrip("/")).read_text("utf-8").replace("</style", r"<\/style")
        return f"{match[0].removesuffix('</style>')}{css}</style>"

    html, found = _SHEET.subn(inlined, html)
    if not found:
        raise BuildChanged("A built document has no style sheet where one was expected.")
    return html


def run_scripts_after_paint(html: str) -> str:
    """Return the document with its scripts delayed until it is painted, so that they do not delay the server's content.

    They are fetched before. Scripts in the browser's cache would otherwise run before the first frame.

    Raises:
        BuildChanged: the document's entry script does not have the expected form.
    """

    def with_delayed_imports(entry: re.Match[str]) -> str:
        body, found = _IMPORT.subn(lambda m: f"{f'const {m[1]} = ' if m[1] else ''}await import({m[2]});", entry[2])
        if not found:
            raise BuildChanged("The entry of a built document imports nothing.")
        return f"{entry[1]}{_WAIT_FOR_PAINT}\n{body}{entry[3]}"

    html, found = _ENTRY.subn(with_delayed_imports, html)
    if found != 1:
        raise BuildChanged(f"A built document has {found} entries, not one.")
    return html


def script_hashes(html: str) -> list[str]:
    """Return the CSP sources (`'sha256-…'`) of a document's inline scripts, in order."""
    digests = (hashlib.sha256(body.encode()).digest() for body in _INLINE.findall(html))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def sprite(names: Sequence[str], icons: Path) -> str:
    """Return one SVG with a symbol per icon. The style sheet sets the stroke width.

    Args:
        names: names of Lucide icons, such as `circle-check`.
        icons: the folder of Lucide's SVG files.

    Raises:
        BuildChanged: Lucide has no such icon, or the icon is not a drawing.
    """
    symbols = []
    for name in names:
        file = icons / f"{name}.svg"
        if not file.is_file():
            raise BuildChanged(f"The icon {name} is not in {LUCIDE}.")
        drawing = _DRAWING.search(file.read_text("utf-8"))
        if drawing is None:
            raise BuildChanged(f"The icon {name} of {LUCIDE} is not a drawing.")
        shape = re.sub(r"\s*\n\s*", "", drawing[1])
        attributes = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {attributes}>{shape}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>\n"


def finish(static: Path, icons: Path) -> None:
    """Make the built files ready to serve.

    Args:
        static: the folder of the built documents and assets; `csp.json` is written beside it.
        icons: the folder of Lucide's SVG files.

    Raises:
        BuildChanged: an expected file or text is missing.
    """
    scripts = list(static.glob("assets/portal-*.js"))
    if len(scripts) != 1:
        raise BuildChanged(f"There are {len(scripts)} scripts of the portal, not one.")
    scripts[0].write_text(same_origin(scripts[0].read_text("utf-8")), "utf-8")
    hashes = {}
    for page in sorted(static.rglob("*.html")):
        html = run_scripts_after_paint(inline_styles(page.read_text("utf-8"), static))
        page.write_text(html, "utf-8")
        hashes[page.relative_to(static).as_posix()] = script_hashes(html)
    if FALLBACK not in hashes:
        raise BuildChanged(f"{FALLBACK} was not built.")
    # Reflex overwrites 404.html with the fallback after this step.
    hashes["404.html"] = hashes[FALLBACK]
    (static.parent / HASHES).write_text(json.dumps(hashes, indent=1), "utf-8")
    (static / "icons.svg").write_text(sprite(NAMES, icons), "utf-8")


class PostBuild(Plugin):
    """Reflex's hook after a production build."""

    def get_frontend_development_dependencies(self, **context: Any) -> list[str]:  # noqa: ARG002
        """Return the npm package of the icons, as a development dependency: Reflex adds other dependencies to every page."""
        return [LUCIDE]

    def post_build(self, **context: Any) -> None:
        """Finish the files in `static_dir`."""
        static: Path = context["static_dir"]
        finish(static, static.resolve().parents[1] / "node_modules" / "lucide-static" / "icons")
