"""The document server: answers every HTML document after checking access, with its first rows, language and headers."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import brotli
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from odoportal.core import i18n
from odoportal.core.identity import Identity, cookie_name, current_identity, token_hash
from odoportal.limits import quotas
from odoportal.limits.concurrent_files import TooManyFiles
from odoportal.observability import logs
from odoportal.settings import get_settings
from odoportal.web import headers
from odoportal.web.event_gate import SOCKET_COOKIE
from odoportal.web.links import link_to
from odoportal.web.page import Page, PageContent, PageRequest

# Preload the font before the scripts: if it is there at the first paint, no text changes its size later.
_FONT = '</fonts/figtree-odo.woff2>; rel=preload; as=font; type="font/woff2"; crossorigin'
LANGUAGE_COOKIE = "odo_language"
NOT_FOUND = "/not-found"
UNAVAILABLE = "/unavailable"
TOO_MANY = "/too-many"
RETRY_SECONDS = "30"
LOGIN = "/login"
SECOND_FACTOR = "/profile/security"
"""Where a person is sent whose account requires a second factor that is not set up yet."""
_SLOT = re.compile(r"<!--slot:([a-z-]+)-->(.*?)<!--/slot:\1-->", re.S)
_SCRIPTS = re.compile(r"<script\b.*?</script>|<link[^>]*rel=\"modulepreload\"[^>]*>", re.S)
_PASSED_ON_PATHS = {"/healthz", "/readyz", "/icons.svg", "/favicon.svg"}
_PASSED_ON_PREFIXES = ("/assets/", "/fonts/", "/auth/", "/hooks/", "/sandbox/")
_READ = "GET, HEAD"
_DOWNLOADS = {
    ".csv": (_READ, quotas.EXPORTS),
    ".xlsx": (f"{_READ}, POST", quotas.EXPORTS),
    ".pdf": (_READ, quotas.DOCUMENTS),
    ".zip": (f"{_READ}, POST", quotas.ARCHIVES),
}
"""The allowed methods and the quota of each kind of private file."""
_REPLACED_STATUSES = {404, 500}
"""Statuses for which our own page replaces the answer of the application behind."""
_log = logging.getLogger("odoportal.web")


@dataclass(frozen=True)
class Document:
    """A built page: the texts between its slots, the name and built-in content of each slot, and its content security policy."""

    texts: tuple[str, ...]
    slots: tuple[tuple[str, str], ...]
    policy: str

    def fill(self, contents: dict[str, str]) -> str:
        """Return the page with its slots filled. A slot that is not given keeps its built-in content."""
        out = [self.texts[0]]
        for (name, built), text in zip(self.slots, self.texts[1:], strict=True):
            out += (contents.get(name, built), text)
        return "".join(out)


def read_documents(built: Path, leads_to: Mapping[str, tuple[str, ...]]) -> dict[str, Document]:
    """Return the built documents by address (`/fr/orders`).

    Args:
        built: the folder that the frontend build wrote its pages to; `csp.json` is beside it.
        leads_to: by page path (`/orders`), the origins that the page's forms may redirect to.
    """
    hashes: dict[str, list[str]] = json.loads((built.parent / "csp.json").read_text("utf-8"))
    found: dict[str, Document] = {}
    for file in built.rglob("*.html"):
        name = file.relative_to(built).as_posix()
        address = "/" + name.removesuffix("index.html").removesuffix(".html").strip("/")
        language, _, path = address.removeprefix("/").partition("/")
        if language in i18n.LANGUAGES:
            parts = _SLOT.split(file.read_text("utf-8"))
            slots = tuple(zip(parts[1::3], parts[2::3], strict=True))
            found[address] = Document(
                tuple(parts[0::3]), slots, headers.content_security_policy(hashes[name], leads_to.get(f"/{path}", ()))
            )
    return found


class DocumentServer:
    """The outermost HTTP layer. Requests that are not for a document go on to the routes and to Reflex.

    Args:
        app: the application behind it.
        built: the folder of the frontend build.
        pages: every page of the portal.
        resolve: returns the identity for a session hash and an account number, or None if no one is signed in.
        touch: records that a person was active.
        may: returns whether a role has a right.
    """

    def __init__(
        self,
        app: ASGIApp,
        built: Path,
        pages: Iterable[Page],
        resolve: Callable[[str | None, str | None], Awaitable[Identity | None]],
        touch: Callable[[Identity], Awaitable[bool]],
        may: Callable[[str, str], bool],
    ) -> None:
        self.app, self.resolve, self.touch, self.may = app, resolve, touch, may
        self.pages = {page.path: page for page in pages}
        self.documents = read_documents(built, {path: page.leads_to for path, page in self.pages.items()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a document, or pass the request on with the common headers added. A websocket's cookies are replaced by the token hash."""
        if scope["type"] == "websocket":
            await self.app({**scope, "headers": _hashed_cookie(scope)}, receive, send)
        elif scope["type"] == "http":
            await self._with_error_pages(scope, receive, headers.with_common_headers(scope, send))
        else:
            await self.app(scope, receive, send)

    async def _with_error_pages(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer errors that occur before the response has started with our own page; later errors cut the response off."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._http(scope, receive, sending)
        except Exception as why:
            if begun:
                raise
            request = Request(scope)
            if isinstance(why, ClientDisconnect):
                # The client disconnected before its body was complete. It will not read this answer, but the metrics count it as the
                # client's error.
                await Response("the request was not whole", 408, media_type="text/plain")(scope, receive, sending)
                return
            if isinstance(why, TooManyFiles):
                who = current_identity.get()
                logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, limit="at once", person=who.person_id if who else 0)
                await self._too_many(request, _address_language(request))(scope, receive, sending)
                return
            unavailable = isinstance(why, SQLAlchemyError | OSError)
            # An unavailable database fails every request in the same way: log one line each, without a traceback.
            _log.error("not answered: %s", type(why).__name__, exc_info=None if unavailable else why)
            status, own = (503, {"retry-after": RETRY_SECONDS}) if unavailable else (500, {})
            answer = self._error_page(request, _address_language(request), UNAVAILABLE, status, own)
            await answer(scope, receive, sending)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if headers.has_two_lengths(request):
            await Response("ambiguous length", 400, {"connection": "close"}, media_type="text/plain")(scope, receive, send)
            return
        if headers.is_cross_site(request) and not self._accepts_any_origin(request):
            await Response("cross-site request refused", 403, media_type="text/plain")(scope, receive, send)
            return
        path: str = scope["path"]
        language, _, rest = path.strip("/").partition("/")
        if _is_ambiguous_path(path):
            answer = self._not_found(request, _preferred_language(request, None))
        elif language in i18n.LANGUAGES and path.endswith(tuple(_DOWNLOADS)):
            answer = await self._download(request, language)
            if answer is None:
                await self._pass_on(request, receive, send)
                return
        elif language in i18n.LANGUAGES:
            answer = await self._document(request, language, f"/{rest}".rstrip("/") or "/")
        elif path == "/":
            answer = await self._home_redirect(request)
        elif path not in _PASSED_ON_PATHS and not path.startswith(_PASSED_ON_PREFIXES):
            answer = self._not_found(request, _preferred_language(request, None))
        else:
            current_identity.set(await self._identity(request) if path.startswith("/auth/") else None)
            await self._pass_on(request, receive, send)
            return
        await answer(scope, receive, send)

    def _accepts_any_origin(self, request: Request) -> bool:
        """Return whether a request posts a form that may come from any site or program."""
        language, _, path = request.scope["path"].removeprefix("/").partition("/")
        page = self.pages.get(f"/{path}")
        return request.method == "POST" and language in i18n.LANGUAGES and page is not None and page.from_anywhere

    async def _pass_on(self, request: Request, receive: Receive, send: Send) -> None:
        """Pass a request on to the application behind, but replace its own pages for 404 and 500."""
        replaced = set[int]()

        async def sending(message: Message) -> None:
            # Replace Reflex's 404 page: it is the client's shell, which our content security policy does not let run. Replace its 500 page,
            # too: it is in English. The failure itself arrives here as an exception.
            if message["type"] == "http.response.start" and message["status"] in _REPLACED_STATUSES:
                replaced.add(message["status"])
            if not replaced:
                await send(message)

        await self.app(request.scope, receive, sending)
        if HTTPStatus.INTERNAL_SERVER_ERROR in replaced:
            raise RuntimeError(f"{request.scope['path']} was answered by 500")
        if replaced:
            await self._not_found(request, _address_language(request))(request.scope, receive, send)

    async def _home_redirect(self, request: Request) -> Response:
        who = await self._identity(request)
        language = _preferred_language(request, who)
        return RedirectResponse(
            f"/{language}/" if who else f"/{language}{LOGIN}", 302, {"vary": "Cookie, Accept-Language", "cache-control": "no-store"}
        )

    async def _identity(self, request: Request, account: str | None = "") -> Identity | None:
        """Return the signed-in person's identity, or None. By default it acts for the account of the address."""
        token = request.cookies.get(cookie_name(get_settings().secure))
        number = (request.query_params.get("account") or None) if account == "" else account
        return await self.resolve(token_hash(token) if token else None, number)

    async def _document(self, request: Request, language: str, path: str) -> Response:
        page = self.pages.get(path)
        document = self.documents.get(f"/{language}{path}".rstrip("/"))
        if page is None or document is None or path in {UNAVAILABLE, TOO_MANY}:
            return self._not_found(request, language)
        if request.method not in {"GET", "HEAD"} and not (request.method == "POST" and page.post):
            return Response("method not allowed", 405, {"allow": "GET, HEAD"}, media_type="text/plain")
        who = None if page.from_anywhere else await self._identity(request)
        current_identity.set(who)
        if page.private and (refusal := await self._refusal(request, language, page, who)):
            return refusal
        if who:
            if not await quotas.within_quota(quotas.PAGES, who, str(who.person_id)):
                return self._too_many(request, language)
            await self.touch(who)
        page_request = PageRequest(language, dict(parse_qsl(request.url.query, keep_blank_values=True)), request, who)
        content: PageContent | Response = PageContent()
        work = page.post if request.method == "POST" else page.fill
        if work:
            with i18n.use(language):
                content = await work(page_request)
        if isinstance(content, Response):
            return content
        return self._answer(request, document, document.fill(dict(content.slots)), content, who)

    async def _refusal(self, request: Request, language: str, page: Page, who: Identity | None) -> Response | None:
        """Return the answer that refuses a person a private page, or None to let them in."""
        if who is None:
            return await self._to_sign_in(request, language, request.url.path)
        if len(who.memberships) > 1 and "account" not in request.query_params:
            return _with_account(request, who)
        if not self.may(who.account.role, page.right):
            return _to_second_factor(language, who) if who.held_back else self._not_found(request, language)
        return None

    async def _download(self, request: Request, language: str) -> Response | None:
        """Check method, sign-in and quota of a request for a private file. Return None to pass it on to its route."""
        page, _, ending = request.scope["path"].rpartition(".")
        allowed, limit = _DOWNLOADS[f".{ending}"]
        if request.method not in allowed.split(", "):
            return Response("method not allowed", 405, {"allow": allowed}, media_type="text/plain")
        who = await self._identity(request)
        current_identity.set(who)
        if who is None:
            # Return to the page with the download button after sign-in. A PDF, as linked in a mail, is opened itself.
            return await self._to_sign_in(request, language, request.url.path if ending == "pdf" else page)
        if not await quotas.within_quota(limit, who, str(who.person_id)):
            return self._too_many(request, language)
        await self.touch(who)
        return None

    async def _to_sign_in(self, request: Request, language: str, path: str) -> Response:
        if "account" in request.query_params and await self._identity(request, None):
            # Signed in, but not a member of that account: answer 404 whether or not the account exists.
            return self._not_found(request, language)
        ended = "ended=1&" if cookie_name(get_settings().secure) in request.cookies else ""
        wanted = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/{language}{LOGIN}?{ended}next={quote(wanted, safe='')}", 303, {"cache-control": "no-store"})

    def _answer(self, request: Request, document: Document, text: str, content: PageContent, who: Identity | None) -> Response:
        own = {"content-security-policy": document.policy, "vary": "Accept-Encoding, Cookie", "link": _FONT}
        own["cache-control"] = "no-store, private" if who or content.slots else "no-cache"
        answer = _html(request, text, content.status, {**own, **content.headers})
        if content.dress:
            content.dress(answer)
        return answer

    def _not_found(self, request: Request, language: str) -> Response:
        return self._error_page(request, language, NOT_FOUND, HTTPStatus.NOT_FOUND)

    def _too_many(self, request: Request, language: str) -> Response:
        return self._error_page(request, language, TOO_MANY, HTTPStatus.TOO_MANY_REQUESTS, {"retry-after": quotas.RETRY_SECONDS})

    def _error_page(self, request: Request, language: str, path: str, status: int, own: dict[str, str] | None = None) -> Response:
        """Return one of the portal's pages about an error, without scripts."""
        # The client's router does not know this address, so the page is sent without scripts.
        document = self.documents[f"/{language}{path}"]
        text = _SCRIPTS.sub("", document.fill({}))
        return _html(
            request,
            text,
            status,
            {"content-security-policy": headers.content_security_policy([]), "cache-control": "no-store", **(own or {})},
        )


def _with_account(request: Request, who: Identity) -> Response:
    """Redirect to the same address with an account number: that of the referring page, else the person's lowest account number.

    Without the number, a link followed before the script has loaded could lead from one account into another.
    """
    came_from = urlsplit(request.headers.get("referer", ""))
    referring_number = dict(parse_qsl(came_from.query)).get("account") if came_from.netloc == request.headers.get("host") else None
    number = referring_number if referring_number in {m.number for m in who.memberships} else who.account.number
    query = f"{request.url.query}&" if request.url.query else ""
    return RedirectResponse(f"{request.url.path}?{query}account={quote(number, safe='')}", 303, {"cache-control": "no-store"})


def _to_second_factor(language: str, who: Identity) -> Response:
    return RedirectResponse(link_to(who, language, SECOND_FACTOR), 303, {"cache-control": "no-store"})


def _is_ambiguous_path(path: str) -> bool:
    """Return whether a path is ambiguous: it has empty, `.` or `..` segments or backslashes."""
    return "//" in path or "\\" in path or not {".", ".."}.isdisjoint(path.split("/"))


def _html(request: Request, text: str, status: int, own: dict[str, str]) -> Response:
    body = text.encode()
    if "br" in request.headers.get("accept-encoding", ""):
        body, own = brotli.compress(body, quality=5), {**own, "content-encoding": "br"}
    return Response(body, status, own, media_type="text/html")


def _address_language(request: Request) -> str:
    """Return the language of the address, else the preferred one."""
    language = request.scope["path"].split("/")[1]
    return language if language in i18n.LANGUAGES else _preferred_language(request, None)


def _preferred_language(request: Request, who: Identity | None) -> str:
    """Return the preferred language: the person's choice, else the cookie, the browser's languages, then French (product.md, French)."""
    accepted = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]
    choices = [who.language if who else "", request.cookies.get(LANGUAGE_COOKIE, ""), *accepted]
    return next((choice for choice in choices if choice in i18n.LANGUAGES), "fr")


def _hashed_cookie(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the socket's headers with one cookie that holds the token's hash, so Reflex, its logs and Redis never hold a usable token."""
    token = Request({**scope, "type": "http"}).cookies.get(cookie_name(get_settings().secure))
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
    return [*kept, (b"cookie", f"{SOCKET_COOKIE}={token_hash(token)}".encode())] if token else kept
