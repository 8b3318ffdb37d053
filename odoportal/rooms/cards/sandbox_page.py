"""The sandbox's hosted page, with a button for each scenario. Like a real provider's page, it requires no session of the portal.

It does not exist in production.
"""

import asyncio
import logging
from http import HTTPStatus

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from odoportal.core import i18n
from odoportal.core.i18n import t
from odoportal.forms import handling
from odoportal.rooms.cards.flow import SANDBOX_PAGE, sandbox
from odoportal.rooms.cards.labels import card_name, reason_labels
from odoportal.rooms.cards.routes import HOOK
from odoportal.rooms.cards.sandbox import SLOW_FOR, SandboxSetup, Scenario
from odoportal.settings import get_settings
from odoportal.ui.template import Node, View, el

_PAGE = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
}
_log = logging.getLogger("odoportal.cards")


_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif;--line:#8a949c;--bad:#b00020}
@media (prefers-color-scheme:dark){:root{--bad:#ff9eac}}
body{margin:0 auto;padding:1.5rem 1rem;max-width:30rem}
h1{font-size:1.375rem;line-height:1.3;margin:0 0 .5rem}
p{margin:0 0 1rem}
.mark{border:2px dashed var(--line);border-radius:.5rem;padding:.5rem .75rem}
form{display:grid;gap:.5rem;margin:0 0 1.5rem}
button,a.back{font:inherit;min-height:2.75rem;padding:.5rem .875rem;text-align:start;border:1px solid var(--line);border-radius:.5rem;background:Canvas;color:CanvasText;cursor:pointer}
button small{display:block}
button:focus-visible,a:focus-visible{outline:3px solid #c05a0c;outline-offset:2px}
a.back{display:inline-flex;align-items:center;text-decoration:none}
[role=alert]{color:var(--bad)}
"""  # noqa: E501


def _scenarios() -> list[tuple[Scenario, str, str]]:
    return [
        (Scenario.ACCEPTED, t("Accepted"), card_name("visa", "4242")),
        (Scenario.SOON, t("Accepted, expires this month"), card_name("mastercard", "4444")),
        (Scenario.LATER, t("Accepted, but later payments are declined"), card_name("visa", "0341")),
        (Scenario.SECURE, t("3-D Secure"), t("The bank asks for confirmation first.")),
        (Scenario.DECLINED, t("Declined"), ""),
        (Scenario.EXPIRED, t("Declined, the card has expired"), ""),
        (Scenario.SLOW, t("Accepted, after eight seconds"), t("The provider takes its time.")),
        (Scenario.LOST, t("Accepted, but the return to ODOportal fails"), t("Only the provider’s message arrives.")),
        (Scenario.TWICE, t("Accepted, and the message arrives twice"), ""),
        (Scenario.FIRST, t("Accepted, and the message arrives before you"), ""),
    ]


def _content(setup: SandboxSetup) -> tuple[Node, ...]:
    """Return what a setup is waiting for: the way back, the bank's question, or the choice of a scenario."""
    if setup.reason:
        refused = el("p", reason_labels(setup.reason), role="alert")
        return el("h1", t("The card was not accepted")), refused, _back(t("Back to ODOportal"), setup.done_url)
    if setup.decided and setup.scenario == Scenario.LOST:
        lost = el("p", t("The card has been added, but your browser was not sent back. ODOportal will still be notified."))
        return el("h1", t("The return was interrupted")), lost, _back(t("Back to ODOportal"), setup.back_url)
    if setup.scenario == Scenario.SECURE:
        answers = (("1", t("Yes, it is me")), ("0", t("No, stop")))
        buttons = (el("button", text, name="confirm", value=value) for value, text in answers)
        return el("h1", t("Your bank asks: is it you?")), el("form", *buttons, method="post")
    choices = (
        el("button", title, el("small", about) if about else None, name="scenario", value=scenario.value)
        for scenario, title, about in _scenarios()
    )
    title = el("h1", t("Add a card for {name}", name=setup.name))
    return title, el("p", t("Choose what happens.")), el("form", *choices, method="post"), _back(t("Cancel"), setup.back_url)


def _back(text: str, to: str) -> Node:
    return el("a", text, cls="back", href=to)


def _render(setup: SandboxSetup) -> Response:
    mark = t("This page stands in for the payment provider. No money moves, and no card number is asked for.")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="format-detection", content="telephone=no, date=no, address=no, email=no"),
        el("title", t("Test payments")),
        el("style", _STYLE),
    )
    page = el("html", head, el("body", el("main", el("p", mark, cls="mark"), *_content(setup))), lang=setup.language)
    return HTMLResponse("<!doctype html>" + View(lambda _: page).html(None), headers=_PAGE)


async def show(request: Request) -> Response:
    """Show the page of a setup, or redirect to the portal if its card was accepted."""
    production = get_settings().mode == "production"
    setup = None if production else await asyncio.to_thread(sandbox().setup_of, request.path_params["ref"])
    if setup is None:
        return PlainTextResponse("not found", HTTPStatus.NOT_FOUND)
    with i18n.use(setup.language):
        if setup.decided and not setup.reason and setup.scenario != Scenario.LOST:
            return RedirectResponse(setup.done_url, HTTPStatus.SEE_OTHER, _PAGE)
        return _render(setup)


async def press(request: Request) -> Response:
    """Handle a button: redirect to the portal, or show the bank's question or the failure. Also send the webhook of a decided setup."""
    if get_settings().mode == "production":
        return await show(request)
    ref = request.path_params["ref"]
    fields = await handling.read_form(request)
    if isinstance(fields, Response):
        return fields
    if fields.get("scenario") in set(Scenario):
        await asyncio.to_thread(sandbox().choose, ref, Scenario(fields["scenario"]))
    elif "confirm" in fields:
        await asyncio.to_thread(sandbox().confirm, ref, confirmed=fields["confirm"] == "1")
    setup = await asyncio.to_thread(sandbox().setup_of, ref)
    answer = await show(request)
    if setup is None or not setup.decided:
        return answer
    if setup.scenario == Scenario.FIRST:
        await _send_webhook(ref, 1, 0)
        return answer
    delay = SLOW_FOR.total_seconds() if setup.scenario == Scenario.SLOW else 0
    answer.background = BackgroundTask(_send_webhook, ref, 2 if setup.scenario == Scenario.TWICE else 1, delay)
    return answer


async def _send_webhook(ref: str, times: int, delay: float) -> None:
    """Send the webhook to the portal `times` times, after `delay` seconds, as a provider's server would."""
    await asyncio.sleep(delay)
    address = get_settings().origin + HOOK
    async with httpx.AsyncClient(timeout=10) as client:
        for _ in range(times):
            body, headers = await asyncio.to_thread(sandbox().webhook, ref)
            try:
                await client.post(address, content=body, headers=headers)
            except httpx.HTTPError:
                _log.warning("the sandbox could not reach %s", address)


ROUTES = (
    Route(f"{SANDBOX_PAGE}/{{ref}}", show),
    Route(f"{SANDBOX_PAGE}/{{ref}}", press, methods=["POST"]),
)
