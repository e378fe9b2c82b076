"""One simulated daemon: the product's services with their beats, from its start to its death.

The real daemon beats every two seconds, at work or not. This one does after anything moved, and sleeps until the next
instant that the rows or the world name, because an idle beat changes nothing and weeks would be made of them. A
service that raises beats again, as in the real one; what it raised must be explained by a fault.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path

from sequencer.app import LEASE, App, Doors, Services, make_services, smtp_server
from sequencer.channels.connect import Server
from sequencer.channels.smtp import Smtp
from sequencer.config import Config
from sequencer.core.people import Mailbox
from sequencer.core.ports import Channel, Inbox
from sequencer.engine import amnesia
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.outcomes import REST
from sequencer.engine.situation import Surroundings
from sequencer.errors import StoreError
from sequencer.store.epoch_file import EpochFile, opened
from tests.simulation.folders import Account, Reader
from tests.simulation.loop import PROCESS
from tests.simulation.premises import AUTHORITY_FILE, INSTALLATION_KEY, premises
from tests.simulation.rows_at_hand import RowsAtHand
from tests.simulation.stage import SkewedClock, Stage
from tests.simulation.storage import daemon_database

__all__ = ["Daemon"]

BUSY_S, WATCHING_S, IDLE_S_MAX = 2.0, 14.0, 24 * 3600.0  # a lease lasts 20 s
FIRST_IDLE_S, SLOWER, SETTLES_S = 25.0, 8, 0.1  # a dead daemon's lease has ended by then
RESTS_S_MAX = 1800.0
READ_EVERY_S = 240.0  # fresher than the config asks for
FULL_BEAT_EVERY = 30


class Daemon:
    """`name` owns its leases; `epoch_path`: the file outside the database, where the seed may restore a backup."""

    def __init__(
        self, stage: Stage, name: str, url: str, config: Config, catalog: Catalog, accounts: dict[str, Account],
        epoch_path: Path | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._stage, self._dice = stage, stage.dice(f"daemon {name}")
        self._open_files = ExitStack()
        self._rows = RowsAtHand(url.removeprefix("sqlite:///"))
        self._read_at, self._rests, self._dots = -READ_EVERY_S, 0, 0
        self.database = daemon_database(stage, url, name)
        self._file = self._outside(epoch_path)
        app = App(config, self.database, Advance(self.database, Surroundings(config, catalog)),
                  bytes.fromhex(INSTALLATION_KEY))  # fmt: skip
        self._services: Services = make_services(
            app, stage.clock, _doors(stage, config, accounts), name, LEASE, self._file
        )  # fmt: skip
        self._accounts = accounts
        self._running: dict[str, asyncio.Task[None]] = {}
        self._awake = asyncio.Event()
        self._context = copy_context()
        self._context.run(PROCESS.set, name)
        self.stopping = False

    def _outside(self, path: Path | None) -> EpochFile | None:
        if path is None:
            return None
        file = self._open_files.enter_context(opened(path, bytes.fromhex(INSTALLATION_KEY)))
        return _DatedFile(file, self._stage.clock)

    def start(self) -> None:
        self._stage.say(f"{self.name} starts")
        self._context.run(self._stage.loop.create_task, self._run())

    @property
    def sends(self) -> bool:
        return bool(self._services.dispatch.at_work)

    def wake(self, after_s: float = 0.0) -> None:
        self._stage.loop.call_later(after_s, self._awake.set, context=self._context)

    def read_now(self) -> None:
        """What IDLE does: the inboxes are read within a moment."""
        self._stage.loop.call_later(0.001, self._begin, "ingest", 0.0, context=self._context)

    def stop(self) -> None:
        """As SIGTERM does."""
        self.stopping = True
        self.wake()

    async def _run(self) -> None:
        if not await self._has_noticed():
            return
        idle_s, beats = FIRST_IDLE_S, 0
        while not self.stopping:
            self._awake.clear()
            before = self._stage.moves
            await self._beat(_ALL if beats % FULL_BEAT_EVERY == 0 else self._needed())
            beats += 1
            if self._at_work():
                await asyncio.sleep(SETTLES_S)
            if self._stage.moves != before:
                idle_s, pause_s = FIRST_IDLE_S, BUSY_S
            elif self._at_work():
                idle_s, pause_s = FIRST_IDLE_S, WATCHING_S
            else:
                waits, next_s = self._rest()
                pause_s = max(min(idle_s if waits else IDLE_S_MAX, next_s), BUSY_S)
                idle_s = min(SLOWER * idle_s, IDLE_S_MAX)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), pause_s)
                idle_s = FIRST_IDLE_S
        await self._end()

    async def _has_noticed(self) -> bool:
        """Whether the database has forgotten something is found before any mail is read; where it cannot, it ends."""
        file, now = self._file, self._stage.clock.now()
        if file is None:
            return True
        try:
            await self.database.awrite(
                lambda connection: amnesia.notice(connection, file, bytes.fromhex(INSTALLATION_KEY), now)
            )
        except StoreError:
            self._stage.crash(self.name, "before its first beat")
            return False
        return True

    async def _end(self) -> None:
        with suppress(StoreError):
            await self._services.filing.stop()
            await self._services.dispatch.stop()
            await self._services.ingest.stop()
        self._stage.say(f"{self.name} stopped")
        self._stage.crash(self.name, "after its end")

    async def _beat(self, names: tuple[str, ...]) -> None:
        for name in names:
            self._begin(name, self._dice.random() * 0.5)
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=10.0)

    def _begin(self, name: str, after_s: float) -> None:
        if name not in self._running and not self.stopping:
            task = asyncio.get_running_loop().create_task(self._serve(name, after_s))
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))

    async def _serve(self, name: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        try:
            await self._service(name)()
        except StoreError:
            pass
        except Exception as error:
            self._stage.problems.append(f"the service {name} raised {type(error).__name__}: {error}")

    def _service(self, name: str) -> Callable[[], Awaitable[object]]:
        services, clock = self._services, self._stage.clock
        beats: dict[str, Callable[[], Awaitable[object]]] = {
            "advance": self._advance_all,
            "dispatch": lambda: services.dispatch.run_once(clock.now()),
            "ingest": self._read,
            "sweep": lambda: services.rescue.sweep_once(clock.now()),
            "rescue": lambda: services.rescue.look_once(clock.now()),
            "filing": lambda: services.filing.run_once(clock.now()),
        }
        return beats[name]

    async def _read(self) -> None:
        self._read_at = self._stage.clock.monotonic()
        await self._services.ingest.run_once(self._stage.clock.now())

    async def _advance_all(self) -> None:
        while not self.stopping and await self._services.advance.run_once(self._stage.clock.now()):
            pass

    def _at_work(self) -> bool:
        services = self._services
        return bool(self._running or services.dispatch.at_work or services.ingest.busy or services.filing.at_work)

    def _needed(self) -> tuple[str, ...]:
        """The services that have something to do: a beat of any other changes nothing."""
        if self._services.dispatch.at_work:
            return ("dispatch",)
        clock, work = self._stage.clock, self._rows.look(self._stage.clock.now())
        unread = work.unsorted or any(account.unread for account in self._accounts.values())
        stale = clock.monotonic() - self._read_at > READ_EVERY_S
        wanted = {
            "ingest": unread or (work.queued and stale), "advance": work.due or unread,
            "dispatch": work.queued or work.sending or work.uncopied, "sweep": work.sending, "rescue": work.looks,
            "filing": work.uncopied,
        }  # fmt: skip
        return tuple(name for name in _ALL if wanted[name])

    def _rest(self) -> tuple[bool, float]:
        """Whether something waits for what no clock opens, and for how many seconds nothing else can move."""
        now = self._stage.clock.now()
        work, opens_at = self._rows.look(now), self._services.dispatch.next_at
        if work.looks:  # they fell due while the beat ran
            return True, FIRST_IDLE_S
        later = [at for at in (*work.later, opens_at) if at is not None and at > now]
        next_s = (min(later) - now) / timedelta(seconds=1) if later else IDLE_S_MAX
        return work.waits, max(next_s, self._patience_s()) if next_s <= REST.total_seconds() else next_s

    def _patience_s(self) -> float:
        """What a server refuses is tried less and less often: each try would be as the last."""
        if self._stage.faults.calm or self._stage.dots != self._dots:
            self._rests, self._dots = 0, self._stage.dots
            return 0.0
        self._rests += 1
        return float(min(REST.total_seconds() * 2**self._rests, RESTS_S_MAX))

    def die(self) -> None:
        """The machine closes what the process had open."""
        self._open_files.close()

    def close(self) -> None:
        self.die()
        self._rows.close()
        self.database.engine.dispose()


class _DatedFile(EpochFile):
    """Bears the date of the machine's clock, as a disk of that machine would give it; `file` lends its place."""

    def __init__(self, file: EpochFile, clock: SkewedClock) -> None:
        vars(self).update(vars(file))
        self._clock = clock

    def _now(self) -> float:
        return self._clock.now().timestamp()


_ALL = ("ingest", "advance", "dispatch", "sweep", "rescue", "filing")


def _doors(stage: Stage, config: Config, accounts: dict[str, Account]) -> Doors:
    def channel_of(mailbox: Mailbox) -> Channel:
        section = config.mailbox_section(mailbox.address)
        assert section is not None
        real = smtp_server(section.smtp, section.address)
        password = (lambda: "a password of the world") if real.username else None
        server = Server(
            real.host, real.port, real.security, real.username, password, real.local_hostname,
            str(premises().folder / AUTHORITY_FILE),
        )  # fmt: skip
        return Smtp(server, mailbox.connections, stage.clock.monotonic)

    def inbox_of(name: str) -> Inbox:
        address = next(box.address for box in config.mailboxes if box.inbox == name)
        return Reader(accounts[address])

    return Doors(channel_of, inbox_of)
