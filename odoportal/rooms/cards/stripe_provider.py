"""Stripe as the payment provider. Only its hosted pages are used, so that card numbers never reach the portal.

Uses these resources of the public API (https://docs.stripe.com/api): customers, checkout sessions in `setup` mode, setup intents, payment
methods, payment intents, refunds, events.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import stripe

from odoportal.rooms.cards.models import SetupState
from odoportal.rooms.cards.provider import (
    NO_CARD,
    BadWebhook,
    CardFacts,
    CardRefused,
    Charge,
    Customer,
    ProviderDown,
    SetupResult,
    StartedSetup,
    Webhook,
)

API = "https://api.stripe.com"
SECONDS = 8
RETRIES = 1
_LOCALES = {"fr": "fr-CA", "en": "en"}
_CARD_KINDS = {"payment_method.automatically_updated", "payment_method.updated", "payment_method.detached"}
_SETUP_KINDS = {"checkout.session.completed", "checkout.session.expired"}


class Stripe:
    """The Stripe provider.

    Args:
        key: the secret key, or a restricted key.
        webhook_secret: the secret that Stripe signs its webhooks with.
        api: the URL of the API; tests use a local server.
    """

    page = "https://checkout.stripe.com"

    def __init__(self, key: str, webhook_secret: str, api: str = API) -> None:
        self.test = key.startswith(("sk_test_", "rk_test_"))
        self.name = "stripe_test" if self.test else "stripe"
        self._webhook_secret = webhook_secret
        client = stripe.RequestsClient(timeout=SECONDS)
        self._client = stripe.StripeClient(key, http_client=client, base_addresses={"api": api}, max_network_retries=RETRIES)

    def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> StartedSetup:
        """See `Provider.start`."""
        with _translated_errors():
            ref = self._existing_customer(customer)
            session = self._client.v1.checkout.sessions.create(
                {
                    "mode": "setup",
                    "customer": ref,
                    "currency": "cad",
                    "payment_method_types": ["card"],
                    "locale": _LOCALES[customer.language],  # pyright: ignore[reportArgumentType]
                    "success_url": done_url,
                    "cancel_url": back_url,
                },
                {"idempotency_key": f"setup-{key}-{ref}"},
            )
        return StartedSetup(ref, session.id, session.url or "")

    def _existing_customer(self, customer: Customer) -> str:
        """Return the id of the account's customer, and bring its name and email up to date. One that is no longer there is made anew.

        A customer is missing if it was deleted in Stripe's dashboard, or if the portal has the keys of another Stripe account now.
        """
        ref = customer.ref or self._new_customer(customer.number)
        # Name and email can change, so they are not sent when creating the customer: Stripe refuses an idempotency key that is reused
        # with other parameters.
        facts: Any = {"name": customer.name, "email": customer.email}
        try:
            with _translated_errors():
                self._client.v1.customers.update(ref, facts)
        except _Missing:
            ref = self._new_customer(customer.number, instead_of=ref)
            self._client.v1.customers.update(ref, facts)
        return ref

    def _new_customer(self, number: str, instead_of: str = "") -> str:
        facts: Any = {"description": f"ODOportal {number}", "metadata": {"account": number}}
        # Stripe answers a key that it knows with the customer it made then, even if that one was deleted since.
        key = f"customer-{number}-{instead_of}" if instead_of else f"customer-{number}"
        return self._client.v1.customers.create(facts, {"idempotency_key": key}).id

    def finish(self, ref: str) -> SetupResult:
        """See `Provider.finish`."""
        try:
            with _translated_errors():
                session = self._client.v1.checkout.sessions.retrieve(ref, {"expand": ["setup_intent.payment_method"]})
        except _Missing:
            return SetupResult(SetupState.GIVEN_UP)
        if session.status == "expired":
            return SetupResult(SetupState.GIVEN_UP)
        intent: Any = session.setup_intent
        if session.status != "complete" or intent is None:
            return SetupResult(SetupState.OPEN)
        if intent.status == "succeeded":
            card = _facts(intent.payment_method)
            return SetupResult(SetupState.DONE, card) if card else SetupResult(SetupState.DECLINED, reason=NO_CARD)
        if intent.status in {"requires_payment_method", "canceled"}:
            return SetupResult(SetupState.DECLINED, reason=_reason(intent.last_setup_error))
        return SetupResult(SetupState.OPEN)

    def charge(self, customer: str, token: str, amount: int, key: str, about: str) -> Charge:
        """See `Provider.charge`. The customer is not present to confirm it (`off_session`)."""
        try:
            with _translated_errors():
                intent = self._client.v1.payment_intents.create(
                    {
                        "amount": amount,
                        "currency": "cad",
                        "customer": customer,
                        "payment_method": token,
                        "off_session": True,
                        "confirm": True,
                        "metadata": {"about": about},
                    },
                    {"idempotency_key": f"charge-{key}"},
                )
        except _Declined as error:
            return Charge("", "declined", amount, reason=str(error))
        return Charge(intent.id, "succeeded" if intent.status == "succeeded" else "pending", intent.amount)

    def refund(self, charge: str, amount: int, key: str) -> Charge:
        """See `Provider.refund`."""
        with _translated_errors():
            self._client.v1.refunds.create({"payment_intent": charge, "amount": amount}, {"idempotency_key": f"refund-{key}"})
            intent = self._client.v1.payment_intents.retrieve(charge)
            refunds = self._client.v1.refunds.list({"payment_intent": charge, "limit": 100})
        refunded = sum(refund.amount for refund in refunds.data if refund.status != "failed")
        return Charge(intent.id, "succeeded", intent.amount, refunded)

    def detach(self, token: str) -> None:
        """See `Provider.detach`."""
        try:
            with _translated_errors():
                self._client.v1.payment_methods.detach(token)
        except CardRefused:
            if self.look_up(token) is not None:
                raise

    def look_up(self, token: str) -> CardFacts | None:
        """See `Provider.look_up`."""
        try:
            with _translated_errors():
                method = self._client.v1.payment_methods.retrieve(token)
        except _Missing:
            return None
        return _facts(method) if method.customer else None

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> Webhook | None:
        """See `Provider.verify_webhook`."""
        try:
            event: Any = self._client.construct_event(body, headers.get("stripe-signature", ""), self._webhook_secret)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise BadWebhook("the signature is wrong, or it is too old") from error
        about = event.data.object
        if event.type in _SETUP_KINDS:
            return Webhook(setup=about.id)
        # Stripe tells of every payment method of its account: debits, Link and bank accounts are none of the portal's business.
        is_card = event.type in _CARD_KINDS and getattr(about, "type", "card") == "card"
        return Webhook(token=about.id) if is_card else None


class _Declined(CardRefused):
    """The bank declined the card."""


class _Missing(CardRefused):
    """Stripe has no such object."""


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except stripe.CardError as error:
        raise _Declined(error.code or "card_declined") from error
    except stripe.InvalidRequestError as error:
        kind = _Missing if error.http_status == HTTPStatus.NOT_FOUND else CardRefused
        raise kind(error.code or "invalid") from error
    except stripe.StripeError as error:
        raise ProviderDown(type(error).__name__) from error


def _reason(error: Any) -> str:
    return (getattr(error, "decline_code", None) or error.code or "") if error else ""


def _facts(method: Any) -> CardFacts | None:
    """Return the facts of a payment method if it is a card."""
    card = getattr(method, "card", None)
    if card is None or method.type != "card":
        return None
    return CardFacts(method.id, card.brand, card.last4, card.exp_month, card.exp_year)
