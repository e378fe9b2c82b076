"""What the guarantees are checked against: the world's record, the rows of the database, the files in the mailboxes.

Everything that the engine thinks of itself is left out. The checks (check_sending, check_stops, check_rows) read this
and answer with a Verdict; a check never changes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sequencer.config import Config
from sequencer.core import events as e
from sequencer.core.sequence import Sequence
from sequencer.store.census import Census
from sequencer.store.sends import SendRow
from sequencer.store.tasks import TaskRow
from sequencer.world.record import Delivered, Read, Record, Took

__all__ = ["Evidence", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guarantee: its words, what was counted, and each case in which it was broken."""

    guarantee: str
    counted: str
    broken: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        return not self.broken


@dataclass(frozen=True)
class Evidence:
    """`lying`: (mailbox, folder, name) and bytes of every file at the end. `ends`: the last instant of the run."""

    config: Config
    sequences: Mapping[str, Sequence]
    record: Record
    census: Census
    lying: Mapping[tuple[str, str, str], bytes]
    ends: datetime

    @cached_property
    def took(self) -> tuple[Took, ...]:
        """Every mail that the world's server accepted, in order."""
        return tuple(self.record.of(Took))

    @cached_property
    def delivered(self) -> tuple[Delivered, ...]:
        return tuple(self.record.of(Delivered))

    @cached_property
    def rows_by_message_id(self) -> Mapping[str, tuple[SendRow, ...]]:
        """Send rows, by attempt."""
        found: dict[str, list[SendRow]] = {}
        for row in sorted(self.census.sends, key=lambda row: row.attempt):
            if row.message_id:
                found.setdefault(row.message_id, []).append(row)
        return {message_id: tuple(rows) for message_id, rows in found.items()}

    @cached_property
    def person_of(self) -> Mapping[str, int]:
        """Person ids by any of their addresses."""
        return {
            address.email: person.id for person in self.census.people.values() for address in person.addresses
        }  # fmt: skip

    @cached_property
    def _reads(self) -> Mapping[str, tuple[Read, ...]]:
        found: dict[str, list[Read]] = {}
        for read in self.record.of(Read):
            found.setdefault(read.mailbox, []).append(read)
        return {mailbox: tuple(reads) for mailbox, reads in found.items()}

    def row_of(self, mail: Took) -> SendRow | None:
        """The send row under which this mail left: its last attempt so far."""
        rows = [
            row for row in self.rows_by_message_id.get(mail.message_id, ())
            if row.sending_at is not None and row.sending_at <= mail.at
        ]  # fmt: skip
        return rows[-1] if rows else None

    def zones_of(self, row: SendRow, mail: Took) -> tuple[ZoneInfo, ...]:
        """The zones of whose hours one must be open; the mailbox's counts for a person whose own is not known."""
        return self.zones_at(self.census.people[row.prospect_id].timezone, mail)

    def zones_at(self, home: str | None, mail: Took) -> tuple[ZoneInfo, ...]:
        """The zones for a person at home there; None: nobody knows."""
        if home:
            return (ZoneInfo(home),)
        return tuple(box.timezone for box in self.config.mailboxes if box.address == mail.sender)

    def countries_of(self, row: SendRow, mail: Took) -> tuple[str, ...]:
        """Whose holidays one must be off; none where no country is known."""
        country = self.census.people[row.prospect_id].country
        return (country,) if country else ()

    def tasks_of(self, row: SendRow, mail: Took) -> list[TaskRow]:
        """The tasks of whom this mail was for."""
        return [task for task in self.census.tasks if task.prospect_id == row.prospect_id]

    def left_at(self, mail: Took) -> datetime:
        """When it was allowed to leave, as far as somebody watched that; else when it was accepted."""
        return mail.at

    def log_of(self, row: SendRow) -> tuple[e.Event, ...]:
        """What is known to have happened in the enrollment that this attempt belongs to."""
        return tuple(entry.event for entry in self.census.events.get(row.enrollment_id, ()))

    def is_answer(self, mail: Took) -> bool:
        """Whether a rep wrote it in answer to the person: neither hours nor the reply itself stops that (LIFECYCLE)."""
        row = self.row_of(mail)
        return row is not None and row.answers is not None

    def read_of(self, mail: Delivered) -> Read | None:
        """The first look into the mailbox that must have seen this mail."""
        return next((read for read in self._reads.get(mail.mailbox, ()) if read.begun > mail.order), None)

    def last_read(self, mailbox: str, before: int) -> Read | None:
        """The last look into a mailbox that ended before entry number `before`."""
        reads = [read for read in self._reads.get(mailbox, ()) if read.order < before]
        return reads[-1] if reads else None
