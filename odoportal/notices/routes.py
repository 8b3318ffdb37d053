"""The page that the link of a notice leads to, for people and, by one click, for their mail programs (RFC 8058).

It needs no session, takes no cookie, and is the one page that takes a form from anywhere: the signed token is the whole right.
"""

from http import HTTPStatus

from limits import RateLimitItemPerHour
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from odoportal.foundation import clock, headers, logs, throttle
from odoportal.foundation.database import read, write
from odoportal.foundation.i18n import current, t
from odoportal.foundation.identity import digest
from odoportal.foundation.mail import ONE_CLICK, UNSUBSCRIBE
from odoportal.foundation.web import Asked, Filled
from odoportal.notices import stopping
from odoportal.notices.stopping import Stopped
from odoportal.notices.words import kind_words
from odoportal.signin import forms, view
from odoportal.signin.routes import again

LARGEST_BODY = 4096
BACK_ON = RateLimitItemPerHour(10, 1, "notice-on")
"""How often one link may switch its notices on again: each time is a row of the account's changes."""
_AGAIN = "again"


async def _form(request: Request) -> FormData | None:
    """A small form, in either of the two encodings that RFC 8058 allows; None where it is none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None

    async def whole() -> dict[str, object]:
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    try:
        return await Request(request.scope, whole).form(max_files=0, max_fields=5)  # type: ignore[arg-type]
    except (HTTPException, MultiPartException):
        return None


async def fill_unsubscribe(asked: Asked) -> Filled | Response:
    """What the link switches off. Opening it does nothing: mail scanners open it, too."""
    found = await read(stopping.look, asked.query.get("token", ""))
    return _page(found, asked.query.get("token", "")) if found else _dead()


async def post_unsubscribe(asked: Asked) -> Filled | Response:
    """Switch it off; or on again, which only a form of this page may. There is no redirect, which mail programs do not follow."""
    form, token, client = await _form(asked.request), asked.query.get("token", ""), forms.client(asked.request)
    off = form is not None and form.get(ONE_CLICK[0]) == ONE_CLICK[1]
    if form is None or not (off or form.get(_AGAIN) == "1"):
        return PlainTextResponse(t("This request cannot be read. Go back and try again."), HTTPStatus.BAD_REQUEST)
    if not off and headers.foreign(asked.request):
        return PlainTextResponse("cross-site request refused", HTTPStatus.FORBIDDEN)
    if not off and not await throttle.hit(BACK_ON, digest(token), alone=True):
        return PlainTextResponse(t("That was too many at once. Wait a minute, then try again."), HTTPStatus.TOO_MANY_REQUESTS)
    found = await write(stopping.put, token, not off, client, clock.now())
    if found is None:
        logs.security("input_validation_fail", form="unsubscribe", address=client)
        return _dead()
    return _page(found, token, notice=t("Done."))


def _page(found: Stopped, token: str, notice: str = "") -> Filled:
    about = {"kind": kind_words()[found.kind], "account": found.account.name, "number": found.account.number}
    if found.on:
        said = t("You get “{kind}” by mail for the account {account} ({number}).", **about)
        button, fields = t("Stop these mails"), {ONE_CLICK[0]: ONE_CLICK[1]}
    else:
        said = t("You no longer get “{kind}” by mail for the account {account} ({number}).", **about)
        button, fields = t("Get them again"), {_AGAIN: "1"}
    other = t("What protects your access is always sent. Everything else you choose in your profile, under Notices.")
    slots = view.slots(
        "mailed",
        title=t("Stop these mails"),
        notice=notice,
        paragraphs=[said, other],
        button=button,
        quiet=not found.on,
        fields=fields,
        action=f"/{current()}{UNSUBSCRIBE}?token={token}",
    )
    return again(slots, HTTPStatus.OK)


def _dead() -> Filled:
    said = t("Sign in and choose in your profile, under Notices, which mails you get.")
    return again(view.slots("dead", first=False, joining=False, mailed=said), HTTPStatus.GONE)
