"""The payment provider, as the portal sees it: one small interface, whichever company is behind it.

The provider's own pages take the number of a card; what comes here is a token, brand, last four digits and expiry (PCI DSS, SAQ A: pages
fully outsourced by a redirect). All of it is called from threads of its own, never within a transaction: a provider may take seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from odoportal.rooms.cards.models import SetupState


class ProviderDown(Exception):
    """The provider did not answer, or answered with a fault of its own: what was asked may have happened or not."""


class Refused(Exception):
    """The provider understood and said no; the argument is its reason, in one of its own words."""


class BadWebhook(Exception):
    """A webhook that the provider did not send, or that is too old to be believed."""


@dataclass(frozen=True)
class Customer:
    """Who the card belongs to, as the provider is told. `ref` is empty the first time; an account of that number is one customer."""

    ref: str
    number: str
    name: str
    email: str
    language: str


@dataclass(frozen=True)
class Started:
    """Where the browser goes to enter a card: the provider's name for the customer and for this setup, and the address."""

    customer: str
    ref: str
    url: str


@dataclass(frozen=True)
class CardFacts:
    """All that is known of a card. `brand` is the provider's word, such as visa; `exp_year` has four digits."""

    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True)
class Ended:
    """What became of a setup; `card` is there only when it is done, `reason` when it was declined."""

    state: SetupState
    card: CardFacts | None = None
    reason: str = ""


@dataclass(frozen=True)
class Charge:
    """Money taken from a card, in cents; `reason` says why it was declined."""

    ref: str
    state: Literal["succeeded", "declined", "pending"]
    amount: int
    refunded: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Webhook:
    """What a webhook is about: the setup or the card's token that should be looked at now.

    Nothing else of a webhook is believed: how a thing stands, the provider is asked. So one that comes twice, late or out of order does
    nothing that another one has not done.
    """

    setup: str = ""
    token: str = ""


class Provider(Protocol):
    """What the portal asks of a payment provider. Everything but `hear` may raise `ProviderDown`."""

    name: str
    """What its cards are kept under: cards of one are none of another, nor test cards live ones."""
    test: bool
    """Whether no money moves: said on the screen."""
    page: str
    """The origin of its page, empty for the portal's own."""

    def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> Started:
        """Begin to add a card.

        Args:
            customer: whose card it will be.
            key: makes a repeated call the same setup.
            done_url: where the browser comes back to with a card.
            back_url: where it comes back to without one.
        """
        ...

    def finish(self, ref: str) -> Ended:
        """What became of a setup. Asking again gives the same answer; one that the provider does not know is given up."""
        ...

    def charge(self, customer: str, token: str, amount: int, key: str, about: str) -> Charge:
        """Take an amount in cents of Canadian dollars; a repeated key takes nothing again. A declined card is an answer, no exception.

        Raises:
            Refused: when the customer has no such card.
        """
        ...

    def refund(self, charge: str, amount: int, key: str) -> Charge:
        """Give an amount in cents back; a repeated key gives nothing again.

        Raises:
            Refused: when more would be given back than was taken.
        """
        ...

    def detach(self, token: str) -> None:
        """Forget a card; one that is forgotten already is no error."""
        ...

    def look_up(self, token: str) -> CardFacts | None:
        """A card as the provider has it now; None when it is forgotten, or was never known."""
        ...

    def hear(self, body: bytes, headers: Mapping[str, str]) -> Webhook | None:
        """Verify a webhook; None for one that is none of our business.

        Raises:
            BadNotice: when its signature is wrong or older than five minutes.
        """
        ...
