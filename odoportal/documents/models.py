"""Table columns shared by all kinds of document: lines, tax rows, and the indexes of search texts."""

from decimal import Decimal

from sqlalchemy import Index, Numeric
from sqlmodel import Field, SQLModel

from odoportal.core.money import Money


def search_indexes(table: str, *filtered: str) -> tuple[Index, Index]:
    """Return the indexes for searching a table's column `search` (see `lists.search`).

    In SQLite the index is covering: it holds an account's texts next to each other, apart from the wide rows, so that a scan of them is
    fast; the trigrams are in a separate table (`migrations.trigrams`). In PostgreSQL one GIN index has the account and the trigrams.

    Args:
        table: the name of the table.
        filtered: the columns that the list's filters and the meanings of search words read, so that the index covers them as well.
    """
    return (
        Index(f"ix_{table}_texts", "account_id", "id", "search", *filtered).ddl_if(dialect="sqlite"),
        Index(f"ix_{table}_grams", "account_id", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}).ddl_if(
            dialect="postgresql"
        ),
    )


class TaxRow(SQLModel):
    """One tax of one document: name, registration number, rate in percent, base and amount.

    Taxes are rows instead of two columns because other provinces have HST (product.md, taxes).
    """

    position: int
    name_en: str = Field(max_length=40)
    name_fr: str = Field(max_length=40)
    registration: str = Field(max_length=40)
    rate: Decimal = Field(sa_type=Numeric(7, 4), description="percent")  # pyright: ignore[reportArgumentType]
    base: Decimal = Field(sa_type=Money)
    amount: Decimal = Field(sa_type=Money)


class ItemRow(SQLModel):
    """One line of a document, in both languages. A discount has no quantity; an item that is billed later has no amount."""

    position: int
    quantity: int | None = None
    description_en: str = Field(max_length=300)
    description_fr: str = Field(max_length=300)
    note_en: str = Field(default="", max_length=300)
    note_fr: str = Field(default="", max_length=300)
    unit_price: Decimal | None = Field(default=None, sa_type=Money)
    amount: Decimal | None = Field(default=None, sa_type=Money)
