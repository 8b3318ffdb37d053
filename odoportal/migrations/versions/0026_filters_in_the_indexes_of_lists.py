"""filters in the indexes of lists"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BALANCE = ("total", "paid", "credited", "pending", "refunded")
INDEXES = {
    "ix_orders_number": ("orders", "number_order", "id", "start_on", "end_on"),
    "ix_invoice_issued": ("invoice", "issued_on", "id", *BALANCE),
    "ix_invoice_number": ("invoice", "number_order", "id", "issued_on"),
    "ix_device_agreement": ("device", "order_number", "id", "end_on"),
    "ix_device_end": ("device", "end_on", "id", "state_order", "held_until"),
    "ix_device_state": ("device", "state_order", "signal_order", "id", "held_until", "end_on"),
}
TEXTS = {
    "orders": ("start_on", "end_on"),
    "invoice": ("issued_on", "due_on", "order_id", *BALANCE),
    "device": ("state_order", "held_until", "end_on", "signal_order"),
}


def upgrade() -> None:
    for name, (table, *columns) in INDEXES.items():
        op.drop_index(name, table)
        op.create_index(name, table, ["account_id", *columns])
    sqlite = op.get_context().dialect.name == "sqlite"
    left, refunded = (sa.text(condition) for condition in ("held_until < '9999-12-31'", f"refunded IS {1 if sqlite else 'true'}"))
    op.drop_index("ix_device_left", "device")
    columns = ["account_id", "held_until", "state_order", "end_on"]
    op.create_index("ix_device_left", "device", columns, sqlite_where=left, postgresql_where=left)
    op.drop_index("ix_invoice_refunded", "invoice")
    columns = ["account_id", "due_on", "id", "issued_on"]
    op.create_index("ix_invoice_refunded", "invoice", columns, sqlite_where=refunded, postgresql_where=refunded)
    op.create_index("ix_device_serial", "device", ["account_id", "serial", "id", "end_on", "state_order", "held_until"])
    if sqlite:
        for table, columns in TEXTS.items():
            op.drop_index(f"ix_{table}_texts", table)
            op.create_index(f"ix_{table}_texts", table, ["account_id", "id", "search", *columns])
    else:
        # PostgreSQL did not use the index, whose condition was in other words than that of the statements.
        op.drop_index("ix_invoice_open", "invoice")
        unsettled = sa.text("refunded IS false AND total - paid - credited > 0")
        op.create_index("ix_invoice_open", "invoice", ["account_id", "due_on", "id", *BALANCE], postgresql_where=unsettled)
