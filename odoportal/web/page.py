"""How a room describes its pages to the document server."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from odoportal.core.identity import Identity


@dataclass(frozen=True)
class PageRequest:
    """A request for a page, as a room sees it.

    Attributes:
        language: "fr" or "en".
        query: the decoded query values; the last one counts where a name is repeated.
        request: the HTTP request.
        who: the signed-in person, or None.
        feedback: the feedback of a form that the page answers (`forms.view.FormFeedback`), or None.
    """

    language: str
    query: Mapping[str, str]
    request: Request
    who: Identity | None
    feedback: Any = None


@dataclass(frozen=True)
class PageContent:
    """The content a room gives for a page.

    Attributes:
        slots: HTML by slot name.
        status: the HTTP status of the answer.
        headers: additional headers of the answer.
        dress: sets cookies on the answer.
    """

    slots: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    dress: Callable[[Response], None] | None = None


VIEW_RIGHT = "see"
"""The least right that a private page requires."""

Fill = Callable[[PageRequest], Awaitable[PageContent | Response]]


@dataclass(frozen=True)
class Page:
    """A page in both languages.

    Attributes:
        path: without language and trailing slash.
        title: an English message of the catalogue.
        content: renders the page, once per language at build time.
        load: the event that fills the page.
        fill: writes the first rows into the served document.
        post: answers a native form sent to the page's own address, with a redirect or with the page again.
        private: whether the page redirects to sign-in if no one is signed in.
        right: the right needed in the account of the address. Without it the page is answered with 404, and somebody who is held back
            until a second factor is set up is redirected to the page where that is done.
        leads_to: origins of other sites that the page's forms may redirect to.
        from_anywhere: whether forms may come from any site or program. The page then does not resolve an identity: what its address holds
            is the whole right.
    """

    path: str
    title: str
    content: Callable[[], Any]
    load: Any = None
    fill: Fill | None = None
    post: Fill | None = None
    private: bool = True
    right: str = VIEW_RIGHT
    leads_to: tuple[str, ...] = ()
    from_anywhere: bool = False
