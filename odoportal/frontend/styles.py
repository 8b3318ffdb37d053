"""The style sheets: each component and each room has a CSS file beside its Python, and the build joins them in cascade layers.

A file's layer follows from its place, so that the order in which files are joined does not matter: the components of `ui/` override the
base, a room overrides the components, and the utilities override all. Every document has the shared sheet; a room's sheet is only in the
room's own documents, and in the script that draws its pages.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
LAYERS = ("__reflex_base", "tokens", "base", "components", "rooms", "utilities")
"""From the weakest to the strongest. The first is Reflex's reset."""
_ORDER = f"@layer {', '.join(LAYERS)};\n"


def layer_of(file: Path) -> str:
    """Return the layer of a CSS file of the package."""
    if file.parent.parent.name == "rooms":
        return "rooms"
    return file.stem if file.stem in LAYERS else "components"


def _in_layer(file: Path) -> str:
    return f"@layer {layer_of(file)} {{\n{file.read_text('utf-8')}}}\n"


def shared_sheet() -> str:
    """Return the sheet of every document: tokens, base, components and utilities."""
    return _ORDER + "".join(_in_layer(file) for file in sorted(PACKAGE.glob("ui/*.css")))


def room_sheets() -> dict[str, str]:
    """Return the sheet of each room that has one, by the room's name.

    Each begins with the order of the layers, because it may come before the shared sheet in a document.
    """
    return {file.parent.name: _ORDER + _in_layer(file) for file in sorted(PACKAGE.glob("rooms/*/*.css"))}
