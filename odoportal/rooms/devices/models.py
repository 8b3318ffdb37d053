"""The table of trackers."""

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class Device(SQLModel, table=True):
    """A tracker of an account, with its serial, the vehicle it is in and the order it came with."""

    __table_args__ = (
        UniqueConstraint("account_id", "id"),
        ForeignKeyConstraint(["account_id", "order_id"], ["orders.account_id", "orders.id"]),
        Index("ix_device_order", "account_id", "order_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    serial: str = Field(max_length=60, unique=True)
    model: str = Field(max_length=60)
    vehicle: str = Field(default="", max_length=100)
    order_id: int | None = None
