"""Tables of invoices, payments, allocations and credit notes."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from odoportal.core.money import ZERO, Money
from odoportal.documents.models import ItemRow, TaxRow, search_indexes


class PaymentStatus(StrEnum):
    """The status of a payment at the bank or the payment provider."""

    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"


def _of_invoice(*more: UniqueConstraint | ForeignKeyConstraint | Index) -> tuple[object, ...]:
    """Return a composite key to the invoice, so that a row of one account cannot refer to another account's invoice."""
    return (ForeignKeyConstraint(["account_id", "invoice_id"], ["invoice.account_id", "invoice.id"], ondelete="CASCADE"), *more)


_BALANCE = ("total", "paid", "credited", "pending")
_REST = "total - paid - credited > 0"
_CREDIT = ("account_id", "due_on", "id", "total", "paid", "credited", "issued_on")
_CREDIT_WHERE = "(credited > 0 OR paid > total)"


class Invoice(SQLModel, table=True):
    """An invoice. `paid`, `pending` and `credited` are the sums of its payments and credit notes (see `balances.settle`)."""

    __table_args__ = (
        UniqueConstraint("account_id", "id"),
        ForeignKeyConstraint(["account_id", "order_id"], ["orders.account_id", "orders.id"]),
        ForeignKeyConstraint(["account_id", "bill_to_id"], ["address.account_id", "address.id"]),
        Index("ix_invoice_issued", "account_id", "issued_on", "id", *_BALANCE),
        Index("ix_invoice_number", "account_id", "number_order", "id", "issued_on"),
        Index("ix_invoice_total", "account_id", "total", "id"),
        Index("ix_invoice_paid", "account_id", text("coalesce(settled_on, '9999-12-31')"), "id", "issued_on"),
        Index("ix_invoice_order", "account_id", "order_id", "issued_on", "id"),
        # Small partial indexes: the unsettled invoices, with all columns that their state and balance need, and those that can have credit.
        Index(
            "ix_invoice_open",
            "account_id",
            "due_on",
            "id",
            *_BALANCE,
            "issued_on",
            sqlite_where=text(_REST),
            postgresql_where=text(_REST),
        ),
        Index("ix_invoice_credit", *_CREDIT, sqlite_where=text(_CREDIT_WHERE), postgresql_where=text(_CREDIT_WHERE)),
        *search_indexes("invoice", "issued_on", "due_on", "order_id", *_BALANCE),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    number: str = Field(max_length=20, unique=True)
    number_order: int = Field(sa_type=BigInteger, description="the number as a number, so that 999 sorts before 1000")
    order_id: int | None = None
    bill_to_id: int | None = None
    issued_on: date
    due_on: date
    terms_en: str = Field(default="", max_length=300)
    terms_fr: str = Field(default="", max_length=300)
    subtotal: Decimal = Field(sa_type=Money)
    total: Decimal = Field(sa_type=Money)
    paid: Decimal = Field(default=ZERO, sa_type=Money, description="settled payments")
    pending: Decimal = Field(default=ZERO, sa_type=Money, description="payments under way")
    credited: Decimal = Field(default=ZERO, sa_type=Money, description="credit notes")
    settled_on: date | None = Field(default=None, description="the day it was credited in full, or else paid in full")
    search: str = Field(default="", description="folded text of every shown column and line, both languages")


class InvoiceLine(ItemRow, table=True):
    """A line of an invoice, and the order line that it bills where Odotrack's file says so."""

    __tablename__ = "invoice_line"  # pyright: ignore[reportAssignmentType]
    __table_args__ = _of_invoice(
        UniqueConstraint("invoice_id", "position"),
        ForeignKeyConstraint(["account_id", "order_id"], ["orders.account_id", "orders.id"]),
        Index(
            "ix_invoice_line_order",
            "account_id",
            "order_id",
            "order_line",
            sqlite_where=text("order_id IS NOT NULL"),
            postgresql_where=text("order_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    invoice_id: int
    order_id: int | None = None
    order_line: int | None = Field(default=None, description="the position of the line in the order, from 1")


class InvoiceTax(TaxRow, table=True):
    """A tax of an invoice."""

    __tablename__ = "invoice_tax"  # pyright: ignore[reportAssignmentType]
    __table_args__ = _of_invoice(UniqueConstraint("invoice_id", "position"))

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    invoice_id: int


_UNAPPLIED = ("account_id", "status", "unapplied")
_UNAPPLIED_WHERE = "unapplied > 0"


class Payment(SQLModel, table=True):
    """Money received from an account, or pending. `method_en` and `method_fr` are its names: "Visa 4242", "cheque 118"."""

    __table_args__ = (
        UniqueConstraint("account_id", "id"),
        Index("ix_payment_received", "account_id", "status", "received_at", "id", "amount"),
        Index("ix_payment_unapplied", *_UNAPPLIED, sqlite_where=text(_UNAPPLIED_WHERE), postgresql_where=text(_UNAPPLIED_WHERE)),
        CheckConstraint("amount > 0"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    reference: str = Field(max_length=60, unique=True)
    received_at: datetime
    method_en: str = Field(max_length=60)
    method_fr: str = Field(max_length=60)
    amount: Decimal = Field(sa_type=Money)
    status: str = Field(default=PaymentStatus.SETTLED, max_length=10)
    unapplied: Decimal = Field(
        default=ZERO,
        sa_type=Money,
        sa_column_kwargs={"server_default": "0"},
        description="what is not allocated to invoices (see `balances.refresh_unapplied`)",
    )


class Allocation(SQLModel, table=True):
    """The part of a payment that is applied to one invoice."""

    __table_args__ = (
        ForeignKeyConstraint(["account_id", "payment_id"], ["payment.account_id", "payment.id"], ondelete="CASCADE"),
        *_of_invoice(UniqueConstraint("payment_id", "invoice_id")),
        Index("ix_allocation_invoice", "invoice_id"),
        CheckConstraint("amount > 0"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    payment_id: int
    invoice_id: int
    amount: Decimal = Field(sa_type=Money)


class CreditNote(SQLModel, table=True):
    """A credit note and the invoice it corrects."""

    __tablename__ = "credit_note"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        *_of_invoice(UniqueConstraint("account_id", "id")),
        Index("ix_credit_note_invoice", "invoice_id"),
        Index("ix_credit_note_issued", "account_id", "issued_on", "id", "total"),
        CheckConstraint("total > 0"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    invoice_id: int
    number: str = Field(max_length=20, unique=True)
    issued_on: date
    reason_en: str = Field(max_length=300)
    reason_fr: str = Field(max_length=300)
    subtotal: Decimal = Field(sa_type=Money)
    total: Decimal = Field(sa_type=Money)


class CreditNoteTax(TaxRow, table=True):
    """A tax of a credit note."""

    __tablename__ = "credit_note_tax"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "credit_note_id"], ["credit_note.account_id", "credit_note.id"], ondelete="CASCADE"),
        UniqueConstraint("credit_note_id", "position"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    credit_note_id: int
