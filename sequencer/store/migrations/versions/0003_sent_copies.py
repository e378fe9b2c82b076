"""when the copy of a sent mail was filed in the Sent folder."""

import sqlalchemy as sa
from alembic import op

from sequencer.store.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uncopied = sa.text("state = 'sent' AND copied_at IS NULL")
    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.add_column(sa.Column("copied_at", Instant(timezone=True), nullable=True))
    op.create_index(
        "ix_sends_uncopied", "sends", ["mailbox", "sending_at"], sqlite_where=uncopied, postgresql_where=uncopied
    )
