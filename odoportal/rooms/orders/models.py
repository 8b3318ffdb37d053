"""Tables of orders with their terms, lines, taxes and fulfilment steps."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from odoportal.core.money import Money
from odoportal.documents.models import ItemRow, TaxRow, search_indexes


class Step(StrEnum):
    """The steps of fulfilment, in order."""

    RECEIVED = "received"
    PREPARED = "prepared"
    SHIPPED = "shipped"
    ACTIVATED = "activated"


def _of_order(*more: UniqueConstraint) -> tuple[object, ...]:
    """Return a composite key to the order, so that a row of one account cannot refer to another account's order."""
    return (ForeignKeyConstraint(["account_id", "order_id"], ["orders.account_id", "orders.id"], ondelete="CASCADE"), *more)


class Order(SQLModel, table=True):
    """An order. Its term runs from `start_on` to `end_on`, both days included."""

    __tablename__ = "orders"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("account_id", "id"),
        ForeignKeyConstraint(["account_id", "ship_to_id"], ["address.account_id", "address.id"]),
        ForeignKeyConstraint(["account_id", "bill_to_id"], ["address.account_id", "address.id"]),
        Index("ix_orders_number", "account_id", "number_order", "id", "start_on", "end_on"),
        Index("ix_orders_placed", "account_id", "placed_at", "id"),
        Index("ix_orders_start", "account_id", "start_on", "id", "end_on"),
        # Includes the start, so that the orders that end soon can be counted from the index alone.
        Index("ix_orders_end", "account_id", "end_on", "id", "start_on"),
        Index("ix_orders_line_en", "account_id", "first_line_en", "id"),
        Index("ix_orders_line_fr", "account_id", "first_line_fr", "id"),
        *search_indexes("orders", "start_on", "end_on"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    number: str = Field(max_length=20, unique=True)
    number_order: int = Field(sa_type=BigInteger, description="the number as a number, so that 999 sorts before 1000")
    placed_at: datetime
    start_on: date
    end_on: date
    ship_to_id: int | None = None
    bill_to_id: int | None = None
    subtotal: Decimal = Field(sa_type=Money, description="of what was billed with the order")
    total: Decimal = Field(sa_type=Money)
    first_line_en: str = Field(default="", max_length=300, description="folded; the Agreement column sorts by it")
    first_line_fr: str = Field(default="", max_length=300)
    search: str = Field(default="", description="folded text of every shown column and line, both languages")


class OrderLine(ItemRow, table=True):
    """A line of an order. `monthly` marks a line that is billed each month and therefore is not part of the total."""

    __tablename__ = "order_line"  # pyright: ignore[reportAssignmentType]
    __table_args__ = _of_order(UniqueConstraint("order_id", "position"))

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    order_id: int
    plan: bool = Field(default=False, description="a subscription, counted as plans on the home page")
    monthly: bool = False


class OrderTax(TaxRow, table=True):
    """A tax of an order."""

    __tablename__ = "order_tax"  # pyright: ignore[reportAssignmentType]
    __table_args__ = _of_order(UniqueConstraint("order_id", "position"))

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    order_id: int


class Fulfilment(SQLModel, table=True):
    """A step of an order's fulfilment: done at an instant or expected on a day, with a note in both languages."""

    __table_args__ = _of_order(UniqueConstraint("order_id", "step"))

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    order_id: int
    step: str = Field(max_length=20)
    done_at: datetime | None = None
    expected_on: date | None = None
    carrier: str = Field(default="", max_length=60)
    tracking: str = Field(default="", max_length=60)
    tracking_url: str = Field(default="", max_length=300)
    note_en: str = Field(default="", max_length=300)
    note_fr: str = Field(default="", max_length=300)
