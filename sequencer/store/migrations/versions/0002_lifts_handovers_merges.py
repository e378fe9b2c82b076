"""stops that can be lifted, mailboxes that left, people who were merged."""

import sqlalchemy as sa
from alembic import op

from sequencer.store.columns import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("opt_out", sa.Boolean(), nullable=False, server_default=sa.text("FALSE")))
        batch_op.add_column(sa.Column("lifted_at", Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("lifted_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("lift_reason", sa.String(), nullable=True))
    # Until now an address was suppressed by its owner's refusal alone.
    op.execute("UPDATE suppressions SET opt_out = TRUE WHERE kind IN ('person', 'address')")
    with op.batch_alter_table("prospects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merged_into", sa.Integer(), nullable=True))
    with op.batch_alter_table("mailboxes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answers_read_at", Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("answers_read_by", sa.String(), nullable=True))
