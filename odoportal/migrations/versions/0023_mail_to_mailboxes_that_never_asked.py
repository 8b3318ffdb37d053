"""mail to mailboxes that never asked"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unsolicited_mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("mailbox_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("mailbox_hash", "person_id", "account_id"):
        op.create_index(f"ix_unsolicited_mail_{column.removesuffix('_id').removesuffix('_hash')}", "unsolicited_mail", [column, "at"])
    if op.get_bind().dialect.name == "sqlite":
        # SQLite gives the number of a deleted row to the next one, and the link that stops an address's copies holds that number.
        with op.batch_alter_table("invoice_copy", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass


def downgrade() -> None:
    op.drop_table("unsolicited_mail")
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("invoice_copy", recreate="always", table_kwargs={"sqlite_autoincrement": False}):
            pass
