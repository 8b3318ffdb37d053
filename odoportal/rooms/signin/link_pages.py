"""Pages behind the links in mails: each says what its link does, and its form does it. Opening a link uses nothing up: mail scanners do so.

Invitations (`people.routes`) and copies of invoices (`notifications.routes`) have pages of their own, which take the same steps.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Generic, TypeVar

from sqlmodel import Session
from starlette.responses import Response

from odoportal.accounts.models import Person
from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.forms.fields import validate
from odoportal.forms.handling import busy_message, read_form
from odoportal.forms.view import FormView
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import Busy
from odoportal.rooms.signin import (
    attempts,
    cookies,
    email_change,
    forms,
    known_browsers,
    links,
    passwords,
    public_pages,
    security_log,
    service,
    view,
)
from odoportal.rooms.signin.models import EmailChange, LinkKind
from odoportal.rooms.signin.routes import busy_page, form_page, redirect
from odoportal.web.links import token_of_link
from odoportal.web.page import PageContent, PageRequest

Found = TypeVar("Found")
Find = Callable[[Session, str, datetime], Found | None]
"""Returns what an open link is about, by its token and the time, or None."""
# An address with a token only redirects, so no page's address contains one.
_TOKEN_ADDRESS = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")
_LINK_COOKIE_SECONDS = 30 * 60
_NEW_PASSWORD = {LinkKind.RESET: "changed", LinkKind.INVITE: "set"}
"""The links that lead to a new password, and the notice after it."""
_ACTIONS: dict[LinkKind, Callable[[Session, str, datetime, str], Person | None]] = {
    LinkKind.EMAIL: email_change.confirm,
    LinkKind.UNDO: email_change.undo,
    LinkKind.ALERT: known_browsers.report_intruder,
}


def _finder(kind: LinkKind) -> Find[EmailChange | Person]:
    changes: dict[LinkKind, Find[EmailChange | Person]] = {
        LinkKind.EMAIL: email_change.confirmable,
        LinkKind.UNDO: email_change.undoable,
    }
    return changes.get(kind) or (lambda session, token, now: links.owner(session, token, kind, now))


# --- the steps of every link ------------------------------------------------------------------------------------------


def move_token_to_cookie(page_request: PageRequest, kind: LinkKind) -> Response | None:
    """Move the token of a mailed link from the address into a cookie and redirect; return None if the address has no token."""
    if "token" not in page_request.query:
        return None
    token = token_of_link(page_request.query["token"])
    answer = redirect(f"/{page_request.language}/{kind.value}", _TOKEN_ADDRESS)
    if _TOKEN.fullmatch(token):
        cookies.set_link(answer, kind, token, _LINK_COOKIE_SECONDS)
    else:
        cookies.delete_link(answer, kind)
    return answer


async def resolve_link(page_request: PageRequest, kind: LinkKind, find: Find[Found]) -> Found | PageContent | Response:
    """Return what `find` finds by the token of a mailed link, or the response if the link was just opened or is no longer valid."""
    if answer := move_token_to_cookie(page_request, kind):
        return answer
    found = await read(find, cookies.link_token(page_request.request, kind), clock.now())
    return _invalid_link(kind) if found is None else found


@dataclass(frozen=True)
class PostedLink(Generic[Found]):
    """A form sent from the page of an open link: its fields, the link's token and subject, and the client's network address."""

    form: Mapping[str, str]
    token: str
    found: Found
    client: str


async def read_posted_link(page_request: PageRequest, kind: LinkKind, find: Find[Found]) -> PostedLink[Found] | PageContent | Response:
    """Read the form of a link's page, or return the response if it cannot be read or the link is no longer valid."""
    form = await read_form(page_request.request)
    if isinstance(form, Response):
        return form
    token, client = cookies.link_token(page_request.request, kind), cookies.client(page_request.request)
    # Read first, and write only for a token that is known: a made-up one must not occupy the single database writer.
    found = await read(find, token, clock.now())
    return PostedLink(form, token, found, client) if found is not None else used_link(kind, client)


def used_link(kind: LinkKind, client: str) -> PageContent:
    """Return the page for a form whose link no longer works, and log it: somebody may try a link that they should not have."""
    security_log.log_event("authn_token_reuse", kind=kind.value, address=client)
    return _invalid_link(kind)


def _invalid_link(kind: LinkKind) -> PageContent:
    return form_page(public_pages.invalid_link(kind), HTTPStatus.GONE)


# --- the links of this room -------------------------------------------------------------------------------------------


async def _fill(page_request: PageRequest, kind: LinkKind) -> PageContent | Response:
    found = await resolve_link(page_request, kind, _finder(kind))
    if isinstance(found, PageContent | Response):
        return found
    if kind in _NEW_PASSWORD and isinstance(found, Person):
        return form_page(_password_page(kind, found), HTTPStatus.OK)
    old, new = (found.old_email, found.new_email) if isinstance(found, EmailChange) else ("", "")
    return form_page(public_pages.link_explanation(kind, old, new), HTTPStatus.OK)


async def _post(page_request: PageRequest, kind: LinkKind) -> PageContent | Response:
    posted = await read_posted_link(page_request, kind, _finder(kind))
    if not isinstance(posted, PostedLink):
        return posted
    person = await write(_ACTIONS[kind], posted.token, clock.now(), posted.client)
    if person is None:
        return used_link(kind, posted.client)
    if kind is not LinkKind.EMAIL:
        answer = redirect(f"/{page_request.language}/login?{'undone' if kind is LinkKind.UNDO else 'disowned'}=1")
        cookies.delete_session(answer)
    elif page_request.who is not None and page_request.who.person_id == person.id:
        answer = redirect(f"/{page_request.language}/profile/security")
    else:
        answer = redirect(f"/{page_request.language}/login?email=1")
    cookies.delete_link(answer, kind)
    return answer


async def _post_password(page_request: PageRequest, kind: LinkKind) -> PageContent | Response:
    posted = await read_posted_link(page_request, kind, lambda session, token, now: links.owner(session, token, kind, now))
    if not isinstance(posted, PostedLink):
        return posted
    stored = await _hash_new_password(kind, posted)
    if isinstance(stored, PageContent):
        return stored
    person = await write(service.set_password, posted.token, kind, stored, clock.now(), posted.client)
    if person is None:
        return used_link(kind, posted.client)
    await rate_limits.reset(attempts.account_key(person.email))
    await rate_limits.reset(attempts.browser_key(person.id or 0, cookies.device(page_request.request)))
    answer = redirect(f"/{page_request.language}/login?{_NEW_PASSWORD[kind]}=1")
    cookies.delete_link(answer, kind)
    cookies.delete_session(answer)
    return answer


def _password_page(kind: LinkKind, person: Person, errors: Mapping[str, str] | None = None, error: str = "") -> dict[str, str]:
    return public_pages.password(kind, FormView(initial={"email": person.email}, errors=dict(errors or {}), error=error))


async def _hash_new_password(kind: LinkKind, posted: PostedLink[Person]) -> str | PageContent:
    """Return the hash to store for a password chosen on the page of an open link, or the page with an error."""
    person, sent = posted.found, validate(forms.NewPassword, posted.form)
    if isinstance(sent, dict):
        return form_page(_password_page(kind, person, sent))
    if not await attempts.count_new_password(posted.token, posted.client):
        return form_page(_password_page(kind, person, error=view.too_many()), HTTPStatus.TOO_MANY_REQUESTS)
    password, asker = sent.password.get_secret_value(), attempts.client_asker(posted.client)
    try:
        weak = await passwords.weakness_in_queue(password, passwords.Owner(person.email, person.name), asker)
        if weak is None:
            return await passwords.hash_in_queue(password, asker)
    except Busy:
        return busy_page(_password_page(kind, person, error=busy_message()))
    return form_page(_password_page(kind, person, {"password": passwords.explain(weak)}))


fill_reset, post_reset = partial(_fill, kind=LinkKind.RESET), partial(_post_password, kind=LinkKind.RESET)
fill_invite, post_invite = partial(_fill, kind=LinkKind.INVITE), partial(_post_password, kind=LinkKind.INVITE)
fill_email, post_email = partial(_fill, kind=LinkKind.EMAIL), partial(_post, kind=LinkKind.EMAIL)
fill_undo, post_undo = partial(_fill, kind=LinkKind.UNDO), partial(_post, kind=LinkKind.UNDO)
fill_alert, post_alert = partial(_fill, kind=LinkKind.ALERT), partial(_post, kind=LinkKind.ALERT)
"""The `fill` and `post` of each page."""
