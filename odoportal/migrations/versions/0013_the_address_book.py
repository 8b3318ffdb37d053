"""the address book"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "address_default",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("address_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "address_id"],
            ["address.account_id", "address.id"],
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "purpose"),
    )
    with op.batch_alter_table("address", schema=None) as batch_op:
        batch_op.add_column(sa.Column("district", sa.String(length=100), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("file", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("address", schema=None) as batch_op:
        batch_op.alter_column("district", server_default=None)
        batch_op.alter_column("file", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("address", schema=None) as batch_op:
        batch_op.drop_column("file")
        batch_op.drop_column("district")

    op.drop_table("address_default")
