"""statements at any size"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NEVER = sa.text("coalesce(settled_on, '9999-12-31')")


def upgrade() -> None:
    op.drop_index("ix_invoice_issued", "invoice")
    op.create_index("ix_invoice_issued", "invoice", ["account_id", "issued_on", "id", "total"])
    op.drop_index("ix_invoice_paid", "invoice")
    op.create_index("ix_invoice_paid", "invoice", ["account_id", NEVER, "id", "issued_on"])
    op.create_index("ix_payment_received", "payment", ["account_id", "status", "received_at", "id", "amount"])
    op.create_index("ix_credit_note_issued", "credit_note", ["account_id", "issued_on", "id", "total"])


def downgrade() -> None:
    op.drop_index("ix_credit_note_issued", "credit_note")
    op.drop_index("ix_payment_received", "payment")
    op.drop_index("ix_invoice_paid", "invoice")
    op.create_index("ix_invoice_paid", "invoice", ["account_id", NEVER, "id"])
    op.drop_index("ix_invoice_issued", "invoice")
    op.create_index("ix_invoice_issued", "invoice", ["account_id", "issued_on", "id"])
