"""What the lines and the tax rows of every kind of document have in common."""

from decimal import Decimal

from sqlalchemy import Numeric
from sqlmodel import Field, SQLModel

from odoportal.foundation.money import Money


class TaxRow(SQLModel):
    """One tax of one document: name, registration number, rate in percent, base and amount.

    Rows, not two columns, because other provinces have HST (product.md, taxes).
    """

    position: int
    name_en: str = Field(max_length=40)
    name_fr: str = Field(max_length=40)
    registration: str = Field(max_length=40)
    rate: Decimal = Field(sa_type=Numeric(7, 4), description="percent")  # pyright: ignore[reportArgumentType]
    base: Decimal = Field(sa_type=Money)
    amount: Decimal = Field(sa_type=Money)


class ItemRow(SQLModel):
    """One line of a document, in both languages. A discount has no quantity; what is billed later has no amount."""

    position: int
    quantity: int | None = None
    description_en: str = Field(max_length=300)
    description_fr: str = Field(max_length=300)
    note_en: str = Field(default="", max_length=300)
    note_fr: str = Field(default="", max_length=300)
    unit_price: Decimal | None = Field(default=None, sa_type=Money)
    amount: Decimal | None = Field(default=None, sa_type=Money)
