"""Reads the inboxes: sync (network, stores bytes), classify (pure), project (acts); one direction, each restartable.

Each inbox is walked in a thread of its own, so that a slow server holds up nobody else. The regular walk is the truth;
`watch` only has an inbox read sooner. It does not retry: a failed inbox is left alone until its time comes.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sequencer.core.ports import Inbox
from sequencer.engine.advance import Advance
from sequencer.engine.arrivals import Walk, WalkStopped
from sequencer.engine.ours import ours_of
from sequencer.engine.resting import in_words
from sequencer.engine.sorting import Sorting
from sequencer.errors import ConfigError, InboxBroken, InboxLost, InputError, StoreError
from sequencer.store import inbox as store
from sequencer.store import walks
from sequencer.store.database import Database

BACK_OFF_MIN = timedelta(seconds=1)
BACK_OFF_MAX = timedelta(minutes=5)
BROKEN_BACK_OFF_MAX = timedelta(hours=1)
PATIENCE_S = 10.0  # how long one run waits for walks before it works off what the others brought
WAIT_S = 1500.0
NEWS_GAP = timedelta(seconds=2)  # a server that has news for ever is not read without a pause
WATCHED_MAX = 50
THREADS_MAX = 2 * WATCHED_MAX
BROKEN = (InboxBroken, InputError, ConfigError)  # what only a person can mend

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(slots=True)
class _Line:
    """One inbox. `lock`: one thread at a time uses it. `wake` ends a wait for news. `not_before`: idle till then.

    `news_at`: when it was last read because it had news.
    """

    name: str
    inbox: Inbox | None = None
    walk: "asyncio.Task[None] | None" = None
    wait: "asyncio.Task[None] | None" = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wake: threading.Event = field(default_factory=threading.Event)
    not_before: datetime | None = None
    news_at: datetime | None = None
    failures: int = 0
    trouble: str = ""

    def let_go(self) -> None:
        """Drop the connection: the next walk makes a fresh one."""
        if self.inbox is not None:
            self.inbox.close()
            self.inbox = None


@dataclass(frozen=True, slots=True)
class _Watch:
    """How long news are waited for, and what the time is when some come."""

    stop: asyncio.Event
    now: Callable[[], datetime]


class Ingest:
    """The reading service of one daemon. `inbox_of` makes the reader of an inbox by its name; `key` is for hashes.

    `owner`: the daemon's name; with one, an inbox is left to the daemon that holds the lease of its first mailbox.
    """

    def __init__(
        self,
        database: Database,
        advance: Advance,
        inbox_of: Callable[[str], Inbox],
        key: bytes,
        patience_s: float = PATIENCE_S,
        owner: str = "",
    ) -> None:
        self._database, self._advance, self._inbox_of, self._key = database, advance, inbox_of, key
        self._patience_s, self._owner = patience_s, owner
        self._lines: dict[str, _Line] = {}
        self._sorting_now: set[asyncio.Task[int]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._stopping = threading.Event()
        self._watch: _Watch | None = None
        self._reading: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="inbox")
        self._sorting = Sorting(database, advance, self._stopping.is_set)

    async def run_once(self, now: datetime) -> int:
        """Read every inbox and let what came act; returns how many mails had their effect.

        A walk slower than `patience_s` goes on by itself: `busy` tells, and a later run works off what it brings.
        """
        return await self._let_act(self.begin_sync(now), now)

    def begin_sync(self, now: datetime) -> list["asyncio.Task[None]"]:
        """Set a walk going in every inbox of config that is neither being walked nor left alone; returns the walks."""
        names = set(ours_of(self._advance.around.config).mailboxes)
        for name in [name for name, line in self._lines.items() if name not in names and line.walk is None]:
            line = self._lines.pop(name)
            line.wake.set()
            if line.wait is None:
                line.let_go()
        lines = [self._lines.setdefault(name, _Line(name)) for name in sorted(names)]
        return [walk for line in lines if (walk := self._begin_walk(line, now))]

    async def sync(self, now: datetime) -> None:
        """The first stage alone, to the end of every walk."""
        if walks := self.begin_sync(now):
            await asyncio.wait(walks)

    async def classify(self, now: datetime) -> int:
        """The second stage alone; returns how many mails were judged."""
        return await self._sorting.classify(now)

    async def project(self, now: datetime) -> int:
        """The third stage alone; returns how many mails had their effect."""
        return await self._sorting.project(now)

    async def watch(self, stop: asyncio.Event, now: Callable[[], datetime]) -> None:
        """Until `stop`, wait for news in each inbox that was read, and read it when it has some.

        A wait that fails is begun again by the next regular walk, which makes a new connection.
        """
        self._watch = _Watch(stop, now)
        try:
            await stop.wait()
        finally:
            self._watch = None
            for line in self._lines.values():
                line.wake.set()

    @property
    def at_work(self) -> list["asyncio.Task[Any]"]:
        """Walks and projections that are under way; waiting for news is none."""
        walks = [line.walk for line in self._lines.values() if line.walk is not None]
        return [*walks, *self._sorting_now]

    @property
    def busy(self) -> bool:
        return bool(self.at_work)

    async def stop(self) -> None:
        """End every walk at its next message, and every wait; what was settled stays."""
        self._stopping.set()
        for line in self._lines.values():
            line.wake.set()
        waits = [line.wait for line in self._lines.values() if line.wait is not None]
        if running := [*self.at_work, *waits, *self._reading]:
            await asyncio.wait(running)
        for line in self._lines.values():
            line.let_go()
        self._threads.shutdown(wait=False)

    def _begin_walk(self, line: _Line, now: datetime) -> "asyncio.Task[None] | None":
        rests = line.not_before is not None and now < line.not_before
        if line.walk is not None or rests or self._stopping.is_set():
            return None
        line.walk = asyncio.create_task(self._sync(line, now), name=f"walk {line.name}")
        return line.walk

    async def _let_act(self, walks: Sequence["asyncio.Task[None]"], now: datetime) -> int:
        """Wait for these walks, though not for ever, and work off what is there; returns how many mails acted."""
        if walks:
            await asyncio.wait(walks, timeout=self._patience_s)
        if self._stopping.is_set():
            return 0
        task = asyncio.create_task(self._sort(now), name="sort mail")
        self._sorting_now.add(task)
        task.add_done_callback(self._sorting_now.discard)
        return await task

    async def _sort(self, now: datetime) -> int:
        async with self._one_at_a_time:
            if not await self._sorting.any_waiting():
                return 0
            await self._sorting.classify(now)
            return await self._sorting.project(now)

    async def _sync(self, line: _Line, now: datetime) -> None:
        line.wake.set()
        try:
            async with line.lock:
                line.wake.clear()
                await self._walk_once(line, now)
        finally:
            line.walk = None
        if self._watch and not line.failures and line.wait is None and not self._stopping.is_set():
            self._begin_wait(line)

    async def _walk_once(self, line: _Line, now: datetime) -> None:
        try:
            await self._in_thread(lambda: self._walk(line, now))
        except WalkStopped:
            return
        except InboxLost as error:
            self._leave_alone(line, now, BACK_OFF_MIN * 2 ** min(line.failures, 16))
            self._say(line, f"cannot be reached, so follow-ups wait: {error}")
        except BROKEN as error:
            # Not sooner again: a server locks an account out that tries a wrong password all the time.
            self._leave_alone(line, now, BACK_OFF_MAX * 2 ** min(line.failures, 16), BROKEN_BACK_OFF_MAX)
            self._say(line, f"cannot be read until somebody mends it: {error}")
        except Exception:
            self._leave_alone(line, now, BACK_OFF_MIN * 2 ** min(line.failures, 16))
            logger.exception("inbox %s: the walk failed", line.name)
        else:
            if line.trouble:
                logger.info("inbox %s is read again", line.name)
            line.failures, line.not_before, line.trouble = 0, None, ""

    def _walk(self, line: _Line, now: datetime) -> None:
        ours = ours_of(self._advance.around.config)
        first = next(iter(ours.mailboxes.get(line.name, ())), "") if self._owner else ""
        begun = self._database.read(lambda connection: walks.begin(connection, line.name, first, self._owner, now))
        if begun is None:
            line.let_go()
            return
        walk = Walk(self._database, self._advance, self._key, line.name, ours, now, self._stopping)
        try:
            if line.inbox is None:
                line.inbox = self._inbox_of(line.name)
            walk.run(line.inbox, *begun)
        except InboxLost as error:
            lost = in_words(str(error))
            self._database.write(lambda connection: store.put_lost(connection, line.name, lost, now))
            raise
        except BROKEN as error:
            broken = str(error)
            self._database.write(lambda connection: store.put_broken(connection, line.name, broken, now))
            raise
        except (WalkStopped, StoreError):
            raise
        except Exception as error:
            bug = f"an internal error ({type(error).__name__}); the daemon's log has more"
            self._database.write(lambda connection: store.put_lost(connection, line.name, bug, now))
            raise

    def _leave_alone(self, line: _Line, now: datetime, back_off: timedelta, longest: timedelta = BACK_OFF_MAX) -> None:
        line.let_go()
        line.failures += 1
        line.not_before = now + min(back_off, longest)

    def _say(self, line: _Line, trouble: str) -> None:
        """Log what is wrong once, not at every try."""
        if trouble != line.trouble:
            line.trouble = trouble
            logger.warning("inbox %s %s", line.name, trouble)

    def _begin_wait(self, line: _Line) -> None:
        if sum(other.wait is not None for other in self._lines.values()) < WATCHED_MAX:
            line.wait = asyncio.create_task(self._wait(line), name=f"wait for {line.name}")

    async def _wait(self, line: _Line) -> None:
        """Wait for news once; a walk begins another wait. A failure here shows in the next walk."""
        news = False
        try:
            async with line.lock:
                inbox = line.inbox
                if inbox is None or self._stopping.is_set() or self._lines.get(line.name) is not line:
                    return
                news = await self._in_thread(lambda: inbox.wait(line.wake, WAIT_S))
        except (InboxLost, InboxBroken) as error:
            logger.info("inbox %s: waiting for news ended: %s", line.name, error)
        finally:
            line.wait = None
            if self._lines.get(line.name) is not line:
                line.let_go()
        if news and self._watch and not self._stopping.is_set():
            task = asyncio.create_task(self._read(line, self._watch), name=f"read the news of {line.name}")
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _read(self, line: _Line, watch: _Watch) -> None:
        """As `run_once`, for one inbox. Whatever fails here comes again with the next regular run."""
        try:
            if line.news_at is not None and (pause := line.news_at + NEWS_GAP - watch.now()) > timedelta():
                with suppress(TimeoutError):
                    await asyncio.wait_for(watch.stop.wait(), pause.total_seconds())
            if watch.stop.is_set():
                return
            line.news_at = now = watch.now()
            walk = self._begin_walk(line, now)
            await self._let_act([walk] if walk else [], now)
        except Exception:
            logger.exception("inbox %s: its news could not be read at once", line.name)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
