"""when the brake stopped a mailbox and who let it go on; what the brake counts is found by an index."""

import sqlalchemy as sa
from alembic import op

from sequencer.store.columns import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brakes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("lifted_at", Instant(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_brakes_mailbox", "brakes", ["mailbox"])
    op.create_index("ix_inbound_send_id", "inbound", ["send_id"])
    failed = sa.text("state = 'failed'")
    op.create_index("ix_sends_failed", "sends", ["mailbox", "settled_at"], sqlite_where=failed, postgresql_where=failed)
