"""Which page is being drawn, in which language: known while the pages are built."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from odoportal.core.i18n import current

_path: ContextVar[str] = ContextVar("path", default="/")


@contextmanager
def drawing(path: str) -> Iterator[None]:
    """Say which page is drawn; `path` has no language."""
    token = _path.set(path)
    try:
        yield
    finally:
        _path.reset(token)


def here() -> str:
    """The path of the page being drawn, without its language."""
    return _path.get()


def address(path: str, language: str | None = None) -> str:
    """The address of a page, in the language of the page being drawn unless another is named."""
    return f"/{language or current()}{path}"
