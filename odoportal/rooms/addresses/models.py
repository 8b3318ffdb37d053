"""Tables of an account's delivery and billing addresses."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel


class AddressPurpose(StrEnum):
    """The purpose of an address."""

    DELIVERY = "delivery"
    BILLING = "billing"


class Address(SQLModel, table=True):
    """A postal address. One that a document uses is never rewritten: it is archived and a new row replaces it."""

    __table_args__ = (UniqueConstraint("account_id", "id"), UniqueConstraint("account_id", "code"))

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    code: str = Field(max_length=40, description="Odotrack's own name for it, or one that begins with `~`; unique in the account")
    name: str = Field(max_length=200)
    line1: str = Field(max_length=200)
    line2: str = Field(default="", max_length=200)
    district: str = Field(default="", max_length=100)
    city: str = Field(max_length=100)
    province: str = Field(default="", max_length=40, description="code, such as QC")
    postal_code: str = Field(default="", max_length=20)
    country: str = Field(default="CA", max_length=2, description="ISO 3166 code")
    archived_at: datetime | None = None
    file: str = Field(default="", description="what Odotrack's file last said, as JSON, where the portal changed it since; else empty")


class AddressDefault(SQLModel, table=True):
    """The address that an account uses for a purpose unless another is chosen."""

    __tablename__ = "address_default"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (ForeignKeyConstraint(["account_id", "address_id"], ["address.account_id", "address.id"]),)

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    purpose: str = Field(max_length=20, primary_key=True)
    address_id: int
