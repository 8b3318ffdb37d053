"""what belongs to an order"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_invoice_order", "invoice")
    op.create_index("ix_invoice_order", "invoice", ["account_id", "order_id", "issued_on", "id"])
    op.drop_index("ix_orders_end", "orders")
    op.create_index("ix_orders_end", "orders", ["account_id", "end_on", "id", "start_on"])


def downgrade() -> None:
    op.drop_index("ix_orders_end", "orders")
    op.create_index("ix_orders_end", "orders", ["account_id", "end_on", "id"])
    op.drop_index("ix_invoice_order", "invoice")
    op.create_index("ix_invoice_order", "invoice", ["account_id", "order_id"])
