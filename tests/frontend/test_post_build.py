"""The changes to built files, on small ones. The browser tests check the real ones."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from odoportal.frontend import post_build
from odoportal.frontend.post_build import BuildChanged
from odoportal.ui.icons import NAMES

SCRIPT = "let e={PING:`http://localhost:8000/ping`,EVENT:`ws://localhost:8000/_event`,UPLOAD:`http://localhost:8000/_upload`}"
HEAD = '<html><head><style data-sheet="/assets/look-1.css"></style></head>'
ENTRY = (
    '<script type="module" async="">import "/assets/manifest-1.js";\nimport * as route0 from "/assets/root-1.js";\n'
    'window.modules = {"root":route0};\nimport("/assets/entry-1.js");</script>'
)
ICON = '<!-- @license x -->\n<svg\n  viewBox="0 0 24 24"\n  stroke-width="2"\n>\n  <path d="M1 1" />\n  <circle r="2" />\n</svg>\n'


@pytest.fixture
def built(tmp_path: Path) -> Path:
    static = tmp_path / "build" / "client"
    for name, body in {
        "assets/portal-abc.js": SCRIPT,
        "assets/look-1.css": "a{color:red}",
        "__spa-fallback.html": HEAD + f"<script>fallback()</script>{ENTRY}</html>",
        "404.html": HEAD + f"<script>replaced()</script>{ENTRY}</html>",
        "fr/index.html": HEAD + f'<script src="/x.js"></script><script type="module">page()</script>{ENTRY}</html>',
    }.items():
        file = static / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, "utf-8")
    return static


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    folder = tmp_path / "icons"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.svg").write_text(ICON, "utf-8")
    return folder


def source(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@pytest.mark.parametrize("quote", ["`", '"', "'"])
@pytest.mark.parametrize("sign", [":", "="])
@pytest.mark.asvs("4.4.1")
def test_socket_follows_the_page(quote: str, sign: str) -> None:
    text = post_build.same_origin(SCRIPT.replace("`", quote).replace("EVENT:", f"EVENT{sign}"))
    assert f'EVENT{sign}(globalThis.location?location.origin.replace(/^http/,"ws"):"ws://localhost")+{quote}/_event{quote}' in text
    assert "ws://localhost:8000" not in text


@pytest.mark.parametrize("script", ["", SCRIPT + SCRIPT, SCRIPT.replace("EVENT", "SOCKET")])
def test_changed_environment_script_stops_the_build(script: str) -> None:
    with pytest.raises(BuildChanged):
        post_build.same_origin(script)


def test_scripts_run_once_the_page_is_painted() -> None:
    body = post_build.run_scripts_after_paint(ENTRY).removeprefix('<script type="module" async="">').removesuffix("</script>").splitlines()
    assert "requestAnimationFrame" in body[0]
    assert body[1:] == [
        'await import("/assets/manifest-1.js");',
        'const route0 = await import("/assets/root-1.js");',
        'window.modules = {"root":route0};',
        'import("/assets/entry-1.js");',
    ]


@pytest.mark.parametrize("html", ["", ENTRY + ENTRY, '<script type="module" async="">run()</script>'])
def test_changed_entry_stops_the_build(html: str) -> None:
    with pytest.raises(BuildChanged):
        post_build.run_scripts_after_paint(html)


def test_finish(built: Path, icons: Path) -> None:
    post_build.finish(built, icons)
    page = (built / "fr/index.html").read_text("utf-8")
    assert '<style data-sheet="/assets/look-1.css">a{color:red}</style>' in page
    hashes = json.loads((built.parent / "csp.json").read_text("utf-8"))
    entry = page.partition('<script type="module" async="">')[2].partition("</script>")[0]
    assert hashes["fr/index.html"] == [source("page()"), source(entry)]
    assert hashes["404.html"] == hashes["__spa-fallback.html"] == [source("fallback()"), source(entry)]
    assert (built / "icons.svg").read_text("utf-8").count("<symbol ") == len(NAMES)


def test_document_without_styles_stops_the_build(built: Path, icons: Path) -> None:
    (built / "fr/index.html").write_text("<html></html>", "utf-8")
    with pytest.raises(BuildChanged):
        post_build.finish(built, icons)


def test_missing_fallback_stops_the_build(built: Path, icons: Path) -> None:
    (built / "__spa-fallback.html").unlink()
    with pytest.raises(BuildChanged):
        post_build.finish(built, icons)


def test_style_cannot_leave_its_element(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/look-1.css").write_text("a::after{content:'</style><script>'}", "utf-8")
    assert "</style><script>" not in post_build.inline_styles(HEAD, tmp_path)


def test_symbol_leaves_the_width_to_the_style_sheet(icons: Path) -> None:
    (icons / "plus.svg").write_text(ICON, "utf-8")
    sprite = post_build.sprite(["plus"], icons)
    assert '<symbol id="plus" viewBox="0 0 24 24" fill="none" stroke="currentColor"' in sprite
    assert '<path d="M1 1" /><circle r="2" /></symbol>' in sprite
    assert "stroke-width" not in sprite


def test_unknown_icon_stops_the_build(icons: Path) -> None:
    with pytest.raises(BuildChanged, match="no-such-icon"):
        post_build.sprite(["no-such-icon"], icons)
