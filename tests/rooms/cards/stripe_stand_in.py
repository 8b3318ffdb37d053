"""A local Stripe server for tests, based on `localstripe`. Run `python -m tests.rooms.cards.stripe_stand_in PORT`.

It adds what `localstripe` lacks: Checkout sessions in `setup` mode (https://docs.stripe.com/api/checkout/sessions/object), repeated
idempotency keys (https://docs.stripe.com/api/idempotent_requests), and refusing a refund beyond the charge or a card that is not the
customer's. The routes `/_stand_in/…` simulate what a customer does on the hosted page.
"""

import json
import sys
from typing import Any

from aiohttp import web
from localstripe import resources as _resources
from localstripe import server as _server
from localstripe.errors import UserError

# The library is not typed.
resources: Any = _resources
server: Any = _server
SESSIONS: dict[str, dict[str, Any]] = {}
ANSWERED: dict[str, tuple[str, web.Response]] = {}


def refused(status: int, error: dict[str, str]) -> web.Response:
    """Return an error response in Stripe's format."""
    return web.Response(body=json.dumps({"error": error}).encode(), status=status, content_type="application/json")


@web.middleware
async def idempotent(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer a repeated idempotency key with the first response, or refuse it if the parameters differ."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return await handler(request)
    asked = await request.text()
    if key not in ANSWERED:
        answer = await handler(request)
        ANSWERED[key] = (asked, web.Response(body=answer.body, status=answer.status, content_type="application/json"))
    before, kept = ANSWERED[key]
    if before != asked:
        return refused(
            400, {"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same parameters."}
        )
    return web.Response(body=kept.body, status=kept.status, content_type="application/json")


def exported(session: dict[str, Any], expand: list[str]) -> web.Response:
    """Return a session as a response, with the setup intent as an id, or in full if `expand` asks for it."""
    shown = dict(session)
    if "setup_intent.payment_method" in expand and shown["setup_intent"]:
        shown["setup_intent"] = session["intent"]
    shown.pop("intent")
    return web.json_response(shown)


async def create_session(request: web.Request) -> web.Response:
    """POST /v1/checkout/sessions."""
    data = await server.get_post_data(request)
    if data.get("mode") != "setup" or data.get("currency") != "cad":
        raise UserError(400, "Bad request")
    resources.Customer._api_retrieve(data["customer"])
    session_id = "cs_test_" + resources.random_id(58)
    SESSIONS[session_id] = {
        "id": session_id,
        "object": "checkout.session",
        "mode": "setup",
        "status": "open",
        "payment_status": "no_payment_required",
        "customer": data["customer"],
        "success_url": data["success_url"],
        "cancel_url": data["cancel_url"],
        "locale": data["locale"],
        "setup_intent": None,
        "intent": None,
        "url": f"https://checkout.stripe.com/c/pay/{session_id}",
    }
    return exported(SESSIONS[session_id], [])


async def retrieve_session(request: web.Request) -> web.Response:
    """GET /v1/checkout/sessions/{id}."""
    session = SESSIONS.get(request.match_info["id"])
    if session is None:
        raise UserError(404, "Not Found")
    return exported(session, server.unflatten_data(request.query).get("expand", []))


async def enter_card(request: web.Request) -> web.Response:
    """Enter a card as the customer would: `number` is the card's number, `status` the resulting status of the setup intent.

    Without a number, choose another way to pay: a bank account.
    """
    session, data = SESSIONS[request.match_info["id"]], await request.json()
    if data["number"]:
        method = resources.PaymentMethod(type="card", card={"number": data["number"], "exp_month": 4, "exp_year": 2031, "cvc": "123"})
    else:
        method = resources.PaymentMethod(type="sepa_debit", sepa_debit={"iban": "DE89370400440532013000"})
    if data["status"] == "succeeded":
        resources.PaymentMethod._api_attach(method.id, customer=session["customer"])
    error = None if data["status"] == "succeeded" else {"code": "card_declined", "decline_code": "insufficient_funds", "type": "card_error"}
    session["intent"] = {
        "id": "seti_" + resources.random_id(24),
        "object": "setup_intent",
        "status": data["status"],
        "payment_method": method._export() if data["status"] == "succeeded" else None,
        "last_setup_error": error,
    }
    session["setup_intent"], session["status"] = session["intent"]["id"], "complete"
    return web.json_response({})


async def expire(request: web.Request) -> web.Response:
    """Expire a session, as Stripe does after 24 hours."""
    SESSIONS[request.match_info["id"]]["status"] = "expired"
    return web.json_response({})


@web.middleware
async def refusing(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refuse a refund beyond what is left of the charge, and a charge of a card that is not attached to the customer."""
    if request.method == "POST" and request.path == "/v1/refunds":
        data = await server.get_post_data(request)
        intent = resources.PaymentIntent._api_retrieve(data["payment_intent"])
        given = sum(
            refund.amount
            for refund in resources.store.values()
            if isinstance(refund, resources.Refund) and refund.payment_intent == intent.id
        )
        if given + int(data["amount"]) > intent.amount:
            return refused(400, {"type": "invalid_request_error", "code": "charge_already_refunded", "message": "already refunded"})
    if request.method == "POST" and request.path == "/v1/payment_intents":
        data = await server.get_post_data(request)
        if resources.PaymentMethod._api_retrieve(data["payment_method"]).customer != data["customer"]:
            return refused(400, {"type": "invalid_request_error", "code": "payment_method_unexpected_state", "message": "not attached"})
    return await handler(request)


def main(port: int) -> None:
    """Serve until killed."""
    # Do not write the store to disk: all processes of the machine would share that file.
    resources.Store.dump_to_disk = lambda _self: None
    server.app.middlewares.insert(0, refusing)
    server.app.middlewares.insert(0, idempotent)
    server.app.router.add_post("/v1/checkout/sessions", create_session)
    server.app.router.add_get("/v1/checkout/sessions/{id}", retrieve_session)
    server.app.router.add_post("/_stand_in/{id}/card", enter_card)
    server.app.router.add_post("/_stand_in/{id}/expire", expire)
    web.run_app(server.app, host="127.0.0.1", port=port, print=lambda _line: None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
