"""What the rows hold for one daemon's services, asked past the product: a beat that would find nothing is spared.

It looks without faults and without the product's own code, over a connection of its own. It decides nothing about mail.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from sequencer.engine.rescue import LOOKS
from tests.simulation.premises import BO

__all__ = ["AtHand", "RowsAtHand"]

_ASKED = """
SELECT
  (SELECT count(*) FROM enrollments WHERE due_at <= :now),
  (SELECT min(due_at) FROM enrollments WHERE due_at > :now),
  (SELECT count(*) FROM sends WHERE state = 'queued' AND coalesce(not_before, due_at) <= :now),
  (SELECT min(not_before) FROM sends WHERE state = 'queued' AND not_before > :now),
  (SELECT count(*) FROM sends WHERE state = 'sending'),
  (SELECT count(*) FROM sends WHERE state = 'sent' AND copied_at IS NULL AND mailbox = :filed),
  (SELECT count(*) FROM inbound WHERE state IN ('stored', 'judged')),
  (SELECT group_concat(settled_at || '/' || looks) FROM sends WHERE state = 'uncertain' AND settled_at IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class AtHand:
    """How many rows each service has to do with now; `later` are instants at which more fall due by themselves."""

    due: int
    queued: int
    sending: int
    looks: int
    uncopied: int
    unsorted: int
    later: tuple[datetime, ...]

    @property
    def waits(self) -> bool:
        """Whether something waits for what no clock opens."""
        return bool(self.due or self.queued or self.sending or self.looks or self.unsorted)


class RowsAtHand:
    """`file` is the installation's database."""

    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)

    def look(self, now: datetime) -> AtHand:
        asked = {"now": now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"), "filed": BO}
        row = self._connection.execute(_ASKED, asked).fetchone()
        due, next_due, queued, next_queued, sending, uncopied, unsorted, uncertain = row
        looked_for = [each.split("/") for each in uncertain.split(",")] if uncertain else []
        looks = [
            now if _instant(settled_at) > now else _instant(settled_at) + LOOKS[int(looks)]  # the clock has moved back
            for settled_at, looks in looked_for
            if int(looks) < len(LOOKS)
        ]
        later = [_instant(at) for at in (next_due, next_queued) if at] + [at for at in looks if at > now]
        return AtHand(due, queued, sending, sum(at <= now for at in looks), uncopied, unsorted, tuple(later))

    def close(self) -> None:
        self._connection.close()


def _instant(kept: str) -> datetime:
    """As store/columns.py keeps it in SQLite."""
    return datetime.fromisoformat(kept).replace(tzinfo=UTC)
