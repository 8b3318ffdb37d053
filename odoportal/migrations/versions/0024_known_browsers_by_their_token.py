"""Find known browsers by their token alone: it is changed for everybody who uses the browser."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_known_browser_hash", "known_browser", ["hash"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_known_browser_hash", "known_browser")
