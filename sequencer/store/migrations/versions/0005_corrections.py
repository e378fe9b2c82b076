"""who said what a mail is, and the ids that relays gave to our mails."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("set_by", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "relay_ids",
        sa.Column("known_as", sa.String(), nullable=False),
        sa.Column("send_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["send_id"], ["sends.id"]),
        sa.PrimaryKeyConstraint("known_as"),
    )
    op.create_index("ix_relay_ids_send_id", "relay_ids", ["send_id"])
