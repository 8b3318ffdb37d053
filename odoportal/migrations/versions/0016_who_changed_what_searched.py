"""who changed what, searched"""

import json

import sqlalchemy as sa
from alembic import op

from odoportal.core.folding import fold

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.add_column(sa.Column("search", sa.String(), nullable=False, server_default=""))
        batch_op.drop_index("ix_change_account")
        batch_op.create_index("ix_change_account", ["account_id", "at", "id"], unique=False)
        batch_op.create_index("ix_change_kinds", ["account_id", "what", "at"], unique=False)
        batch_op.create_index("ix_change_people", ["account_id", "person_id", "at", "id"], unique=False)
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.alter_column("search", server_default=None)
    person = sa.table("person", sa.column("id"), sa.column("name"))
    change = sa.table("change", *(sa.column(name) for name in ("id", "person_id", "subject_id", "about", "before", "after", "search")))
    by, subject = person.alias(), person.alias()
    found = sa.select(change.c.id, change.c.about, change.c.before, change.c.after, by.c.name, subject.c.name)
    found = found.select_from(change.outerjoin(by, by.c.id == change.c.person_id).outerjoin(subject, subject.c.id == change.c.subject_id))
    connection = op.get_bind()
    for row_id, about, before, after, *names in connection.execute(found).all():
        texts = [about, *dict.fromkeys(name for name in names if name), *json.loads(before).values(), *json.loads(after).values()]
        connection.execute(sa.update(change).where(change.c.id == row_id).values(search=fold(" ".join(texts))))


def downgrade() -> None:
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.drop_index("ix_change_people")
        batch_op.drop_index("ix_change_kinds")
        batch_op.drop_index("ix_change_account")
        batch_op.create_index("ix_change_account", ["account_id", "id"], unique=False)
        batch_op.drop_column("search")
