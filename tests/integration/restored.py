"""A mail room that loses its database and gets a copy of days ago back, for tests of what reconciling makes of that."""

import shutil
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.prepare import prepare
from sequencer.engine.reconciling import Reconciled, Words, reconcile
from sequencer.engine.sent_before import read_mailboxes
from sequencer.engine.situation import Surroundings
from sequencer.inbound.maildir import Maildir
from sequencer.store import epoch, reads, sends
from sequencer.store.backup import back_up
from sequencer.store.epoch import Amnesia, Epoch
from tests.fresh import open_database
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, MailRoom

NOTHING_SAID = Words()


class Restored(MailRoom):
    """A mail room whose Sent folder gets a copy of what it sends, and whose database goes back to a copy."""

    _filed = 0

    def keep(self) -> None:
        """Make the copy. Its database knows of nothing after `known_until`, the last heartbeat."""
        back_up(self.folder / "sequencer.db", self.folder / "kept.db", overwrite=True)
        self.known_until, self._left = self.clock.now(), 0

    def render_due(self) -> None:
        """Bytes for everything that may go now, which do not leave yet."""
        now, mailbox = self.clock.now(), self.config.mailboxes_by_address[ANA]

        def render(connection: Connection) -> None:
            self.advance.advance_due(connection, now)
            sends.put_prepared(connection, prepare(connection, self.advance.around, mailbox, KEY, now).ready)

        self.database.write(render)

    def send(self, *, filed: bool = True) -> None:
        before = {row.id for row in self._sent()}
        self.send_due()
        new = [row.id for row in self._sent() if row.id not in before]
        self._left += len(new)
        for raw in self.database.read(lambda connection: sends.raw_bytes(connection, new)).values():
            if filed:
                self.file(raw)

    def file(self, raw: bytes, stamp: str = "") -> None:
        """As a server would whose clock is right: the name of the file says when."""
        self._filed += 1
        name = f"{stamp or int(self.clock.now().timestamp())}.{self._filed}.host:2,S"
        (self.maildir / ".Sent" / "cur" / name).write_bytes(raw)

    def send_after(self, *, filed: bool = True, **time: float) -> None:
        """What is due when this time has passed and the inbox was read; `filed`: a copy lies in the Sent folder."""
        self.clock.forward(**time)
        self.inbox_read()
        self.send(filed=filed)

    def sent_bytes(self, connection: Connection) -> dict[str, bytes]:
        """The bytes of each mail that is known as sent, by its address."""
        rows = {row.id: row.address for row in sends.in_state(connection, "sent")}
        return {rows[key]: raw for key, raw in sends.raw_bytes(connection, list(rows)).items()}

    def _sent(self) -> list[sends.SendRow]:
        return self.database.read(lambda connection: sends.in_state(connection, "sent"))

    def lose(self, written_at: datetime | None = None, *, noticed: bool = True, counted: bool = True) -> None:
        """Go back to the copy; a daemon notices it, now or at `notice`. `written_at`: when the epoch file was.

        `counted`: the file is there, and tells how many mails left.
        """
        self._lost_at = (written_at or self.clock.now()) if counted else None
        self.database.close()
        for log in ("-wal", "-shm"):
            Path(f"{self.folder}/sequencer.db{log}").unlink(missing_ok=True)
        shutil.copyfile(self.folder / "kept.db", self.folder / "sequencer.db")
        self.database = open_database(f"sqlite:///{self.folder}/sequencer.db")
        self.advance = Advance(self.database, Surroundings(self.config, Catalog()))
        self.ingest = self.new_ingest()
        if noticed:
            self.notice(counted=counted)

    def notice(self, *, counted: bool = True) -> None:
        forgotten = Amnesia("it was restored", self.known_until, self._left if counted else None)
        self.database.write(lambda connection: epoch.hold(connection, forgotten, self.clock.now()))

    def reconcile(self, words: Words = NOTHING_SAID) -> Reconciled:
        last = self.database.read(lambda connection: reads.last_message_ids(connection, self.known_until))
        readings = read_mailboxes(self.config, lambda name: Maildir(self.maildir), last)
        now, outside = self.clock.now(), (Epoch(100, 50), self._lost_at)
        return self.database.write(
            lambda connection: reconcile(connection, self.advance, KEY, readings, words, outside, now)
        )

    def kinds_of(self, *states: str) -> list[tuple[str, str]]:
        rows = self.database.read(lambda connection: sends.in_state(connection, *states))
        return sorted((row.address, row.step) for row in rows)


def someone(room: Restored, name: str) -> int:
    return room.enroll(room.person(f"{name}@{name}.test"))


def forgotten_mail(room: Restored, *, filed: bool = True) -> tuple[int, sends.SendRow]:
    """Jo's enrollment, and the mail to them that the copy does not know."""
    person = room.person("jo@jo.test")
    enrollment = room.enroll(person)
    room.keep()
    room.send(filed=filed)
    left = room.sent(person)
    room.lose()
    return enrollment, left
