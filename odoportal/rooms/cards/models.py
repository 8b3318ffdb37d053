"""Tables of an account's cards. Of a card, only the provider's token, brand, last four digits and expiry are stored."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_KEPT_DEFAULT = text("is_default AND removed_at IS NULL")


class SetupState(StrEnum):
    """The status of a card setup. `OPEN`: the provider has not reported a result yet."""

    OPEN = "open"
    DONE = "done"
    DECLINED = "declined"
    GIVEN_UP = "given_up"


class PaymentCustomer(SQLModel, table=True):
    """The payment provider's customer id of an account: `token`, which never leaves the server."""

    __tablename__ = "payment_customer"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    provider: str = Field(max_length=20, primary_key=True)
    token: str = Field(max_length=255)


class Card(SQLModel, table=True):
    """A card on file. `token` is its id at the provider and never leaves the server. A removed card's row is kept for its payments.

    `detached_at` is when the provider had forgotten a removed card; `known_at` is when the provider was asked for the stored values.
    """

    __table_args__ = (
        UniqueConstraint("provider", "token"),
        CheckConstraint("length(last4) = 4", name="four_digits"),
        CheckConstraint("exp_month BETWEEN 1 AND 12", name="month_of_the_year"),
        Index("one_default_card", "account_id", "provider", unique=True, sqlite_where=_KEPT_DEFAULT, postgresql_where=_KEPT_DEFAULT),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    provider: str = Field(max_length=20)
    token: str = Field(max_length=255)
    brand: str = Field(max_length=20)
    last4: str = Field(max_length=4)
    exp_month: int
    exp_year: int
    is_default: bool = False
    added_by: int | None = Field(default=None, foreign_key="person.id")
    added_at: datetime
    known_at: datetime
    removed_at: datetime | None = None
    detached_at: datetime | None = None


class CardSetup(SQLModel, table=True):
    """A card setup: a person was sent to the provider's page to add a card. Holds the setup's status and result.

    `key` is in the return URL and is the idempotency key of requests to the provider; `once` is the form's one-time key, so that
    submitting the form again leads to the same page; `token` is the provider's id of the setup, None until it has answered. `address` is
    the client's network address.
    """

    __tablename__ = "card_setup"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("person_id", "once"), UniqueConstraint("provider", "token"))

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    person_id: int = Field(foreign_key="person.id")
    key: str = Field(max_length=32, unique=True)
    once: str = Field(max_length=32)
    provider: str = Field(max_length=20)
    token: str | None = Field(default=None, max_length=255)
    state: str = Field(default=SetupState.OPEN, max_length=10)
    reason: str = Field(default="", max_length=40)
    address: str = Field(default="", max_length=45)
    created_at: datetime = Field(index=True)
    asked_at: datetime | None = None
    card_id: int | None = Field(default=None, foreign_key="card.id")
