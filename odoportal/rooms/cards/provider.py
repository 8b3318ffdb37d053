"""The interface of a payment provider, independent of the company behind it.

Card numbers are entered on the provider's own pages; the portal receives a token, brand, last four digits and expiry (PCI DSS, SAQ A: pages
fully outsourced by a redirect). All methods are called from a separate thread pool and never within a transaction: a call may take seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from odoportal.rooms.cards.models import SetupState

NO_CARD = "no_card"
"""The reason of a setup that ended with another way to pay than a card."""


class ProviderDown(Exception):
    """The provider did not answer, or failed: the requested action may or may not have happened."""


class CardRefused(Exception):
    """The provider refused the request; the argument is the provider's reason code."""


class BadWebhook(Exception):
    """A webhook that the provider did not send, or that is too old."""


@dataclass(frozen=True)
class Customer:
    """The account that a card belongs to, as sent to the provider. `ref` is the provider's customer id, empty the first time.

    Each account `number` is one customer. A customer that the provider no longer has is made anew, with another id.
    """

    ref: str
    number: str
    name: str
    email: str
    language: str


@dataclass(frozen=True)
class StartedSetup:
    """A setup that the provider has begun: its ids of the customer and of the setup, and the URL where the card is entered."""

    customer: str
    ref: str
    url: str


@dataclass(frozen=True)
class CardFacts:
    """All that the portal learns about a card. `brand` is the provider's code, such as visa; `exp_year` has four digits."""

    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True)
class SetupResult:
    """The result of a setup. `card` is set only if it is done, `reason` only if it was declined."""

    state: SetupState
    card: CardFacts | None = None
    reason: str = ""


@dataclass(frozen=True)
class Charge:
    """A charge to a card. Amounts are in cents; `reason` is the provider's reason code if it was declined."""

    ref: str
    state: Literal["succeeded", "declined", "pending"]
    amount: int
    refunded: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Webhook:
    """The subject of a webhook: the id of the setup, or the token of the card, that should be looked up now.

    Nothing else in a webhook is trusted: the current state is requested from the provider. So a webhook that is repeated, late or out of
    order does no harm.
    """

    setup: str = ""
    token: str = ""


class Provider(Protocol):
    """A payment provider. All methods except `verify_webhook` may raise `ProviderDown`."""

    name: str
    """The name its cards are stored under. Providers never share cards, nor do a provider's test mode and live mode."""
    test: bool
    """Whether this is test mode, in which no money moves. The page says so."""
    page: str
    """The origin of its hosted page; empty for the portal's own origin."""

    def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> StartedSetup:
        """Begin to add a card.

        Args:
            customer: the account that the card will belong to.
            key: an idempotency key: a repeated call returns the same setup.
            done_url: where the browser returns to with a card.
            back_url: where the browser returns to without one.
        """
        ...

    def finish(self, ref: str) -> SetupResult:
        """Return the result of a setup. Repeated calls are safe; a setup unknown to the provider counts as given up."""
        ...

    def charge(self, customer: str, token: str, amount: int, key: str, about: str) -> Charge:
        """Charge a card.

        Args:
            customer: the provider's id of the customer.
            token: the card's token.
            amount: in cents, Canadian dollars.
            key: an idempotency key: a repeated call does not charge again.
            about: what the charge is for.

        Returns:
            The charge. A declined card is a state of the charge, not an exception.

        Raises:
            CardRefused: the customer has no such card.
        """
        ...

    def refund(self, charge: str, amount: int, key: str) -> Charge:
        """Refund an amount in cents of a charge; a call with the same idempotency key does not refund again.

        Raises:
            CardRefused: the refunds would exceed the charge.
        """
        ...

    def detach(self, token: str) -> None:
        """Forget a card. Forgetting it again is not an error."""
        ...

    def look_up(self, token: str) -> CardFacts | None:
        """Return the provider's current facts about a card; None if it was forgotten, never known, or is no card."""
        ...

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> Webhook | None:
        """Verify a webhook and return its subject; None if it is of no concern to the portal.

        Raises:
            BadWebhook: its signature is wrong or older than five minutes.
        """
        ...
