"""Pages behind the links of security mails: each explains what its link does, and its button does it."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from sqlmodel import Session
from starlette.responses import Response

from odoportal.accounts.models import Person
from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.forms.handling import read_form
from odoportal.rooms.signin import cookies, email_change, known_browsers, links, security_log, view
from odoportal.rooms.signin.models import EmailChange, LinkKind
from odoportal.rooms.signin.routes import form_page, redirect, resolve_link
from odoportal.web.page import PageContent, PageRequest

Find = Callable[[Session, str, datetime], EmailChange | Person | None]
Act = Callable[[Session, str, datetime, str], Person | None]


def _owner(session: Session, token: str, now: datetime) -> Person | None:
    return links.owner(session, token, LinkKind.ALERT, now)


_FINDERS: dict[LinkKind, Find] = {LinkKind.EMAIL: email_change.confirmable, LinkKind.UNDO: email_change.undoable, LinkKind.ALERT: _owner}
_ACTIONS: dict[LinkKind, Act] = {
    LinkKind.EMAIL: email_change.confirm,
    LinkKind.UNDO: email_change.undo,
    LinkKind.ALERT: known_browsers.report_intruder,
}


async def _fill(asked: PageRequest, kind: LinkKind) -> PageContent | Response:
    found = await resolve_link(asked, kind, _FINDERS[kind])
    if not isinstance(found, EmailChange | Person):
        return found
    old, new = (found.old_email, found.new_email) if isinstance(found, EmailChange) else ("", "")
    return form_page(view.link_explanation(kind, old, new), HTTPStatus.OK)


async def _post(asked: PageRequest, kind: LinkKind) -> PageContent | Response:
    form = await read_form(asked.request)
    if isinstance(form, Response):
        return form
    client, token = cookies.client(asked.request), cookies.link_token(asked.request, kind)
    # Write only for a token that is known: a made-up one must not occupy the single database writer.
    known = await read(_FINDERS[kind], token, clock.now())
    person = await write(_ACTIONS[kind], token, clock.now(), client) if known is not None else None
    if person is None:
        security_log.log_event("authn_token_reuse", kind=kind.value, address=client)
        return form_page(view.invalid_link(kind), HTTPStatus.GONE)
    if kind is not LinkKind.EMAIL:
        answer = redirect(f"/{asked.language}/login?{'undone' if kind is LinkKind.UNDO else 'disowned'}=1")
        cookies.delete_session(answer)
    elif asked.who is not None and asked.who.person_id == person.id:
        answer = redirect(f"/{asked.language}/profile/security")
    else:
        answer = redirect(f"/{asked.language}/login?email=1")
    cookies.delete_link(answer, kind)
    return answer


async def fill_email(asked: PageRequest) -> PageContent | Response:
    """Fill the page that explains the confirmation of a new email."""
    return await _fill(asked, LinkKind.EMAIL)


async def post_email(asked: PageRequest) -> PageContent | Response:
    """Confirm the new email."""
    return await _post(asked, LinkKind.EMAIL)


async def fill_undo(asked: PageRequest) -> PageContent | Response:
    """Fill the page that explains how an email change is undone."""
    return await _fill(asked, LinkKind.UNDO)


async def post_undo(asked: PageRequest) -> PageContent | Response:
    """Undo the email change."""
    return await _post(asked, LinkKind.UNDO)


async def fill_alert(asked: PageRequest) -> PageContent | Response:
    """Fill the page that explains the report of a sign-in by another person."""
    return await _fill(asked, LinkKind.ALERT)


async def post_alert(asked: PageRequest) -> PageContent | Response:
    """Report that another person signed in."""
    return await _post(asked, LinkKind.ALERT)
