"""One simulated daemon: the product's services with their beats, from its start to its death.

The real daemon beats every two seconds, at work or not. This one does while anything moves, and sleeps until the next
instant that the rows or the world name, because an idle beat changes nothing and weeks would be made of them. A
service that raises beats again, as in the real one; what it raised must be explained by a fault.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, text

from sequencer.app import LEASE, App, Doors, Services, make_services, smtp_server
from sequencer.channels.connect import Server
from sequencer.channels.smtp import Smtp
from sequencer.config import Config
from sequencer.core.people import Mailbox
from sequencer.core.ports import Channel, Inbox
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.rescue import next_look_at
from sequencer.engine.situation import Surroundings
from sequencer.errors import StoreError
from sequencer.store import log, sends
from sequencer.store.columns import Instant
from sequencer.store.database import Database
from tests.simulation.folders import Account, Reader
from tests.simulation.loop import PROCESS
from tests.simulation.premises import AUTHORITY_FILE, BO, INSTALLATION_KEY, premises
from tests.simulation.stage import Stage
from tests.simulation.storage import daemon_database

__all__ = ["Daemon"]

BUSY_S, WATCHING_S, IDLE_S_MAX = 2.0, 8.0, 24 * 3600.0
FIRST_IDLE_S, SLOWER, SETTLES_S = 25.0, 8, 0.1  # a dead daemon's lease ends in 20 s
FULL_BEAT_EVERY = 12


class Daemon:
    """`name` owns its leases. `observer` reads rows without faults."""

    def __init__(
        self, stage: Stage, name: str, url: str, config: Config, catalog: Catalog, accounts: dict[str, Account],
        observer: Database,
    ) -> None:  # fmt: skip
        self.name = name
        self._stage, self._observer, self._dice = stage, observer, stage.dice(f"daemon {name}")
        self.database = daemon_database(stage, url, name)
        app = App(config, self.database, Advance(self.database, Surroundings(config, catalog)),
                  bytes.fromhex(INSTALLATION_KEY))  # fmt: skip
        self._services: Services = make_services(app, stage.clock, _doors(stage, config, accounts), name, LEASE)
        self._accounts = accounts
        self._running: dict[str, asyncio.Task[None]] = {}
        self._awake = asyncio.Event()
        self._context = copy_context()
        self._context.run(PROCESS.set, name)
        self.stopping = False

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
        idle_s, beats = FIRST_IDLE_S, 0
        while not self.stopping:
            self._awake.clear()
            before = self._moves()
            await self._beat(_ALL if beats % FULL_BEAT_EVERY == 0 else self._needed())
            beats += 1
            if self._at_work():
                await asyncio.sleep(SETTLES_S)
            if self._moves() != before:
                idle_s, pause_s = FIRST_IDLE_S, BUSY_S
            elif self._at_work():
                idle_s, pause_s = FIRST_IDLE_S, WATCHING_S
            else:
                stuck, next_s = self._rest()
                pause_s = max(min(idle_s if stuck else IDLE_S_MAX, next_s), BUSY_S)
                idle_s = min(SLOWER * idle_s, IDLE_S_MAX)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), pause_s)
                idle_s = FIRST_IDLE_S
        await self._end()

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
            "ingest": lambda: services.ingest.run_once(clock.now()),
            "sweep": lambda: services.rescue.sweep_once(clock.now()),
            "rescue": lambda: services.rescue.look_once(clock.now()),
            "filing": lambda: services.filing.run_once(clock.now()),
        }
        return beats[name]

    async def _advance_all(self) -> None:
        while not self.stopping and await self._services.advance.run_once(self._stage.clock.now()):
            pass

    def _at_work(self) -> bool:
        services = self._services
        return bool(self._running or services.dispatch.at_work or services.ingest.busy or services.filing.at_work)

    def _needed(self) -> tuple[str, ...]:
        """The services that have something to do: a beat of any other changes nothing."""
        if self._services.dispatch.at_work:
            return ("dispatch", "sweep")
        work = self._observer.read(lambda connection: _work(connection, self._stage.clock.now()))
        mail = work.queued or work.uncopied
        unread = work.unsorted or any(account.unread for account in self._accounts.values())
        wanted = {
            "ingest": work.queued or unread, "advance": work.due or unread, "dispatch": mail or work.sending,
            "sweep": work.sending, "rescue": work.uncertain, "filing": work.uncopied,
        }  # fmt: skip
        return tuple(name for name in _ALL if wanted[name])

    def _moves(self) -> int:
        """How often anything moved that anybody looks at."""
        return self._observer.read(_moves)

    def _rest(self) -> tuple[bool, float]:
        """Whether something waits for what no clock opens, and for how many seconds nothing else can move."""
        now = self._stage.clock.now()
        stuck, instants = self._observer.read(lambda connection: _waiting(connection, now))
        later = [at for at in (*instants, self._services.dispatch.next_at) if at is not None and at > now]
        return stuck, (min(later) - now) / timedelta(seconds=1) if later else IDLE_S_MAX


_ALL = ("ingest", "advance", "dispatch", "sweep", "rescue", "filing")


@dataclass(frozen=True, slots=True)
class _Work:
    """What the rows hold for each service."""

    due: bool
    queued: bool
    sending: bool
    uncertain: bool
    uncopied: bool
    unsorted: bool


_WORK = """
SELECT EXISTS (SELECT 1 FROM enrollments WHERE due_at <= :now),
  EXISTS (SELECT 1 FROM sends WHERE state = 'queued' AND coalesce(not_before, due_at) <= :now),
  EXISTS (SELECT 1 FROM sends WHERE state = 'sending'), EXISTS (SELECT 1 FROM sends WHERE state = 'uncertain'),
  EXISTS (SELECT 1 FROM sends WHERE state = 'sent' AND copied_at IS NULL AND mailbox = :filed),
  EXISTS (SELECT 1 FROM inbound WHERE state IN ('stored', 'judged'))
"""


def _work(connection: Connection, now: datetime) -> _Work:
    asked = text(_WORK).bindparams(bindparam("now", type_=Instant))
    return _Work(*map(bool, connection.execute(asked, {"now": now, "filed": BO}).one()))


_UNREAD = "SELECT count(*) FROM inbound WHERE state IN ('stored', 'judged')"


def _moves(connection: Connection) -> int:
    asked = "SELECT (SELECT count(*) FROM witness_sends) + (SELECT count(*) FROM witness_events)"
    return int(connection.exec_driver_sql(asked).scalar_one())


def _waiting(connection: Connection, now: datetime) -> tuple[bool, list[datetime | None]]:
    due = log.next_due_at(connection)
    rows = sends.in_state(connection, "queued", "sending", "uncertain")
    looks = next_look_at([row for row in rows if row.state == "uncertain"])
    stuck = any(row.state != "uncertain" and (row.not_before or row.due_at) <= now for row in rows)
    unread = int(connection.exec_driver_sql(_UNREAD).scalar_one()) > 0
    overdue = any(at is not None and at <= now for at in (due, looks))
    return stuck or unread or overdue, [due, looks, *(row.not_before for row in rows if row.state == "queued")]


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
