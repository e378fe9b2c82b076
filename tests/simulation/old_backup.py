"""The fault "restored old backup": somebody puts a copy of days ago back, and reconciles the mailboxes with it.

The epoch file beside the database knows more than the copy, so the daemon has to hold all sends; so it has where the
copy comes back on another machine, without that file or beside one of another database. What was done between the copy
and its return is forgotten by the rows; the world keeps it (`forgotten`), so that checks can ask about it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from sequencer.app import App
from sequencer.core.ports import Inbox
from sequencer.engine.amnesia import begin
from sequencer.engine.reconciling import Reconciled, Words, reconcile
from sequencer.engine.sent_before import read_mailboxes
from sequencer.errors import InputError
from sequencer.store import epoch as epochs
from sequencer.store import epoch_file, reads
from sequencer.store.backup import back_up, put_back
from tests.simulation.premises import ANA, BO
from tests.simulation.sight import NEVER, Forgotten, forgotten_since
from tests.simulation.stage import Stage

__all__ = ["FAULT", "OldBackup"]

FAULT = "restored old backup"
MADE_H = (10.0, 110.0)
EARLIER = timedelta(minutes=10)
TRIES_MAX = 60
AT_ONCE = 0.15  # so many copies are made before the first daemon runs
ELSEWHERE = 0.4  # so many come back where no file tells how many mails left


class OldBackup:
    """`epoch_path`: where the daemons of a seed that plays the fault count their mails; None in every other seed."""

    def __init__(self, stage: Stage, app: App, file: Path, inbox_of: Callable[[str], Inbox]) -> None:
        self._stage, self._app, self._file, self._inbox_of = stage, app, file, inbox_of
        self._dice, self._places = stage.dice(FAULT), stage.dice(f"{FAULT}, where")
        self._copy, self._made = file.with_name("old.db"), 0
        self._put_back_soon: Callable[[], object] = lambda: None
        self._tries, self._forgotten, self._lifted, self._there = 0, Forgotten(), NEVER, 0
        self.epoch_path = file.with_name("epoch") if stage.faults.plays(FAULT) else None
        if self.epoch_path is not None:
            begin_at = self.epoch_path
            app.database.write(lambda connection: begin(connection, begin_at, app.key))

    @property
    def forgotten(self) -> Forgotten:
        """What the rows do not know any more; of no marks where the fault did not happen."""
        return replace(self._forgotten, lifted=self._lifted, there=self._there)

    def plan(self, end_all: Callable[[], None], reconciled: Callable[[], None]) -> None:
        """`end_all` ends every daemon; supervisors start others. `reconciled` is called when sends go on."""
        if self.epoch_path is None:
            return
        made_h = self._dice.uniform(*MADE_H)
        if self._places.random() < AT_ONCE:
            self._make()
        else:
            self._stage.later(made_h * 3600, self._make)
        self._put_back_soon = lambda: self._stage.later(
            self._dice.choice((0.001, 1.0, 60.0, 3600.0, 20_000.0)), self._put_back, end_all, reconciled
        )

    def mail_taken(self) -> None:
        """The copy is put back some mails after it was made."""
        if self._made and self._dice.random() < 0.4:
            self._put_back_soon()

    def _make(self) -> None:
        back_up(self._file, self._copy)
        self._made = self._stage.record.mark()
        self._stage.say("a backup is made")

    def _put_back(self, end_all: Callable[[], None], reconciled: Callable[[], None]) -> None:
        if self._forgotten.restored != NEVER or not self._stage.faults.hit(FAULT):
            return
        end_all()
        self._app.database.engine.dispose()
        lost = forgotten_since(self._file, self._made)
        aside = self._file.with_name("given-up.db")
        put_back(self._copy, self._file, aside)
        for each in (self._copy, aside, Path(f"{aside}-wal"), Path(f"{aside}-shm")):
            each.unlink(missing_ok=True)
        with closing(sqlite3.connect(self._file)) as connection:
            known = connection.execute("SELECT coalesce(max(id), 0) FROM enrollments").fetchone()[0]
        self._forgotten = replace(lost, restored=self._stage.record.mark(), known=int(known))
        self._stage.say(f"a backup is put back: {len(lost.fences)} fences are forgotten{self._moved()}")
        self._stage.later(self._dice.uniform(0.1, 30) * 3600, self.settle, reconciled)

    def _moved(self) -> str:
        """Often it comes back on another machine."""
        assert self.epoch_path is not None
        if self._places.random() >= ELSEWHERE:
            return ""
        self.epoch_path.unlink(missing_ok=True)
        match self._places.choice(("gone", "another's", "torn")):
            case "another's":
                with epoch_file.opened(self.epoch_path, b"the key of another database") as file:
                    file.write(epochs.Epoch(1000, 0))
                return ", where another database was tried"
            case "torn":
                self.epoch_path.write_bytes(b"torn" * 3000)
                return ", and the epoch file is torn"
        return ", where no epoch file is"

    def settle(self, reconciled: Callable[[], None]) -> None:
        """`db reconcile`, again and again until it lifts the hold; a mailbox that cannot be read is doubted at last.

        Also later: a daemon that dies before it has written its torn file anew leaves it so, and the next one holds.
        """
        self._tries += 1
        held = self._app.database.read(epochs.held)
        if held is not None:
            self._there = max(self._there, self._app.database.read(epochs.newest_held) or 0)
            if self._reconcile(held):
                self._lifted = min(self._lifted, self._stage.record.mark())
                reconciled()
        if self._tries < TRIES_MAX:
            self._stage.later(self._dice.uniform(0.1, 8) * 3600, self.settle, reconciled)

    def _reconcile(self, held: epochs.Amnesia) -> bool:
        assert self.epoch_path is not None
        app, now = self._app, self._stage.clock.now()
        since = held.since or now - timedelta(days=90)
        last = app.database.read(lambda connection: reads.last_message_ids(connection, since - EARLIER))
        readings = read_mailboxes(app.config, self._inbox_of, last, (ANA, BO))
        outside = epoch_file.look(self.epoch_path, app.key)
        last_at = outside.until(app.database.read(epochs.current).mails)
        told = (outside.epoch, datetime.fromtimestamp(last_at, UTC) if last_at else None)
        doubted = frozenset((ANA, BO)) if self._stage.faults.calm or self._dice.random() < 0.3 else frozenset[str]()

        def write(connection: Connection) -> Reconciled:
            return reconcile(connection, app.advance, app.key, readings, Words(doubted=doubted), told, now)

        done = app.database.write(write)
        self._stage.say(
            f"reconciled: {len(done.left)} found, {len(done.lost)} unknown, {done.missing} missing, "
            f"{len(done.doubts)} doubted{'' if done.lifted else ', still held'}"
        )
        if done.lifted:
            with suppress(InputError), epoch_file.opened(self.epoch_path, app.key) as file:
                file.write(app.database.read(epochs.current))
        return done.lifted
