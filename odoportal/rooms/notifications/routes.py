"""The pages behind the links in this room's mails: confirming copies, and unsubscribing, also by one click (RFC 8058).

The unsubscribe page needs no session, reads no cookie, and is the only page that accepts forms from any site: the signed token alone
gives the right.
"""

from http import HTTPStatus

from limits import RateLimitItemPerHour
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.core.i18n import current_language, t
from odoportal.core.identity import token_hash
from odoportal.forms.handling import too_many_message
from odoportal.forms.view import FormView
from odoportal.limits import rate_limits
from odoportal.mail.outbox import ONE_CLICK, UNSUBSCRIBE
from odoportal.observability import logs
from odoportal.rooms.notifications import copies, unsubscribe
from odoportal.rooms.notifications.labels import kind_labels
from odoportal.rooms.notifications.unsubscribe import Subscription
from odoportal.rooms.signin import cookies, public_pages
from odoportal.rooms.signin.link_pages import PostedLink, move_token_to_cookie, read_posted_link, resolve_link, used_link
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.routes import form_page, redirect
from odoportal.ui.page import page_url
from odoportal.ui.public_form import PublicForm
from odoportal.ui.template import el
from odoportal.web import headers
from odoportal.web.links import page_link, token_of_link
from odoportal.web.page import PageContent, PageRequest

LARGEST_BODY = 4096
BACK_ON = RateLimitItemPerHour(10, 1, "notice-on")
"""How often one link can switch its notifications on again: each time adds a row to the account's activity."""
_RESUME = "again"


async def _form(request: Request) -> FormData | None:
    """Return a small form, in either of the two encodings that RFC 8058 allows; None if it is too large or malformed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    try:
        return await Request(request.scope, receive).form(max_files=0, max_fields=5)  # type: ignore[arg-type]
    except (HTTPException, MultiPartException):
        return None


async def fill_copy(page_request: PageRequest) -> PageContent | Response:
    """Fill the page that explains the copies and asks to confirm. Opening it confirms nothing: mail scanners open links, too."""
    if (answer := move_token_to_cookie(page_request, LinkKind.COPY)) is None and "done" in page_request.query:
        done = t("This address will now receive a copy of each new invoice. Each email has a link to stop them.")
        form = PublicForm("copy", (), "", title=t("Copies of invoices"), text=(done,))
        return form_page(public_pages.slots(form, FormView(notice=t("Done."))), HTTPStatus.OK)
    found = answer or await resolve_link(page_request, LinkKind.COPY, copies.find_unconfirmed)
    if not isinstance(found, tuple):
        return found
    copy, account = found
    said = t(
        "{email} will receive a copy of each new invoice of {account} ({number}).",
        email=copy.email,
        account=account.name,
        number=account.number,
    )
    form = PublicForm("copy", (), t("Receive copies"), title=t("Copies of invoices"), text=(said,), action=page_url("/copy"))
    return form_page(public_pages.slots(form), HTTPStatus.OK)


async def post_copy(page_request: PageRequest) -> PageContent | Response:
    """Confirm the address, so that it gets copies."""
    posted = await read_posted_link(page_request, LinkKind.COPY, copies.find_unconfirmed)
    if not isinstance(posted, PostedLink):
        return posted
    if not await write(copies.confirm, posted.token, posted.client, clock.now()):
        return used_link(LinkKind.COPY, posted.client)
    answer = redirect(f"/{page_request.language}/copy?done=1")
    cookies.delete_link(answer, LinkKind.COPY)
    return answer


async def fill_unsubscribe(page_request: PageRequest) -> PageContent | Response:
    """Fill the page that says what the link switches off. Opening it changes nothing: mail scanners open links, too."""
    token = token_of_link(page_request.query.get("token", ""))
    found = await read(unsubscribe.read_link, token)
    return _subscription_page(found, token) if found else _dead_link_page()


async def post_unsubscribe(page_request: PageRequest) -> PageContent | Response:
    """Switch the notification or copies off, or on again, which only a form of this page can do.

    The answer is never a redirect, because mail programs do not follow one.
    """
    form, client = await _form(page_request.request), cookies.client(page_request.request)
    token = token_of_link(page_request.query.get("token", ""))
    off = form is not None and form.get(ONE_CLICK[0]) == ONE_CLICK[1]
    if form is None or not (off or form.get(_RESUME) == "1"):
        return PlainTextResponse(t("We could not read this request. Go back and try again."), HTTPStatus.BAD_REQUEST)
    if not off and headers.is_cross_site(page_request.request):
        return PlainTextResponse("cross-site request refused", HTTPStatus.FORBIDDEN)
    # Count and write nothing for a token that the portal did not sign: anyone can make up any number of them.
    found = await read(unsubscribe.read_link, token)
    if found is not None and not off and not await rate_limits.hit(BACK_ON, token_hash(token), alone=True):
        return PlainTextResponse(too_many_message(), HTTPStatus.TOO_MANY_REQUESTS)
    found = await write(unsubscribe.unsubscribe, token, not off, client, clock.now()) if found is not None else None
    if found is None:
        logs.log_security_event("input_validation_fail", form="unsubscribe", address=client)
        return _dead_link_page()
    return _subscription_page(found, token, notice=t("Done."))


def _subscription_page(found: Subscription, token: str, notice: str = "") -> PageContent:
    about = {"kind": kind_labels()[found.kind], "account": found.account.name, "number": found.account.number}
    if found.on:
        said = t("You receive “{kind}” by email for the account {account} ({number}).", **about)
        button, variant, (name, value) = t("Stop these emails"), "button-primary", ONE_CLICK
    else:
        said = t("You will no longer receive “{kind}” by email for the account {account} ({number}).", **about)
        button, variant, (name, value) = t("Turn them back on"), "button-second", (_RESUME, "1")
    other = t("Emails that protect your access are always sent. Choose all others in your profile, under Notices.")
    form = PublicForm(
        "unsubscribe",
        (lambda _: el("input", type="hidden", name=name, value=value),),
        button,
        variant=f"{variant} button-block button-caps",
        title=t("Stop these emails"),
        text=(said, other),
        action=page_link(current_language(), UNSUBSCRIBE, token=token),
    )
    return form_page(public_pages.slots(form, FormView(notice=notice)), HTTPStatus.OK)


def _dead_link_page() -> PageContent:
    return form_page(public_pages.invalid_unsubscribe_link(), HTTPStatus.GONE)
