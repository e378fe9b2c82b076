"""daemons that share the mailboxes; IMAP's numbers in columns that hold them all on PostgreSQL."""

import sqlalchemy as sa
from alembic import op

from sequencer.store.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "daemons",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alive_until", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_daemons")),
    )
    for table, columns in (("cursors", ("uid_validity", "uid_last")), ("not_ours", ("uid_validity", "uid"))):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.alter_column(
                    column, existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False
                )
