"""Every HTML document is answered here: guarded, filled with its first rows, in its language, with its headers."""

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
from odoportal.core.identity import Identity, asker, cookie_name, digest
from odoportal.limits import quotas
from odoportal.limits.concurrent_files import Crowded
from odoportal.observability import logs
from odoportal.settings import get_settings
from odoportal.web import headers
from odoportal.web.event_gate import SOCKET_COOKIE
from odoportal.web.page import Page, PageContent, PageRequest

# The font before the scripts: with it in the first paint, nothing on the page changes its size afterwards.
_FONT = '</fonts/figtree-odo.woff2>; rel=preload; as=font; type="font/woff2"; crossorigin'
LANGUAGE_COOKIE = "odo_language"
NOT_FOUND = "/not-found"
UNAVAILABLE = "/unavailable"
TOO_MANY = "/too-many"
RETRY_SECONDS = "30"
LOGIN = "/login"
SECOND_FACTOR = "/profile/security"
"""Where somebody is led whom the account holds back until a second factor is set up."""
_SLOT = re.compile(r"<!--slot:([a-z-]+)-->(.*?)<!--/slot:\1-->", re.S)
_SCRIPTS = re.compile(r"<script\b.*?</script>|<link[^>]*rel=\"modulepreload\"[^>]*>", re.S)
_PASSED_ON = {"/healthz", "/readyz", "/icons.svg", "/favicon.svg"}
_PASSED_ON_BELOW = ("/assets/", "/fonts/", "/auth/", "/hooks/", "/sandbox/")
_READ = "GET, HEAD"
_DOWNLOADS = {
    ".csv": (_READ, quotas.EXPORTS),
    ".xlsx": (_READ, quotas.EXPORTS),
    ".pdf": (_READ, quotas.DOCUMENTS),
    ".zip": (f"{_READ}, POST", quotas.ARCHIVES),
}
"""The methods and the limit of each kind of private file."""
_OWN_PAGES = {404, 500}
"""What the application behind answers without a page of ours."""
_log = logging.getLogger("odoportal.documents")


@dataclass(frozen=True)
class Document:
    """A built page: the text between its slots, what a slot holds until it is filled, and its script policy."""

    texts: tuple[str, ...]
    slots: tuple[tuple[str, str], ...]
    policy: str

    def fill(self, given: dict[str, str]) -> str:
        """The page with its slots filled; an absent one keeps what was built into it."""
        out = [self.texts[0]]
        for (name, built), text in zip(self.slots, self.texts[1:], strict=True):
            out += (given.get(name, built), text)
        return "".join(out)


def read_documents(built: Path, leads_to: Mapping[str, tuple[str, ...]]) -> dict[str, Document]:
    """The built documents by address (`/fr/orders`).

    Args:
        built: the folder that the frontend build wrote its pages to; `csp.json` lies beside it.
        leads_to: by a page's path (`/orders`), the origins that a form of it may lead to.
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
            found[address] = Document(tuple(parts[0::3]), slots, headers.policy(hashes[name], leads_to.get(f"/{path}", ())))
    return found


class DocumentServer:
    """The outermost HTTP layer. What is no document goes on to the routes and to Reflex.

    Args:
        app: the application behind it.
        built: where the frontend build lies.
        pages: every page of the portal.
        resolve: session hash and account number to who asks, None when nobody.
        touch: notes that a person did something.
        may: whether a role allows a right.
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
        """Answer a document, or pass the request on with what must be changed in it."""
        if scope["type"] == "websocket":
            await self.app({**scope, "headers": _hashed_cookie(scope)}, receive, send)
        elif scope["type"] == "http":
            await self._safely(scope, receive, headers.secured(scope, send))
        else:
            await self.app(scope, receive, send)

    async def _safely(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever fails before an answer has begun is answered by our own page; what fails later cuts the answer off."""
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
                # The connection ended before the body did: nobody reads this, but it counts as what it was, and is no failure of ours.
                await Response("the request was not whole", 408, media_type="text/plain")(scope, receive, sending)
                return
            if isinstance(why, Crowded):
                who = asker.get()
                logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, limit="at once", person=who.person_id if who else 0)
                await self._too_many(request, _spoken(request))(scope, receive, sending)
                return
            away = isinstance(why, SQLAlchemyError | OSError)
            # A database that is away fails every request in the same way: a line each, with no traceback.
            _log.error("not answered: %s", type(why).__name__, exc_info=None if away else why)
            status, own = (503, {"retry-after": RETRY_SECONDS}) if away else (500, {})
            answer = self._bare(request, _spoken(request), UNAVAILABLE, status, own)
            await answer(scope, receive, sending)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if headers.ambiguous(request):
            await Response("ambiguous length", 400, {"connection": "close"}, media_type="text/plain")(scope, receive, send)
            return
        if headers.foreign(request) and not self._from_anywhere(request):
            await Response("cross-site request refused", 403, media_type="text/plain")(scope, receive, send)
            return
        path: str = scope["path"]
        language, _, rest = path.strip("/").partition("/")
        if _winds(path):
            answer = self._not_found(request, _preferred(request, None))
        elif language in i18n.LANGUAGES and path.endswith(tuple(_DOWNLOADS)):
            answer = await self._download(request, language)
            if answer is None:
                await self._pass_on(request, receive, send)
                return
        elif language in i18n.LANGUAGES:
            answer = await self._document(request, language, f"/{rest}".rstrip("/") or "/")
        elif path == "/":
            answer = await self._front_door(request)
        elif path not in _PASSED_ON and not path.startswith(_PASSED_ON_BELOW):
            answer = self._not_found(request, _preferred(request, None))
        else:
            asker.set(await self._who(request) if path.startswith("/auth/") else None)
            await self._pass_on(request, receive, send)
            return
        await answer(scope, receive, send)

    def _from_anywhere(self, request: Request) -> bool:
        language, _, path = request.scope["path"].removeprefix("/").partition("/")
        page = self.pages.get(f"/{path}")
        return request.method == "POST" and language in i18n.LANGUAGES and page is not None and page.from_anywhere

    async def _pass_on(self, request: Request, receive: Receive, send: Send) -> None:
        held = set[int]()

        async def sending(message: Message) -> None:
            # Reflex's own page for what is not there is the client's shell, which our policy keeps from running.
            # And its page for what failed says so in English; the failure itself comes through as an exception.
            if message["type"] == "http.response.start" and message["status"] in _OWN_PAGES:
                held.add(message["status"])
            if not held:
                await send(message)

        await self.app(request.scope, receive, sending)
        if HTTPStatus.INTERNAL_SERVER_ERROR in held:
            raise RuntimeError(f"{request.scope['path']} was answered by 500")
        if held:
            await self._not_found(request, _spoken(request))(request.scope, receive, send)

    async def _front_door(self, request: Request) -> Response:
        who = await self._who(request)
        language = _preferred(request, who)
        return RedirectResponse(
            f"/{language}/" if who else f"/{language}{LOGIN}", 302, {"vary": "Cookie, Accept-Language", "cache-control": "no-store"}
        )

    async def _who(self, request: Request, account: str | None = "") -> Identity | None:
        token = request.cookies.get(cookie_name(get_settings().secure))
        number = (request.query_params.get("account") or None) if account == "" else account
        return await self.resolve(digest(token) if token else None, number)

    async def _document(self, request: Request, language: str, path: str) -> Response:
        page = self.pages.get(path)
        document = self.documents.get(f"/{language}{path}".rstrip("/"))
        if page is None or document is None or path in {UNAVAILABLE, TOO_MANY}:
            return self._not_found(request, language)
        if request.method not in {"GET", "HEAD"} and not (request.method == "POST" and page.post):
            return Response("method not allowed", 405, {"allow": "GET, HEAD"}, media_type="text/plain")
        who = None if page.from_anywhere else await self._who(request)
        asker.set(who)
        if page.private and (turned := await self._turned_away(request, language, page, who)):
            return turned
        if who:
            if not await quotas.within_quota(quotas.PAGES, who, str(who.person_id)):
                return self._too_many(request, language)
            await self.touch(who)
        asked = PageRequest(language, dict(parse_qsl(request.url.query, keep_blank_values=True)), request, who)
        filled: PageContent | Response = PageContent()
        work = page.post if request.method == "POST" else page.fill
        if work:
            with i18n.use(language):
                filled = await work(asked)
        if isinstance(filled, Response):
            return filled
        return self._answer(request, document, document.fill(dict(filled.slots)), filled, who)

    async def _turned_away(self, request: Request, language: str, page: Page, who: Identity | None) -> Response | None:
        if who is None:
            return await self._to_sign_in(request, language, request.url.path)
        if len(who.memberships) > 1 and "account" not in request.query_params:
            return _with_account(request, who)
        if not self.may(who.account.role, page.right):
            return _to_second_factor(language, who) if who.held_back else self._not_found(request, language)
        return None

    async def _download(self, request: Request, language: str) -> Response | None:
        """Who asks for a private file is guarded like who asks for a page; None lets the request go on to its route."""
        page, _, ending = request.scope["path"].rpartition(".")
        allowed, limit = _DOWNLOADS[f".{ending}"]
        if request.method not in allowed.split(", "):
            return Response("method not allowed", 405, {"allow": allowed}, media_type="text/plain")
        who = await self._who(request)
        asker.set(who)
        if who is None:
            # After signing in the person stands on the page that has the button; a document of its own, as in a mail's link, is opened.
            return await self._to_sign_in(request, language, request.url.path if ending == "pdf" else page)
        if not await quotas.within_quota(limit, who, str(who.person_id)):
            return self._too_many(request, language)
        await self.touch(who)
        return None

    async def _to_sign_in(self, request: Request, language: str, path: str) -> Response:
        if "account" in request.query_params and await self._who(request, None):
            # Signed in, but not for that account: it shows as not found, whoever has it.
            return self._not_found(request, language)
        ended = "ended=1&" if cookie_name(get_settings().secure) in request.cookies else ""
        wanted = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/{language}{LOGIN}?{ended}next={quote(wanted, safe='')}", 303, {"cache-control": "no-store"})

    def _answer(self, request: Request, document: Document, text: str, filled: PageContent, who: Identity | None) -> Response:
        own = {"content-security-policy": document.policy, "vary": "Accept-Encoding, Cookie", "link": _FONT}
        own["cache-control"] = "no-store, private" if who or filled.slots else "no-cache"
        answer = _html(request, text, filled.status, {**own, **filled.headers})
        if filled.dress:
            filled.dress(answer)
        return answer

    def _not_found(self, request: Request, language: str) -> Response:
        return self._bare(request, language, NOT_FOUND, HTTPStatus.NOT_FOUND)

    def _too_many(self, request: Request, language: str) -> Response:
        return self._bare(request, language, TOO_MANY, HTTPStatus.TOO_MANY_REQUESTS, {"retry-after": quotas.RETRY_SECONDS})

    def _bare(self, request: Request, language: str, path: str, status: int, own: dict[str, str] | None = None) -> Response:
        # The client's router would not know the address: this page reads without script, so it has none.
        document = self.documents[f"/{language}{path}"]
        text = _SCRIPTS.sub("", document.fill({}))
        return _html(request, text, status, {"content-security-policy": headers.policy([]), "cache-control": "no-store", **(own or {})})


def _with_account(request: Request, who: Identity) -> Response:
    """The same address with the account in it: the one of the page it was opened from, else the person's first.

    Without it, a link that is followed before the script has arrived would lead from one account into the other.
    """
    came_from = urlsplit(request.headers.get("referer", ""))
    said = dict(parse_qsl(came_from.query)).get("account") if came_from.netloc == request.headers.get("host") else None
    number = said if said in {m.number for m in who.memberships} else who.account.number
    query = f"{request.url.query}&" if request.url.query else ""
    return RedirectResponse(f"{request.url.path}?{query}account={quote(number, safe='')}", 303, {"cache-control": "no-store"})


def _to_second_factor(language: str, who: Identity) -> Response:
    account = f"?account={quote(who.account.number, safe='')}" if len(who.memberships) > 1 else ""
    return RedirectResponse(f"/{language}{SECOND_FACTOR}{account}", 303, {"cache-control": "no-store"})


def _winds(path: str) -> bool:
    """True for a path that does not say plainly where it leads."""
    return "//" in path or "\\" in path or not {".", ".."}.isdisjoint(path.split("/"))


def _html(request: Request, text: str, status: int, own: dict[str, str]) -> Response:
    body = text.encode()
    if "br" in request.headers.get("accept-encoding", ""):
        body, own = brotli.compress(body, quality=4), {**own, "content-encoding": "br"}
    return Response(body, status, own, media_type="text/html")


def _spoken(request: Request) -> str:
    """The language of the address, else the preferred one."""
    language = request.scope["path"].split("/")[1]
    return language if language in i18n.LANGUAGES else _preferred(request, None)


def _preferred(request: Request, who: Identity | None) -> str:
    """The person's choice, the cookie, the browser, then French (product.md, French)."""
    accepted = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]
    choices = [who.language if who else "", request.cookies.get(LANGUAGE_COOKIE, ""), *accepted]
    return next((choice for choice in choices if choice in i18n.LANGUAGES), "fr")


def _hashed_cookie(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The socket's headers with the token's hash in place of every cookie: Reflex, its logs and Redis never hold a usable token."""
    token = Request({**scope, "type": "http"}).cookies.get(cookie_name(get_settings().secure))
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
    return [*kept, (b"cookie", f"{SOCKET_COOKIE}={digest(token)}".encode())] if token else kept
