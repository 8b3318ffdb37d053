"""invitations and the roles of the files"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('file_role',
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], ),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], ),
    sa.PrimaryKeyConstraint('account_id', 'person_id')
    )
    with op.batch_alter_table('file_role', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_file_role_person_id'), ['person_id'], unique=False)

    op.create_table('invitation',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('email_key', sa.String(length=254), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('invited_by', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], ),
    sa.ForeignKeyConstraint(['invited_by'], ['person.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('account_id', 'email_key'),
    sa.UniqueConstraint('hash')
    )
    # Whoever is there came with a file or with `odoportal user invite`: a file that says the same is no news.
    op.execute('INSERT INTO file_role (account_id, person_id, role) SELECT account_id, person_id, role FROM membership')


def downgrade() -> None:
    op.drop_table('invitation')
    with op.batch_alter_table('file_role', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_file_role_person_id'))

    op.drop_table('file_role')
