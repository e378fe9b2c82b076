"""The product's own inbox reader, watched: the world notes when an inbox was read to its end, and when it could not be.

What the engine believes about the age of an inbox is checked against these notes. An outage can be put over all
inboxes. Nothing is read here: inbound/ does that.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sequencer.core.ports import Cursor, FolderName, Inbox, Settle, Wanted
from sequencer.errors import InboxLost
from sequencer.world.clock import SteppingClock
from sequencer.world.record import Read, Record, Unreadable

__all__ = ["Outage", "WatchedInbox"]


@dataclass(frozen=True, slots=True)
class Outage:
    """While it lasts, no inbox can be read."""

    begins: datetime
    ends: datetime

    def covers(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


class WatchedInbox(Inbox):
    """Wraps the reader of one mailbox."""

    def __init__(self, reader: Inbox, mailbox: str, clock: SteppingClock, record: Record, outage: Outage) -> None:
        self._reader, self._mailbox, self._clock = reader, mailbox, clock
        self._record, self._outage = record, outage

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        at, begun = self._clock.now(), self._record.mark()
        self._reachable()
        self._reader.walk(cursors, wanted, settle)
        self._record.note(Read, at=at, mailbox=self._mailbox, begun=begun)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return self._reader.wait(stop, seconds)

    def find_sent(self, message_id: str) -> bool:
        self._reachable()
        return self._reader.find_sent(message_id)

    def append_sent(self, raw: bytes) -> None:
        self._reachable()
        self._reader.append_sent(raw)

    def close(self) -> None:
        self._reader.close()

    def _reachable(self) -> None:
        now = self._clock.now()
        if self._outage.covers(now):
            self._record.note(Unreadable, at=now, mailbox=self._mailbox)
            raise InboxLost(f"{self._mailbox}: the server does not answer")
