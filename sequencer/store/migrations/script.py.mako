"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
from sequencer.store.tables import Instant

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    raise RuntimeError("the schema only goes forward: restore the backup that was made before the upgrade")
