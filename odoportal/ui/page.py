"""The path and language of the page being drawn, while the pages are built."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from odoportal.core.i18n import current_language

_path: ContextVar[str] = ContextVar("path", default="/")


@contextmanager
def drawing_page(path: str) -> Iterator[None]:
    """Set the page being drawn for the duration of the context; `path` has no language."""
    token = _path.set(path)
    try:
        yield
    finally:
        _path.reset(token)


def current_path() -> str:
    """Return the path of the page being drawn, without its language."""
    return _path.get()


def page_url(path: str, language: str | None = None) -> str:
    """Return the address of a page; `language` defaults to that of the page being drawn."""
    return f"/{language or current_language()}{path}"
