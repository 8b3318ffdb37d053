"""Tables of trackers: the devices of an account, their dated assignments, and pasted lists of vehicles."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from odoportal.documents.models import search_indexes

NEVER = date(9999, 12, 31)
"""Stands for a day that is not known or will not come, so that the columns that lists sort by are never NULL."""


class DeviceState(StrEnum):
    """The states of a device. `SILENT` follows from the last signal and is never stored."""

    PREPARING = "preparing"
    SHIPPING = "shipping"
    ACTIVE = "active"
    SILENT = "silent"
    SUSPENDED = "suspended"
    LOST = "lost"
    BROKEN = "broken"
    REPLACED = "replaced"
    RETURNED = "returned"


def _sort_index(name: str, *columns: str) -> Index:
    return Index(f"ix_device_{name}", "account_id", *columns, "id")


class Device(SQLModel, table=True):
    """A tracker while an account holds it. Another account that gets the tracker has a row of its own, so that no past is shared.

    The columns from `state` on are derived from the file, the device's assignments and their orders (see `derived`).
    """

    __table_args__ = (
        UniqueConstraint("account_id", "id"),
        UniqueConstraint("account_id", "serial"),
        # At most one account holds a tracker without a last day.
        Index(
            "ix_device_holder",
            "serial",
            unique=True,
            sqlite_where=text("held_until = '9999-12-31'"),
            postgresql_where=text("held_until = '9999-12-31'"),
        ),
        # Serials and orders rise with the years, as the end dates do: with the date, rows far from a filtered one are passed over quickly.
        Index("ix_device_serial", "account_id", "serial", "id", "end_on", "state_order", "held_until"),
        Index("ix_device_agreement", "account_id", "order_number", "id", "end_on"),
        _sort_index("model", "model"),
        _sort_index("vehicle", "vehicle_order"),
        # These include what the state depends on, so that the devices of a state are counted from an index alone.
        Index("ix_device_end", "account_id", "end_on", "id", "state_order", "held_until"),
        Index(
            "ix_device_left",
            "account_id",
            "held_until",
            "state_order",
            "end_on",
            sqlite_where=text("held_until < '9999-12-31'"),
            postgresql_where=text("held_until < '9999-12-31'"),
        ),
        Index("ix_device_state", "account_id", "state_order", "signal_order", "id", "held_until", "end_on"),
        _sort_index("signal", "signal_order"),
        *search_indexes("device", "state_order", "held_until", "end_on", "signal_order"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    serial: str = Field(max_length=60)
    model: str = Field(max_length=60)
    file_state: str = Field(default="", max_length=20, description="the state in Odotrack's file; empty where the file has none")
    last_signal_at: datetime | None = None
    state: str = Field(default=DeviceState.ACTIVE, max_length=20, description="as of the last import; the day may make it another")
    state_order: int = Field(default=0, description="the position of the state in `DeviceState`")
    vehicle_order: str = Field(default="", max_length=100, description="the present vehicle, folded")
    order_number: int = Field(default=0, sa_type=BigInteger, description="the number of the present order as a number; 0 without one")
    end_on: date = Field(default=NEVER, description="the last day of the agreement, or of the assignment if it ends before")
    held_until: date = Field(default=NEVER, description="the last day that the account holds the device")
    signal_order: str = Field(default="", max_length=40, description="the last signal in ISO 8601 (UTC), empty without one")
    search: str = Field(default="", description="folded text of every shown column")


class DeviceAssignment(SQLModel, table=True):
    """The order line and the vehicle of a device from `since` to `until`, both days included. The newest one is the present one."""

    __tablename__ = "device_assignment"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("device_id", "since"),
        ForeignKeyConstraint(["account_id", "device_id"], ["device.account_id", "device.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["account_id", "order_id"], ["orders.account_id", "orders.id"]),
        Index("ix_device_assignment_order", "account_id", "order_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    device_id: int
    order_id: int | None = None
    order_line: int | None = Field(default=None, description="the position of the line in the order, from 1; None where no file says it")
    vehicle: str = Field(default="", max_length=100)
    file_vehicle: str | None = Field(default=None, max_length=100, description="what Odotrack's file last said; None if it never did")
    since: date
    until: date | None = None


class VehicleList(SQLModel, table=True):
    """A pasted list of serials and vehicles, from its check to a day after it was applied."""

    __tablename__ = "vehicle_list"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    person_id: int = Field(foreign_key="person.id")
    key: str = Field(max_length=32, unique=True)
    content: str
    created_at: datetime = Field(index=True)
    applied_at: datetime | None = None
    undone_at: datetime | None = None
