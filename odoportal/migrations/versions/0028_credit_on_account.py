"""Credit on account: an invoice is credited, not refunded, and a payment knows what is not allocated to invoices."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BALANCE = ("total", "paid", "credited", "pending")
REST = "total - paid - credited > 0"
CREDIT = sa.text("(credited > 0 OR paid > total)")
UNAPPLIED = sa.text("unapplied > 0")


def upgrade() -> None:
    """Drop the flag that said "refunded", and compute what payments have left."""
    _drop("ix_invoice_refunded", "ix_invoice_open", "ix_invoice_issued")
    # In place: a copy of the table would lose the indexes of expressions.
    op.drop_column("invoice", "refunded")
    _create("ix_invoice_issued", ["account_id", "issued_on", "id", *BALANCE])
    _create_texts(BALANCE)
    _create("ix_invoice_open", ["account_id", "due_on", "id", *BALANCE, "issued_on"], sa.text(REST))
    _create("ix_invoice_credit", ["account_id", "due_on", "id", "total", "paid", "credited", "issued_on"], CREDIT)
    op.add_column("payment", sa.Column("unapplied", sa.BigInteger(), nullable=False, server_default="0"))
    parts = "SELECT sum(allocation.amount) FROM allocation WHERE allocation.payment_id = payment.id"
    op.execute(f"UPDATE payment SET unapplied = amount - coalesce(({parts}), 0)")  # noqa: S608
    _create("ix_payment_unapplied", ["account_id", "status", "unapplied"], UNAPPLIED, "payment")


def downgrade() -> None:
    """Infer the flag again: credited in full as well as paid in full."""
    op.drop_index("ix_payment_unapplied", "payment")
    op.drop_column("payment", "unapplied")
    _drop("ix_invoice_credit", "ix_invoice_open", "ix_invoice_issued")
    op.add_column("invoice", sa.Column("refunded", sa.Boolean(), nullable=False, server_default=sa.false()))
    sqlite = op.get_context().dialect.name == "sqlite"
    is_refunded, not_refunded = ("refunded IS 1", "refunded IS 0") if sqlite else ("refunded", "NOT refunded")
    op.execute(f"UPDATE invoice SET refunded = {1 if sqlite else 'true'} WHERE total > 0 AND paid >= total AND credited >= total")  # noqa: S608
    before = (*BALANCE, "refunded")
    _create("ix_invoice_issued", ["account_id", "issued_on", "id", *before])
    _create_texts(before)
    _create("ix_invoice_open", ["account_id", "due_on", "id", *before], sa.text(f"{not_refunded} AND {REST}"))
    _create("ix_invoice_refunded", ["account_id", "due_on", "id", "issued_on"], sa.text(is_refunded))


def _drop(*names: str) -> None:
    for name in (*names, *(["ix_invoice_texts"] if op.get_context().dialect.name == "sqlite" else [])):
        op.drop_index(name, "invoice")


def _create(name: str, columns: list[str], where: sa.TextClause | None = None, table: str = "invoice") -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _create_texts(balance: tuple[str, ...]) -> None:
    if op.get_context().dialect.name == "sqlite":
        _create("ix_invoice_texts", ["account_id", "id", "search", "issued_on", "due_on", "order_id", *balance])
