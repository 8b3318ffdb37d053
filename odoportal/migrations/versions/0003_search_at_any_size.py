"""search at any size"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UNSETTLED = "total - paid - credited > 0"


def upgrade() -> None:
    op.create_index("ix_invoice_number", "invoice", ["account_id", "number_order", "id"])
    op.create_index("ix_invoice_paid", "invoice", ["account_id", sa.text("coalesce(settled_on, '9999-12-31')"), "id"])
    op.create_index(
        "ix_invoice_open",
        "invoice",
        ["account_id", "due_on", "id", "total", "paid", "credited", "pending", "refunded"],
        sqlite_where=sa.text("refunded IS 0 AND " + UNSETTLED),
        postgresql_where=sa.text("NOT refunded AND " + UNSETTLED),
    )
    op.create_index(
        "ix_invoice_refunded",
        "invoice",
        ["account_id", "issued_on", "id"],
        sqlite_where=sa.text("refunded IS 1"),
        postgresql_where=sa.text("refunded"),
    )
    op.drop_index("ix_orders_start", "orders")
    op.create_index("ix_orders_start", "orders", ["account_id", "start_on", "id", "end_on"])
    op.create_index("ix_orders_number", "orders", ["account_id", "number_order", "id"])
    op.create_index("ix_orders_placed", "orders", ["account_id", "placed_at", "id"])
    op.create_index("ix_orders_line_en", "orders", ["account_id", "first_line_en", "id"])
    op.create_index("ix_orders_line_fr", "orders", ["account_id", "first_line_fr", "id"])
    for table in ("invoice", "orders"):
        if op.get_context().dialect.name == "sqlite":
            op.create_index(f"ix_{table}_texts", table, ["account_id", "id", "search"])
        else:
            op.create_index(
                f"ix_{table}_grams", table, ["account_id", "search"], postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}
            )


def downgrade() -> None:
    for table in ("invoice", "orders"):
        op.drop_index(f"ix_{table}_{'texts' if op.get_context().dialect.name == 'sqlite' else 'grams'}", table)
    for name in ("line_fr", "line_en", "placed", "number"):
        op.drop_index(f"ix_orders_{name}", "orders")
    op.drop_index("ix_orders_start", "orders")
    op.create_index("ix_orders_start", "orders", ["account_id", "start_on", "id"])
    for name in ("refunded", "open", "paid", "number"):
        op.drop_index(f"ix_invoice_{name}", "invoice")
