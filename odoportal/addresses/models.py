"""Addresses of an account, for delivery and for billing."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Address(SQLModel, table=True):
    """A postal address. One that a document uses is never rewritten: it is archived and a new one takes its place."""

    __table_args__ = (UniqueConstraint("account_id", "id"), UniqueConstraint("account_id", "code"))

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    code: str = Field(max_length=40, description="Odotrack's own name for it, unique in the account")
    name: str = Field(max_length=200)
    line1: str = Field(max_length=200)
    line2: str = Field(default="", max_length=200)
    city: str = Field(max_length=100)
    province: str = Field(default="", max_length=40, description="code, such as QC")
    postal_code: str = Field(default="", max_length=20)
    country: str = Field(default="CA", max_length=2, description="ISO 3166 code")
    archived_at: datetime | None = None
