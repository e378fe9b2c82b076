"""Applied sequences: every version ever applied, with its files, so that the daemon needs no working copy."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from sequencer.errors import NotFound
from sequencer.store.tables import VERSIONS


@dataclass(frozen=True, slots=True)
class StoredVersion:
    sequence_id: str
    version: int
    digest: str
    source: str
    files: dict[str, str]
    applied_at: datetime
    applied_by: str


def add_version(connection: Connection, stored: StoredVersion) -> None:
    """Keep a version for ever."""
    values = {name: getattr(stored, name) for name in StoredVersion.__slots__}
    connection.execute(insert(VERSIONS).values(**values))


def version(connection: Connection, sequence_id: str, number: int) -> StoredVersion:
    """Raises NotFound."""
    this = (VERSIONS.c.sequence_id == sequence_id) & (VERSIONS.c.version == number)
    row = connection.execute(select(VERSIONS).where(this)).first()
    if row is None:
        raise NotFound(f"there is no version {number} of {sequence_id}")
    return StoredVersion(*row)


_LAST = (
    select(VERSIONS.c.sequence_id, func.max(VERSIONS.c.version).label("version"))
    .group_by(VERSIONS.c.sequence_id)
    .subquery()
)
_LATEST = (
    select(VERSIONS)
    .join(_LAST, (VERSIONS.c.sequence_id == _LAST.c.sequence_id) & (VERSIONS.c.version == _LAST.c.version))
    .order_by(VERSIONS.c.sequence_id)
)


def latest(connection: Connection) -> dict[str, StoredVersion]:
    """The version of each sequence that the daemon runs."""
    return {row.sequence_id: StoredVersion(*row) for row in connection.execute(_LATEST)}
