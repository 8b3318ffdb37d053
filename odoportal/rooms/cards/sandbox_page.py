"""The sandbox's hosted page, with a button for each scenario. Like a real provider's page, it requires no session of the portal.

It does not exist in production.
"""

import asyncio
import logging
from functools import lru_cache
from http import HTTPStatus

import httpx
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
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

_PAGE = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
}
_log = logging.getLogger("odoportal.cards")


@lru_cache
def _templates() -> Environment:
    made = Environment(loader=PackageLoader("odoportal.rooms.cards"), autoescape=select_autoescape(["html"]), undefined=StrictUndefined)
    made.globals["t"] = t
    return made


def _scenarios() -> list[tuple[Scenario, str, str]]:
    return [
        (Scenario.ACCEPTED, t("Accepted"), card_name("visa", "4242")),
        (Scenario.SOON, t("Accepted, expires this month"), card_name("mastercard", "4444")),
        (Scenario.LATER, t("Accepted, and later payments are declined"), card_name("visa", "0341")),
        (Scenario.SECURE, t("3-D Secure"), t("The bank asks first.")),
        (Scenario.DECLINED, t("Declined"), ""),
        (Scenario.EXPIRED, t("Refused, the card is over"), ""),
        (Scenario.SLOW, t("Accepted, after eight seconds"), t("The provider takes its time.")),
        (Scenario.LOST, t("Accepted, and the way back is cut"), t("Only the provider’s message arrives.")),
        (Scenario.TWICE, t("Accepted, and the message comes twice"), ""),
        (Scenario.FIRST, t("Accepted, and the message comes before you"), ""),
    ]


def _render(setup: SandboxSetup) -> Response:
    context = {
        "language": setup.language,
        "name": setup.name,
        "back": setup.back_url,
        "done": setup.done_url,
        "refused": reason_labels(setup.reason) if setup.reason else "",
        "lost": setup.decided and setup.scenario == Scenario.LOST,
        "asking": setup.scenario == Scenario.SECURE,
        "scenarios": _scenarios(),
    }
    return HTMLResponse(_templates().get_template("sandbox.html").render(context), headers=_PAGE)


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
