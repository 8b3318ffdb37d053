"""Credit on account: an invoice is credited, not refunded, and a payment knows what is not allocated to invoices."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None

REST = sa.text("total - paid - credited > 0")
CREDIT = sa.text("(credited > 0 OR paid > total)")
UNAPPLIED = sa.text("unapplied > 0")


def upgrade() -> None:
    """Drop the flag that said "refunded", and compute what payments have left."""
    op.drop_index("ix_invoice_refunded", "invoice")
    op.drop_index("ix_invoice_open", "invoice")
    # In place: a copy of the table would lose the indexes of expressions.
    op.drop_column("invoice", "refunded")
    columns = ["account_id", "due_on", "id", "total", "paid", "credited", "pending", "issued_on"]
    op.create_index("ix_invoice_open", "invoice", columns, sqlite_where=REST, postgresql_where=REST)
    columns = ["account_id", "issued_on", "id", "total", "paid", "credited"]
    op.create_index("ix_invoice_credit", "invoice", columns, sqlite_where=CREDIT, postgresql_where=CREDIT)
    op.add_column("payment", sa.Column("unapplied", sa.BigInteger(), nullable=False, server_default="0"))
    parts = "SELECT sum(allocation.amount) FROM allocation WHERE allocation.payment_id = payment.id"
    op.execute(f"UPDATE payment SET unapplied = amount - coalesce(({parts}), 0)")  # noqa: S608
    columns = ["account_id", "status", "unapplied"]
    op.create_index("ix_payment_unapplied", "payment", columns, sqlite_where=UNAPPLIED, postgresql_where=UNAPPLIED)


def downgrade() -> None:
    """Infer the flag again: credited in full as well as paid in full."""
    op.drop_index("ix_payment_unapplied", "payment")
    op.drop_column("payment", "unapplied")
    op.drop_index("ix_invoice_credit", "invoice")
    op.drop_index("ix_invoice_open", "invoice")
    op.add_column("invoice", sa.Column("refunded", sa.Boolean(), nullable=False, server_default=sa.false()))
    flag = "true" if op.get_context().dialect.name == "postgresql" else "1"
    op.execute(f"UPDATE invoice SET refunded = {flag} WHERE total > 0 AND paid >= total AND credited >= total")  # noqa: S608
    op.create_index(
        "ix_invoice_open",
        "invoice",
        ["account_id", "due_on", "id", "total", "paid", "credited", "pending", "refunded"],
        sqlite_where=sa.text("refunded IS 0 AND total - paid - credited > 0"),
        postgresql_where=sa.text("NOT refunded AND total - paid - credited > 0"),
    )
    op.create_index(
        "ix_invoice_refunded",
        "invoice",
        ["account_id", "issued_on", "id"],
        sqlite_where=sa.text("refunded IS 1"),
        postgresql_where=sa.text("refunded"),
    )
