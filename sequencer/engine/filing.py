"""Files a copy of each mail that has gone in its Sent folder, where config.toml asks for it (`sent_copy = "append"`).

The rep looks there for what was sent, and an uncertain mail is settled by what lies there; so only a mail that has
gone for certain is filed, and never twice: the folder is asked for the Message-ID first, because a daemon may die
between the copy and its note. What is owed stands in the rows of the mails. No send waits for a copy.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sequencer.clock import Clock
from sequencer.config import Config
from sequencer.core.ports import Inbox
from sequencer.errors import ConfigError, InboxBroken, InboxLost, InputError
from sequencer.store import copies
from sequencer.store.copies import Owed
from sequencer.store.database import Database
from sequencer.store.inbox import broken_reason

ROUND_MAX = 100  # copies of one inbox in one run
THREADS_MAX = 4
PATIENCE_S = 10.0
BACK_OFF_MIN = timedelta(seconds=30)
BACK_OFF_MAX = timedelta(minutes=10)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Folder:
    """The Sent folder of one inbox. `refused`: copies whose last try failed; the others go first."""

    name: str
    mailboxes: tuple[str, ...]
    round: "asyncio.Task[None] | None" = None
    not_before: datetime | None = None
    failures: int = 0
    trouble: str = ""
    refused: set[int] = field(default_factory=set)


class Filing:
    """The filing service of one daemon, `owner`. `inbox_of` makes the reader of an inbox by its name."""

    def __init__(
        self, database: Database, config: Config, clock: Clock, inbox_of: Callable[[str], Inbox], owner: str
    ) -> None:
        self._database, self._clock, self._inbox_of, self._owner = database, clock, inbox_of, owner
        self._folders = _folders(config)
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="sent")
        self._stopping = threading.Event()

    async def run_once(self, now: datetime) -> None:
        """Begin a round in every inbox that may be asked again; one that takes long goes on by itself."""
        for folder in self._folders:
            rests = folder.not_before is not None and now < folder.not_before
            if folder.round is None and not rests and not self._stopping.is_set():
                folder.round = asyncio.create_task(self._round(folder, now), name=f"file copies in {folder.name}")
        if rounds := self.at_work:
            await asyncio.wait(rounds, timeout=PATIENCE_S)

    @property
    def at_work(self) -> list["asyncio.Task[None]"]:
        return [folder.round for folder in self._folders if folder.round is not None]

    async def stop(self) -> None:
        """End every round after the copy that is being filed."""
        self._stopping.set()
        if rounds := self.at_work:
            await asyncio.wait(rounds)
        self._threads.shutdown(wait=False)

    async def _round(self, folder: _Folder, now: datetime) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._file, folder, now)
        except InboxLost as error:
            self._leave_alone(folder, now, BACK_OFF_MIN * 2 ** min(folder.failures, 8), error)
        except (InboxBroken, InputError, ConfigError) as error:
            # Not sooner again: a server locks an account out that is tried with a wrong password all the time.
            self._leave_alone(folder, now, BACK_OFF_MAX, error)
        except Exception as error:
            logger.exception("inbox %s: filing copies failed", folder.name)
            self._leave_alone(folder, now, BACK_OFF_MAX, error)
        else:
            folder.failures, folder.not_before, folder.trouble = 0, None, ""
        finally:
            folder.round = None

    def _leave_alone(self, folder: _Folder, now: datetime, back_off: timedelta, error: Exception) -> None:
        if folder.trouble != str(error):
            folder.trouble = str(error)
            logger.warning("inbox %s: copies of sent mail wait: %s", folder.name, error)
        folder.failures += 1
        folder.not_before = now + min(back_off, BACK_OFF_MAX)

    def _file(self, folder: _Folder, now: datetime) -> None:
        owed = self._database.read(
            lambda connection: copies.owed(connection, folder.mailboxes, self._owner, now, ROUND_MAX)
        )
        if not owed or self._database.read(lambda connection: broken_reason(connection, folder.name)):
            return  # whoever reads the inbox tries it again, and seldom: a wrong password locks accounts
        inbox = self._inbox_of(folder.name)
        try:
            self._file_each(folder, inbox, sorted(owed, key=lambda copy: copy.send_id in folder.refused))
        finally:
            inbox.close()

    def _file_each(self, folder: _Folder, inbox: Inbox, owed: Sequence[Owed]) -> None:
        for copy in owed:
            if self._stopping.is_set():
                return
            folder.refused.add(copy.send_id)
            self._file_once(inbox, copy)
            folder.refused.discard(copy.send_id)
            folder.failures = 0

    def _file_once(self, inbox: Inbox, copy: Owed) -> None:
        """The lease is asked for again each time: another daemon may have taken over meanwhile."""
        now = self._clock.now()
        raw = self._database.read(lambda connection: copies.bytes_owed(connection, copy.send_id, self._owner, now))
        if raw is None:
            return
        if not inbox.find_sent(copy.message_id):
            inbox.append_sent(raw)
        self._database.write(lambda connection: copies.put_copied(connection, copy.send_id, now))


def _folders(config: Config) -> list[_Folder]:
    """The inboxes in which copies are filed, each with the mailboxes whose answers arrive there."""
    by_inbox: dict[str, list[str]] = {}
    for address, name in config.filed_mailboxes.items():
        by_inbox.setdefault(name, []).append(address)
    return [_Folder(name, tuple(mailboxes)) for name, mailboxes in by_inbox.items()]
