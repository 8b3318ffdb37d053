"""Requests of the sign-in room: sign in, second step, forgotten password, and sign-out. Links by mail are in `link_pages`."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from odoportal.accounts.service import MAX_EMAIL_LENGTH
from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.core.i18n import LANGUAGES
from odoportal.forms.fields import validate
from odoportal.forms.handling import busy_message, read_form
from odoportal.forms.view import FormView
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import retry_later
from odoportal.rooms.signin import attempts, cookies, forms, passkeys, public_pages, security_log, service, two_factor, view
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.return_url import safe_return_url
from odoportal.web.links import page_link
from odoportal.web.page import PageContent, PageRequest

_NO_STORE = {"cache-control": "no-store"}
# A page must not be sent with `no-referrer`: its form would then arrive with `Origin: null`, as a forged request does.
_PAGE = {**_NO_STORE, "referrer-policy": "same-origin"}
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


async def fill_login(page_request: PageRequest) -> PageContent | Response:
    """Fill the sign-in page, or redirect a person who is already signed in; end the browser's session if it has expired."""
    wanted = page_request.query.get("next", "")
    if page_request.who is not None:
        return redirect(safe_return_url(wanted, page_request.language, {m.number for m in page_request.who.memberships}))
    if (before := cookies.session_hash(page_request.request)) is not None and await read(service.exists, before):
        await write(service.end_if_expired, before, clock.now())
    values = FormView(notice=view.notice(page_request.query))
    return form_page(public_pages.login(values, _checked_next(wanted, page_request.language)), HTTPStatus.OK)


def _checked_next(wanted: str, language: str) -> str:
    """Return the checked `next` address; empty if it leads to the home page."""
    checked = safe_return_url(wanted, language)
    return "" if checked == f"/{language}/" else checked


async def post_login(page_request: PageRequest) -> PageContent | Response:
    """Attempt a sign-in: redirect with the session cookie (or to the second step), or return the page with the same error each time."""
    form = await read_form(page_request.request)
    if isinstance(form, Response):
        return form
    wanted = page_request.query.get("next", "")
    if "passkey" in form:
        return await _post_passkey(page_request, form)
    given = {"email": form.get("email", "").strip()[:MAX_EMAIL_LENGTH], "keep": form.get("keep", "")}
    sent = validate(forms.SignIn, form)
    if isinstance(sent, dict):
        return form_page(public_pages.login(FormView(initial=given, errors=sent), _checked_next(wanted, page_request.language)))
    browser, new = cookies.browser(page_request.request)
    keep = sent.keep == "1"
    submitted = attempts.SignInForm(sent.email, sent.password.get_secret_value(), keep, browser, cookies.session_hash(page_request.request))
    result = await attempts.attempt(submitted, clock.now())
    if result.step is not None:
        answer = redirect(page_link(page_request.language, "/code", next=_checked_next(wanted, page_request.language)))
        cookies.set_link(answer, LinkKind.CODE, result.step, int(two_factor.LIFE.total_seconds()))
        return answer
    if result.token is None:
        values = FormView(initial=given, error=busy_message() if result.busy else view.refused())
        page = public_pages.login(values, _checked_next(wanted, page_request.language))
        return busy_page(page) if result.busy else form_page(page, _status(result))
    answer = redirect(safe_return_url(wanted, page_request.language))
    cookies.set_session(answer, result.token, keep)
    cookies.remember_browser(page_request.request, answer, new, result.renewed)
    return answer


def _status(result: attempts.AttemptResult) -> int:
    return HTTPStatus.TOO_MANY_REQUESTS if result.address_limited else HTTPStatus.UNPROCESSABLE_ENTITY


async def _post_passkey(page_request: PageRequest, form: dict[str, str]) -> PageContent | Response:
    """Send the options of a passkey sign-in (`passkey=begin`, requested by script), or attempt the sign-in with the signed answer."""
    request, wanted, keep = page_request.request, page_request.query.get("next", ""), form.get("keep") == "1"
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
        values = FormView(initial={"keep": form.get("keep", "")}, error=view.no_passkey())
        return form_page(public_pages.login(values, _checked_next(wanted, page_request.language)), _status(result))
    answer = redirect(safe_return_url(wanted, page_request.language))
    cookies.set_session(answer, result.token, keep)
    cookies.remember_browser(request, answer, new, result.renewed)
    return answer


async def fill_code(page_request: PageRequest) -> PageContent | Response:
    """Fill the page of the second step, or redirect to the sign-in page if no second step is open."""
    wanted = page_request.query.get("next", "")
    factors = await read(two_factor.usable_factors, cookies.link_token(page_request.request, LinkKind.CODE), clock.now())
    if factors is None:
        return redirect(page_link(page_request.language, "/login", next=_checked_next(wanted, page_request.language)))
    slots = public_pages.code(FormView(), _checked_next(wanted, page_request.language), factors, "recovery" in page_request.query)
    return form_page(slots, HTTPStatus.OK)


async def post_code(page_request: PageRequest) -> PageContent | Response:
    """Attempt a second step: redirect with the session cookie, return the page with an error, or redirect to sign-in if it has ended."""
    form = await read_form(page_request.request)
    if isinstance(form, Response):
        return form
    wanted, recovery = _checked_next(page_request.query.get("next", ""), page_request.language), "recovery" in page_request.query
    remember, request = form.get("remember", ""), page_request.request
    token = cookies.link_token(request, LinkKind.CODE)
    factors = await read(two_factor.usable_factors, token, clock.now())

    def page(errors: Mapping[str, str] | None = None, error: str = "") -> PageContent:
        values = FormView(initial={"remember": remember}, errors=dict(errors or {}), error=error)
        return form_page(public_pages.code(values, wanted, factors or two_factor.UsableFactors(), recovery))

    proof: str | passkeys.Answer
    if form.get("passkey") == _BEGIN:
        # Write only for a token that is known: a made-up one must not occupy the single database writer.
        options = await write(two_factor.passkey_options, token, clock.now()) if factors is not None else ""
        return JSONResponse({}, HTTPStatus.GONE, _NO_STORE) if not options else Response(options, 200, _NO_STORE, "application/json")
    if "passkey" in form:
        proof = passkeys.Answer(token, form["passkey"])
    else:
        sent = validate(forms.Code, form)
        if isinstance(sent, dict):
            return page(sent)
        proof = sent.code
    browser, new = cookies.browser(request)
    result = await attempts.attempt_second_step(token, proof, browser, cookies.session_hash(request), remember == "1", clock.now())
    if result.token is None and not result.ended:
        return page(error=view.wrong_code() if isinstance(proof, str) else view.wrong_passkey())
    if result.token is None:
        answer = redirect(page_link(page_request.language, "/login", again="1", next=wanted))
    else:
        answer = redirect(safe_return_url(page_request.query.get("next", ""), page_request.language))
        cookies.set_session(answer, result.token, result.keep)
        cookies.remember_browser(request, answer, new, result.renewed)
    cookies.delete_link(answer, LinkKind.CODE)
    return answer


async def fill_forgot(page_request: PageRequest) -> PageContent | Response:
    """Fill the page that requests a reset link."""
    return form_page(public_pages.reset_requested() if "sent" in page_request.query else public_pages.forgot(FormView()), HTTPStatus.OK)


async def post_forgot(page_request: PageRequest) -> PageContent | Response:
    """Mail a reset link. The answer is the same for every email, even if the rate limit is reached."""
    form = await read_form(page_request.request)
    if isinstance(form, Response):
        return form
    sent = validate(forms.Forgot, form)
    if isinstance(sent, dict):
        typed = form.get("email", "").strip()[:MAX_EMAIL_LENGTH]
        return form_page(public_pages.forgot(FormView(initial={"email": typed}, errors=sent)))
    address, account = cookies.client(page_request.request), attempts.account_key(sent.email)
    # Check the address first: a client can make up any number of emails, and each of them would start a counter.
    allowed = await rate_limits.hit_address(rate_limits.RESET_PER_ADDRESS, address) and await rate_limits.hit(
        rate_limits.RESET_PER_ACCOUNT, account
    )
    security_log.log_event(
        "authn_password_reset" if allowed else "excess_rate_limit_exceeded", account=security_log.typed(sent.email), address=address
    )
    if allowed:
        try:
            await write(service.request_reset, sent.email, page_request.language, clock.now())
        except SQLAlchemyError:
            # No mail was written, so the request must not count.
            await rate_limits.undo_hit_address(rate_limits.RESET_PER_ADDRESS, address)
            await rate_limits.undo_hit(rate_limits.RESET_PER_ACCOUNT, account)
            raise
    return redirect(f"/{page_request.language}/forgot?sent=1")


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
