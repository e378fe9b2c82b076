"""the first schema."""

import sqlalchemy as sa
from alembic import op

from sequencer.store.columns import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_domain"), ["domain"], unique=False)

    op.create_table(
        "cursors",
        sa.Column("inbox", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("uid_validity", sa.Integer(), nullable=False),
        sa.Column("uid_last", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("inbox", "folder", name=op.f("pk_cursors")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("prospect_id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_enrollment", ["enrollment_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_events_prospect_id"), ["prospect_id"], unique=False)

    op.create_table(
        "inbound",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("inbox", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("received_at", Instant(timezone=True), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("classifier", sa.Integer(), nullable=False),
        sa.Column("judgement", sa.Text(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("prospect_id", sa.Integer(), nullable=True),
        sa.Column("enrollment_id", sa.Integer(), nullable=True),
        sa.Column("send_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("projected_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
        sa.UniqueConstraint("identity", name=op.f("uq_inbound_identity")),
    )
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inbound_open",
            ["state"],
            unique=False,
            sqlite_where=sa.text("state IN ('stored', 'judged')"),
            postgresql_where=sa.text("state IN ('stored', 'judged')"),
        )
        batch_op.create_index(batch_op.f("ix_inbound_prospect_id"), ["prospect_id"], unique=False)

    op.create_table(
        "inboxes",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("synced_at", Instant(timezone=True), nullable=True),
        sa.Column("broken_at", Instant(timezone=True), nullable=True),
        sa.Column("broken_reason", sa.String(), nullable=True),
        sa.Column("lost_at", Instant(timezone=True), nullable=True),
        sa.Column("lost_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_inboxes")),
    )
    op.create_table(
        "mailboxes",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease_until", Instant(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("last_sent_at", Instant(timezone=True), nullable=True),
        sa.Column("broken_at", Instant(timezone=True), nullable=True),
        sa.Column("broken_reason", sa.String(), nullable=True),
        sa.Column("resting_until", Instant(timezone=True), nullable=True),
        sa.Column("rest_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_mailboxes")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "not_ours",
        sa.Column("inbox", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("uid_validity", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("inbox", "folder", "uid_validity", "uid", name=op.f("pk_not_ours")),
    )
    op.create_table(
        "scopes",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("paused_at", Instant(timezone=True), nullable=True),
        sa.Column("paused_by", sa.String(), nullable=True),
        sa.Column("pause_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_scopes")),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("kind", "value", "channel", name=op.f("uq_suppressions_kind")),
    )
    op.create_table(
        "usage",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "day", name=op.f("pk_usage")),
    )
    op.create_table(
        "versions",
        sa.Column("sequence_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("applied_at", Instant(timezone=True), nullable=False),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sequence_id", "version", name=op.f("pk_versions")),
    )
    op.create_table(
        "prospects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("zone_source", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("linkedin", sa.String(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_prospects_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prospects")),
    )
    with op.batch_alter_table("prospects", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_prospects_account_id"), ["account_id"], unique=False)

    op.create_table(
        "addresses",
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("prospect_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("invalid_code", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["prospect_id"], ["prospects.id"], name=op.f("fk_addresses_prospect_id_prospects")),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_addresses")),
    )
    with op.batch_alter_table("addresses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_addresses_prospect_id"), ["prospect_id"], unique=False)

    op.create_table(
        "enrollments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prospect_id", sa.Integer(), nullable=False),
        sa.Column("sequence_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("rep", sa.String(), nullable=False),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("due_at", Instant(timezone=True), nullable=True),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("enrolled_at", Instant(timezone=True), nullable=False),
        sa.Column("finished_at", Instant(timezone=True), nullable=True),
        sa.Column("finish_reason", sa.String(), nullable=True),
        sa.Column("last_touch_at", Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["prospect_id"], ["prospects.id"], name=op.f("fk_enrollments_prospect_id_prospects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollments")),
    )
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.create_index(
            "ix_enrollments_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_enrollments_sequence_id"), ["sequence_id"], unique=False)
        batch_op.create_index(
            "uq_enrollments_exclusive",
            ["prospect_id"],
            unique=True,
            sqlite_where=sa.text("exclusive AND status <> 'finished'"),
            postgresql_where=sa.text("exclusive AND status <> 'finished'"),
        )
        batch_op.create_index(
            "uq_enrollments_live",
            ["prospect_id", "sequence_id"],
            unique=True,
            sqlite_where=sa.text("status <> 'finished'"),
            postgresql_where=sa.text("status <> 'finished'"),
        )

    op.create_table(
        "list_members",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prospect_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["prospect_id"], ["prospects.id"], name=op.f("fk_list_members_prospect_id_prospects")),
        sa.PrimaryKeyConstraint("name", "prospect_id", name=op.f("pk_list_members")),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prospect_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["prospect_id"], ["prospects.id"], name=op.f("fk_notes_prospect_id_prospects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notes_prospect_id"), ["prospect_id"], unique=False)

    op.create_table(
        "drafts",
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_drafts_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("enrollment_id", "step", name=op.f("pk_drafts")),
    )
    op.create_table(
        "sends",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("prospect_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("sequence_id", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", Instant(timezone=True), nullable=False),
        sa.Column("not_before", Instant(timezone=True), nullable=True),
        sa.Column("first_touch", sa.Boolean(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("rendered_at", Instant(timezone=True), nullable=True),
        sa.Column("seqs", sa.String(), nullable=False),
        sa.Column("valid_until", Instant(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=True),
        sa.Column("local_day", sa.Date(), nullable=True),
        sa.Column("sending_at", Instant(timezone=True), nullable=True),
        sa.Column("settled_at", Instant(timezone=True), nullable=True),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("enhanced", sa.String(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("settled_by", sa.String(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("wait_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollments.id"], name=op.f("fk_sends_enrollment_id_enrollments")),
        sa.ForeignKeyConstraint(["prospect_id"], ["prospects.id"], name=op.f("fk_sends_prospect_id_prospects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sends")),
        sa.UniqueConstraint("enrollment_id", "step", "attempt", name=op.f("uq_sends_enrollment_id")),
    )
    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.create_index(
            "ix_sends_due",
            ["mailbox", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(batch_op.f("ix_sends_message_id"), ["message_id"], unique=False)
        batch_op.create_index("ix_sends_prospect", ["prospect_id", "sending_at"], unique=False)
        batch_op.create_index("ix_sends_sent", ["mailbox", "sending_at"], unique=False)
        batch_op.create_index(
            "uq_sends_open",
            ["prospect_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('sending', 'uncertain', 'person')"),
            postgresql_where=sa.text("state IN ('sending', 'uncertain', 'person')"),
        )

    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("prospect_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("rep", sa.String(), nullable=False),
        sa.Column("work", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("script", sa.String(), nullable=True),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", Instant(timezone=True), nullable=False),
        sa.Column("opened_at", Instant(timezone=True), nullable=False),
        sa.Column("snoozed_until", Instant(timezone=True), nullable=True),
        sa.Column("closed_at", Instant(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollments.id"], name=op.f("fk_tasks_enrollment_id_enrollments")),
        sa.ForeignKeyConstraint(["prospect_id"], ["prospects.id"], name=op.f("fk_tasks_prospect_id_prospects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("enrollment_id", "key", name=op.f("uq_tasks_enrollment_id")),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_tasks_open",
            ["rep", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(batch_op.f("ix_tasks_prospect_id"), ["prospect_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the schema only goes forward: restore the backup that was made before the upgrade")
