"""One walk through one inbox: keeps the mail that is ours, notes the rest by a keyed hash, moves the cursor with both.

Runs in the thread that reads the inbox. Every batch is one transaction with its cursor, so a crash loses and repeats
nothing. A copy of a mail that we sent proves that it left, and tells the id that a relay gave it; it is settled here
and never judged. It judges nothing.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection

from sequencer.core.ports import Cursor, FolderName, Head, Inbox, Settled
from sequencer.engine import rescue, witness
from sequencer.engine.advance import Advance
from sequencer.engine.ours import Ours
from sequencer.engine.screening import Screened, read_header, screen
from sequencer.errors import StoreError
from sequencer.mail.amazon import plain_id
from sequencer.mail.fields import sent_at
from sequencer.mail.parse import Parsed
from sequencer.mail.thread import identity
from sequencer.store import correspondence, sends, walks
from sequencer.store import inbox as store
from sequencer.store.database import Database
from sequencer.store.epoch import key_number
from sequencer.store.sends import SendRow

TOO_LARGE = "too large to be read"

logger = logging.getLogger(__name__)


class WalkStopped(Exception):
    """The daemon stops, or everything is to be read again; the next walk goes on from the cursor."""


class Walk:
    """`wanted` and `settle` of one walk that began at `now`; `key` is the installation's."""

    def __init__(
        self, database: Database, advance: Advance, key: bytes, name: str, ours: Ours, now: datetime,
        stopping: threading.Event,
    ) -> None:  # fmt: skip
        self._database, self._advance, self._key = database, advance, key
        self._name, self._ours, self._now, self._stopping = name, ours, now, stopping
        self._screened: dict[tuple[FolderName, int], Screened] = {}
        self._looked_for: set[str] = set()
        self._some_were_left, self._series = False, 0

    def run(self, inbox: Inbox, known: Sequence[store.StoredCursor], series: int) -> None:
        """Walk from these cursors to the end of every folder; only then the inbox counts as read.

        It does so as of the walk's beginning. `series`: that of our ids by then (epoch.key_number).
        """
        self._some_were_left, self._series = any(row.messages_left for row in known), series
        cursors = {row.folder: Cursor(row.uid_validity, row.uid_last, row.state) for row in known}
        inbox.walk(cursors, self.wanted, self.settle)
        left = self._some_were_left

        def write(connection: Connection) -> None:
            if not walks.end(connection, self._name, self._now, series, some_were_left=left):
                raise WalkStopped

        self._database.write(write)

    def _same_series(self, connection: Connection) -> None:
        """What this walk passed by was judged without the mails that somebody has reconciled meanwhile."""
        if key_number(connection) != self._series:
            raise WalkStopped

    def wanted(self, head: Head) -> bool:
        self._go_on()
        header = read_header(head.header)
        screened = self._database.read(lambda connection: screen(connection, self._ours, header))
        self._screened[head.folder, head.uid] = screened
        return screened.keep

    def settle(self, folder: FolderName, cursor: Cursor, items: Sequence[Settled]) -> None:
        self._go_on()
        kept, passed, copies, renamed = [], [], [], []
        forgotten = self._forgotten(items)
        for item in items:
            screened = self._screened.pop((item.head.folder, item.head.uid), Screened(False))
            if ours := screened.copy_of or screened.renamed:
                renamed.append((read_header(item.head.header).message_id, ours))
            if item.fetched is not None:
                kept.append(self._arrival(item, screened))
            elif screened.copy_of is not None:
                copies.append(screened.copy_of)
            else:
                passed.append((folder, cursor.uid_validity, item.head.uid, self._hash(item.head.header)))
        stored = store.StoredCursor(folder, cursor.uid_validity, cursor.uid_last, cursor.state, cursor.left)
        self._some_were_left |= cursor.left > 0

        def write(connection: Connection) -> None:
            self._same_series(connection)
            if forgotten:
                witness.hold(connection, forgotten, self._now)
            for arrival in kept:
                store.store_arrival(connection, arrival)
            store.store_not_ours(connection, self._name, passed)
            for known_as, row in renamed:
                if known_as and known_as != row.message_id:
                    correspondence.put_relay_id(connection, plain_id(known_as), row.id)
            self._settle_copies(connection, copies)
            store.put_cursor(connection, self._name, stored)

        self._database.write(write)

    def _forgotten(self, items: Sequence[Settled]) -> str:
        """The id of a mail of ours in this batch that the database has forgotten, "" where there is none."""
        screened = [self._screened.get((item.head.folder, item.head.uid), Screened(False)) for item in items]
        ids = {each for one in screened for each in one.unknown} - self._looked_for
        if not ids:
            return ""
        self._looked_for |= ids
        between = {each for one in screened if not ids.isdisjoint(one.unknown) for each in one.between}
        found = self._database.read(
            lambda connection: witness.forgotten(connection, self._advance, self._key, ids, between)
        )
        if found:
            logger.error(
                "inbox %s: the database does not know %s, which it made: all sends are held", self._name, found
            )
        return found

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise WalkStopped

    def _arrival(self, item: Settled, screened: Screened) -> store.Arrival:
        assert item.fetched is not None
        raw = item.fetched.raw
        header = read_header(raw)
        return store.Arrival(
            identity=identity(raw, header),
            inbox=self._name,
            folder=item.head.folder,
            outgoing=screened.outgoing,
            received_at=_came_at(header, self._now),
            raw=raw,
            problem=TOO_LARGE if item.fetched.truncated else "",
        )

    def _settle_copies(self, connection: Connection, copies: Sequence[SendRow]) -> None:
        """Where nobody knew whether the mail had left, its copy tells; a failure here must not stop the walk."""
        for row in sends.load_sends(connection, [copy.id for copy in copies]).values():
            if row.state not in ("uncertain", "person"):
                continue
            try:
                with connection.begin_nested():
                    rescue.settle_as_sent(connection, self._advance, row, "sent_folder", self._now)
            except StoreError:
                raise
            except Exception:
                logger.exception("send %d: its copy in the Sent folder could not be taken as evidence", row.id)

    def _hash(self, header: bytes) -> str:
        """Tells nothing of the mail to anybody without the key."""
        known = read_header(header).message_id
        return blake2b(
            known.encode() if known else header, digest_size=16, key=self._key, person=b"not-ours"
        ).hexdigest()


def _came_at(header: Parsed, now: datetime) -> datetime:
    """The later of what the writer's clock says and what the server that took it in says (RFC 5321 4.4), never to come.

    By a clock that is wrong an answer may be older than what it answers, and would stop nothing.
    """
    taken_in = [sent_at(trace.rpartition(";")[2].strip()) for trace in header.headers.raw_all("Received")[:1]]
    return min(max((at for at in (header.date, *taken_in) if at is not None), default=now), now)
