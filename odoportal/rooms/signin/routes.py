"""Requests of the sign-in room: sign in, second step, forgotten password, new password, first access, and sign-out."""

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from odoportal.accounts.models import Person
from odoportal.accounts.service import MAX_EMAIL_LENGTH
from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.core.i18n import LANGUAGES
from odoportal.forms.handling import busy_message, read_form
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import Busy, retry_later
from odoportal.rooms.signin import attempts, cookies, passkeys, passwords, security_log, service, two_factor, view
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.return_url import safe_return_url
from odoportal.rooms.signin.view import FormValues
from odoportal.web.page import PageContent, PageRequest

Found = TypeVar("Found")
_NO_STORE = {"cache-control": "no-store"}
# An address with a token only redirects, so no page's address contains one. A page must not be sent with `no-referrer`: its form would
# then arrive with `Origin: null`, as a forged request does.
_TOKEN_ADDRESS = {**_NO_STORE, "referrer-policy": "no-referrer"}
_PAGE = {**_NO_STORE, "referrer-policy": "same-origin"}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")
_EMAIL = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+")
_LINK_COOKIE_SECONDS = 30 * 60
_LONGEST_CODE = 100
_BEGIN = "begin"


def redirect(address: str, headers: dict[str, str] | None = None) -> RedirectResponse:
    """Return a redirect to another address (303 See Other)."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers or _NO_STORE)


def form_page(slots: dict[str, str], status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> PageContent:
    """Return the page with a form of this room; by default as 422, for a form with errors."""
    return PageContent(slots, status, _PAGE)


def busy_page(slots: dict[str, str]) -> PageContent:
    """Return the page as 429 with a Retry-After header, because the password queue is full."""
    return replace(form_page(slots, HTTPStatus.TOO_MANY_REQUESTS), dress=retry_later)


async def fill_login(asked: PageRequest) -> PageContent | Response:
    """Fill the sign-in page, or redirect a person who is already signed in; end the browser's session if it has expired."""
    wanted = asked.query.get("next", "")
    if asked.who is not None:
        return redirect(safe_return_url(wanted, asked.language, {m.number for m in asked.who.memberships}))
    if (before := cookies.session_hash(asked.request)) is not None and await read(service.exists, before):
        await write(service.end_if_expired, before, clock.now())
    return PageContent(view.login(FormValues(notice=view.notice(dict(asked.query))), _checked_next(wanted, asked.language)), headers=_PAGE)


def _checked_next(wanted: str, language: str) -> str:
    """Return the checked `next` address; empty if it leads to the home page."""
    checked = safe_return_url(wanted, language)
    return "" if checked == f"/{language}/" else checked


async def post_login(asked: PageRequest) -> PageContent | Response:
    """Attempt a sign-in: redirect with the session cookie (or to the second step), or return the page with the same error each time."""
    form = await read_form(asked.request)
    if isinstance(form, Response):
        return form
    wanted = asked.query.get("next", "")
    if "passkey" in form:
        return await _post_passkey(asked, form)
    email, password, keep = form.get("email", "").strip(), form.get("password", ""), form.get("keep") == "1"
    errors = {name: view.required() for name, value in (("email", email), ("password", password)) if not value}
    typed = email[:MAX_EMAIL_LENGTH]
    if errors:
        return form_page(view.login(FormValues(typed, errors, keep=keep), _checked_next(wanted, asked.language)))
    browser, new = cookies.browser(asked.request)
    submitted = attempts.SignInForm(email, password, keep, browser, cookies.session_hash(asked.request))
    result = await attempts.attempt(submitted, clock.now())
    if result.step is not None:
        answer = redirect(f"/{asked.language}/code{_next_query(_checked_next(wanted, asked.language))}")
        cookies.set_link(answer, LinkKind.CODE, result.step, int(two_factor.LIFE.total_seconds()))
        return answer
    if result.token is None:
        shown = view.login(
            FormValues(typed, error=busy_message() if result.busy else view.refused(), keep=keep), _checked_next(wanted, asked.language)
        )
        return busy_page(shown) if result.busy else form_page(shown, _status(result))
    answer = redirect(safe_return_url(wanted, asked.language))
    cookies.set_session(answer, result.token, keep)
    cookies.remember_browser(asked.request, answer, new, result.renewed)
    return answer


def _status(result: attempts.AttemptResult) -> int:
    return HTTPStatus.TOO_MANY_REQUESTS if result.address_limited else HTTPStatus.UNPROCESSABLE_ENTITY


async def _post_passkey(asked: PageRequest, form: dict[str, str]) -> PageContent | Response:
    """Send the options of a passkey sign-in (`passkey=begin`, requested by script), or attempt the sign-in with the signed answer."""
    request, wanted, keep = asked.request, asked.query.get("next", ""), form.get("keep") == "1"
    if form["passkey"] == _BEGIN:
        token = secrets.token_urlsafe(32)
        options = await attempts.passkey_options(token, cookies.client(request), clock.now())
        if options is None:
            return JSONResponse({"error": view.no_passkey()}, HTTPStatus.TOO_MANY_REQUESTS, _NO_STORE)
        answer: Response = Response(options, media_type="application/json", headers=_NO_STORE)
        cookies.set_passkey(answer, token)
        return answer
    browser, new = cookies.browser(request)
    signed = passkeys.Answer(cookies.passkey_token(request), form["passkey"])
    result = await attempts.sign_in_by_passkey(signed, keep, browser, cookies.session_hash(request), clock.now())
    if result.token is None:
        return form_page(view.login(FormValues(error=view.no_passkey(), keep=keep), _checked_next(wanted, asked.language)), _status(result))
    answer = redirect(safe_return_url(wanted, asked.language))
    cookies.set_session(answer, result.token, keep)
    cookies.remember_browser(request, answer, new, result.renewed)
    return answer


def _next_query(wanted: str) -> str:
    return f"?next={quote(wanted, safe='')}" if wanted else ""


async def fill_code(asked: PageRequest) -> PageContent | Response:
    """Fill the page of the second step, or redirect to the sign-in page if no second step is open."""
    wanted = asked.query.get("next", "")
    kinds = await read(two_factor.usable_factors, cookies.link_token(asked.request, LinkKind.CODE), clock.now())
    if kinds is None:
        return redirect(f"/{asked.language}/login{_next_query(_checked_next(wanted, asked.language))}")
    return form_page(view.code(FormValues(), _checked_next(wanted, asked.language), kinds, "recovery" in asked.query), HTTPStatus.OK)


async def post_code(asked: PageRequest) -> PageContent | Response:
    """Attempt a second step: redirect with the session cookie, return the page with an error, or redirect to sign-in if it has ended."""
    form = await read_form(asked.request)
    if isinstance(form, Response):
        return form
    wanted, recovery = _checked_next(asked.query.get("next", ""), asked.language), "recovery" in asked.query
    code, remember, request = form.get("code", "")[:_LONGEST_CODE], form.get("remember") == "1", asked.request
    token = cookies.link_token(request, LinkKind.CODE)
    kinds = await read(two_factor.usable_factors, token, clock.now())
    proof: str | passkeys.Answer = code
    if "passkey" in form:
        if form["passkey"] == _BEGIN:
            # Write only for a token that is known: a made-up one must not occupy the single database writer.
            options = await write(two_factor.passkey_options, token, clock.now()) if kinds is not None else ""
            return JSONResponse({}, HTTPStatus.GONE, _NO_STORE) if not options else Response(options, 200, _NO_STORE, "application/json")
        proof = passkeys.Answer(token, form["passkey"])
    elif not code.strip():
        shown = FormValues(errors={"code": view.required()}, keep=remember)
        return form_page(view.code(shown, wanted, kinds or two_factor.UsableFactors(), recovery))
    browser, new = cookies.browser(request)
    result = await attempts.attempt_second_step(token, proof, browser, cookies.session_hash(request), remember, clock.now())
    if result.token is None and not result.ended:
        error = view.wrong_code() if isinstance(proof, str) else view.wrong_passkey()
        return form_page(view.code(FormValues(error=error, keep=remember), wanted, kinds or two_factor.UsableFactors(), recovery))
    if result.token is None:
        answer = redirect(f"/{asked.language}/login?again=1{_next_query(wanted).replace('?', '&')}")
    else:
        answer = redirect(safe_return_url(asked.query.get("next", ""), asked.language))
        cookies.set_session(answer, result.token, result.keep)
        cookies.remember_browser(request, answer, new, result.renewed)
    cookies.delete_link(answer, LinkKind.CODE)
    return answer


async def fill_forgot(asked: PageRequest) -> PageContent | Response:
    """Fill the page that requests a reset link."""
    return PageContent(view.forgot(FormValues(), sent="sent" in asked.query), headers=_PAGE)


async def post_forgot(asked: PageRequest) -> PageContent | Response:
    """Mail a reset link. The answer is the same for every email, even if the rate limit is reached."""
    form = await read_form(asked.request)
    if isinstance(form, Response):
        return form
    email = form.get("email", "").strip()
    if not email or len(email) > MAX_EMAIL_LENGTH or not _EMAIL.fullmatch(email):
        error = view.no_email() if email else view.required()
        return form_page(view.forgot(FormValues(email[:MAX_EMAIL_LENGTH], {"email": error})))
    address, account = cookies.client(asked.request), attempts.account_key(email)
    # Check the address first: a client can make up any number of emails, and each of them would start a counter.
    allowed = await rate_limits.hit_address(rate_limits.RESET_PER_ADDRESS, address) and await rate_limits.hit(
        rate_limits.RESET_PER_ACCOUNT, account
    )
    security_log.log_event(
        "authn_password_reset" if allowed else "excess_rate_limit_exceeded", account=security_log.typed(email), address=address
    )
    if allowed:
        try:
            await write(service.request_reset, email, asked.language, clock.now())
        except SQLAlchemyError:
            # No mail was written, so the request must not count.
            await rate_limits.undo_hit_address(rate_limits.RESET_PER_ADDRESS, address)
            await rate_limits.undo_hit(rate_limits.RESET_PER_ACCOUNT, account)
            raise
    return redirect(f"/{asked.language}/forgot?sent=1")


async def fill_reset(asked: PageRequest) -> PageContent | Response:
    """Fill the page that sets a new password."""
    return await _fill_link(asked, LinkKind.RESET)


async def post_reset(asked: PageRequest) -> PageContent | Response:
    """Set a new password by a reset link."""
    return await _post_link(asked, LinkKind.RESET)


async def fill_invite(asked: PageRequest) -> PageContent | Response:
    """Fill the page that sets the first password."""
    return await _fill_link(asked, LinkKind.INVITE)


async def post_invite(asked: PageRequest) -> PageContent | Response:
    """Set the first password by an invitation link."""
    return await _post_link(asked, LinkKind.INVITE)


def move_token_to_cookie(asked: PageRequest, kind: LinkKind) -> Response | None:
    """Move the token of a mailed link from the address into a cookie and redirect; return None if the address has no token.

    Opening a link does not use it, because mail scanners open it first.
    """
    token = asked.query.get("token")
    if token is None:
        return None
    answer = redirect(f"/{asked.language}/{kind.value}", _TOKEN_ADDRESS)
    if _TOKEN.fullmatch(token):
        cookies.set_link(answer, kind, token, _LINK_COOKIE_SECONDS)
    else:
        cookies.delete_link(answer, kind)
    return answer


async def resolve_link(
    asked: PageRequest, kind: LinkKind, find: Callable[[Session, str, datetime], Found | None]
) -> Found | PageContent | Response:
    """Return what `find` finds by the token of a mailed link, or the response if the link was just opened or is no longer valid."""
    if answer := move_token_to_cookie(asked, kind):
        return answer
    found = await read(find, cookies.link_token(asked.request, kind), clock.now())
    return form_page(view.invalid_link(kind), HTTPStatus.GONE) if found is None else found


async def _fill_link(asked: PageRequest, kind: LinkKind) -> PageContent | Response:
    person = await resolve_link(asked, kind, lambda session, token, now: service.link_owner(session, token, kind, now))
    if not isinstance(person, Person):
        return person
    return PageContent(view.password(kind, FormValues(person.email)), headers=_PAGE)


async def _post_link(asked: PageRequest, kind: LinkKind) -> PageContent | Response:
    form = await read_form(asked.request)
    if isinstance(form, Response):
        return form
    token, password, client = cookies.link_token(asked.request, kind), form.get("password", ""), cookies.client(asked.request)
    person = await read(service.link_owner, token, kind, clock.now())
    if person is None:
        security_log.log_event("authn_token_reuse", kind=kind.value, address=client)
        return form_page(view.invalid_link(kind), HTTPStatus.GONE)
    stored = await _hash_new_password(kind, person, token, password, client)
    if isinstance(stored, PageContent):
        return stored
    person = await write(service.set_password, token, kind, stored, clock.now(), client)
    if person is None:
        return form_page(view.invalid_link(kind), HTTPStatus.GONE)
    await rate_limits.reset(attempts.account_key(person.email))
    await rate_limits.reset(attempts.browser_key(person.id or 0, cookies.device(asked.request)))
    answer = redirect(f"/{asked.language}/login?{'set' if kind is LinkKind.INVITE else 'changed'}=1")
    cookies.delete_link(answer, kind)
    cookies.delete_session(answer)
    return answer


async def _hash_new_password(kind: LinkKind, person: Person, token: str, password: str, client: str) -> str | PageContent:
    """Return the hash to store for a password chosen on the page of an open link, or the page with an error."""
    if not password:
        return form_page(view.password(kind, FormValues(person.email, {"password": view.required()})))
    if not await attempts.count_new_password(token, client):
        return form_page(view.password(kind, FormValues(person.email, error=view.too_many())), HTTPStatus.TOO_MANY_REQUESTS)
    asker = attempts.client_asker(client)
    try:
        weak = await passwords.weakness_in_queue(password, passwords.Owner(person.email, person.name), asker)
        if weak is None:
            return await passwords.hash_in_queue(password, asker)
    except Busy:
        return busy_page(view.password(kind, FormValues(person.email, error=busy_message())))
    return form_page(view.password(kind, FormValues(person.email, {"password": passwords.explain(weak)})))


async def sign_out(request: Request) -> Response:
    """End the session on the server and redirect to the sign-in page. POST only; the form contains the page's `language`.

    An unreadable form ends the session as well.
    """
    form = await read_form(request)
    hashed = cookies.session_hash(request)
    if hashed is not None and await read(service.exists, hashed) and await write(service.sign_out, hashed):
        security_log.log_event("session_logout", address=cookies.client(request))
    language = "" if isinstance(form, Response) else form.get("language", "")
    answer = redirect(f"/{language if language in LANGUAGES else 'fr'}/login?out=1")
    cookies.delete_session(answer)
    return answer
