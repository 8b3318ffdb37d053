"""What a room tells the document server about its pages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from odoportal.core.identity import Identity


@dataclass(frozen=True)
class PageRequest:
    """A request for a page, as a room sees it: query values are the last of each name, decoded.

    `said` is what the page must say of a form it answers (`foundation.form_view.Said`), None where it answers none.
    """

    language: str
    query: Mapping[str, str]
    request: Request
    who: Identity | None
    said: Any = None


@dataclass(frozen=True)
class PageContent:
    """What a room puts into a page: HTML by slot name, and how to answer; `dress` puts cookies on the answer."""

    slots: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    dress: Callable[[Response], None] | None = None


SEE = "see"
"""The right that every private page needs at least."""

Fill = Callable[[PageRequest], Awaitable[PageContent | Response]]


@dataclass(frozen=True)
class Page:
    """A page in both languages.

    `path` has no language and no trailing slash; `title` is an English message of the catalogue; `content` draws
    the page once per language at build time; `load` is the event that fills it; `fill` writes the first rows into
    the served document; `post` answers a native form sent to the page's own address, with a redirect or the page
    again. A private page without a signed-in person is a redirect to sign-in, and without the `right` in the account
    of the address it does not exist. `leads_to` are the origins of other sites that a form of it may lead to. `from_anywhere`: a form may
    come from any site or program, and nobody is known to the page: what its address holds is the whole right.
    """

    path: str
    title: str
    content: Callable[[], Any]
    load: Any = None
    fill: Fill | None = None
    post: Fill | None = None
    private: bool = True
    right: str = SEE
    leads_to: tuple[str, ...] = ()
    from_anywhere: bool = False
