"""The route for webhooks of the payment provider."""

import logging
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from odoportal.observability import logs
from odoportal.rooms.cards import flow
from odoportal.rooms.cards.provider import BadWebhook, CardRefused, ProviderDown

HOOK = "/hooks/cards"
LARGEST_NOTICE = 256 * 1024


async def hook(request: Request) -> Response:
    """Handle a webhook.

    Returns:
        200 if it was handled, 400 if it is forged or too old, 404 without a provider, 413 if it is larger than `LARGEST_NOTICE` bytes, 503
        if the provider should send it again.
    """
    chosen, body = flow.provider(), bytearray()
    if chosen is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_NOTICE:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        await flow.handle_webhook(bytes(body), request.headers, chosen)
    except BadWebhook as why:
        address = request.client.host if request.client else ""
        logs.log_security_event("input_validation_fail", logging.WARNING, hook=HOOK, why=str(why), address=address)
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except (ProviderDown, CardRefused):
        return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
    return Response(status_code=HTTPStatus.OK)


ROUTES = (Route(HOOK, hook, methods=["POST"]),)
