"""The daemon: a heartbeat for each service, signals, a clean drain, word to systemd.

APScheduler is only the clock: due work lives in the tables. A service that raises is logged and beats again; the rest
goes on. `shutdown(wait=True)` would cancel a running coroutine in mid-send, hence: pause, wait for our own tasks, then
shut down. The unit wants Type=notify, WatchdogSec=60, TimeoutStopSec=45.
"""

import asyncio
import fcntl
import logging
import os
import shlex
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from sequencer.app import (
    LEASE,
    App,
    Services,
    daemon_name,
    daemons_max,
    epoch_path,
    make_services,
    missing_passwords,
    real_doors,
    with_config,
)
from sequencer.clock import Clock
from sequencer.config import load
from sequencer.engine.amnesia import notice
from sequencer.engine.outer_stops import notice_config, put_config_trouble
from sequencer.errors import InputError, SequencerError, StoreError
from sequencer.loop_watch import LoopWatch
from sequencer.memory import give_back_large_blocks
from sequencer.store import epoch_file
from sequencer.store.database import sqlite_file

DRAIN_S_MAX = 30.0
BEATS_S_MAX = 10.0
COPY_S_MAX = 2.0
FROZEN_AFTER_S_MIN, FROZEN_AFTER_S_MAX = 5.0, 10.0  # its batches are small; daemons and stops wait for it meanwhile
logger = logging.getLogger(__name__)
Beat = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two beats of each service."""

    advance_s: float = 2.0
    dispatch_s: float = 2.0
    ingest_s: float = 20.0
    rescue_s: float = 15.0


def sd_notify(message: str) -> None:
    """Send READY=1, STOPPING=1 or WATCHDOG=1 to systemd; nothing happens without it."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
            to_systemd.connect("\0" + address[1:] if address[0] == "@" else address)
            to_systemd.sendall(message.encode())


@contextmanager
def only_daemon(url: str) -> Iterator[None]:
    """Refuse a second daemon on the same SQLite file, whatever it is called there. Raises InputError."""
    file = sqlite_file(url)
    if file is None:
        yield
        return
    file = file.resolve()
    if file.exists() and (names := file.stat().st_nlink) > 1:
        raise InputError(
            f"{file} has {names} names (hard links), and SQLite keeps a log of its own for each: two programs would "
            f"destroy it. Remove the other ones: find / -xdev -samefile {shlex.quote(str(file))}"
        )
    # Ours alone: whoever can open it can lock it, and no daemon would start.
    with open(os.open(f"{file}.daemon", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another daemon runs on {file.name}: stop it first (several daemons need PostgreSQL)"
            ) from None
        yield


class Heartbeat:
    """Beats the services until it is stopped; each beat is tracked, so that a drain can wait for it."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._running: set[asyncio.Task[None]] = set()
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        logging.getLogger("apscheduler.executors.default").setLevel(logging.ERROR)

    def add(self, name: str, beat: Beat, every_s: float, clock: Clock) -> None:
        """Beat now and every `every_s`; a beat that is late or still runs is not made up for."""

        async def tracked() -> None:
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            try:
                await beat()
            except StoreError as error:
                logger.error("%s: %s; it beats again in %g s", name, error, every_s)
            except Exception:
                logger.exception("%s failed; it beats again in %g s", name, every_s)
            sd_notify("WATCHDOG=1")

        self._scheduler.add_job(
            tracked, "interval", seconds=every_s, next_run_time=clock.now(), coalesce=True, max_instances=1,
            misfire_grace_time=None, id=name,
        )  # fmt: skip

    def start(self) -> None:
        self._scheduler.start()

    async def drain(self) -> int:
        """Begin nothing new and wait for what runs; returns how many were cut off, 0 for a clean end."""
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=BEATS_S_MAX)
        cut_off = len(self._running)
        self._scheduler.shutdown(wait=False)
        return cut_off


async def serve(services: Services, clock: Clock, stop: asyncio.Event, pace: Pace) -> int:
    """Run the services until `stop`; returns how many beats were cut off."""
    heartbeat = Heartbeat()
    heartbeat.add("advance", lambda: _advance_all(services, clock, stop), pace.advance_s, clock)
    heartbeat.add("dispatch", lambda: services.dispatch.run_once(clock.now()), pace.dispatch_s, clock)
    heartbeat.add("ingest", lambda: services.ingest.run_once(clock.now()), pace.ingest_s, clock)
    heartbeat.add("sweep", lambda: services.rescue.sweep_once(clock.now()), pace.dispatch_s, clock)
    heartbeat.add("rescue", lambda: services.rescue.look_once(clock.now()), pace.rescue_s, clock)
    heartbeat.add("filing", lambda: services.filing.run_once(clock.now()), pace.rescue_s, clock)
    watching = asyncio.create_task(services.ingest.watch(stop, clock.now), name="watch the inboxes")
    looking = asyncio.create_task(LoopWatch(clock.monotonic).run(), name="watch the event loop")
    heartbeat.start()
    sd_notify("READY=1")
    await watching
    looking.cancel()
    sd_notify("STOPPING=1")
    # Dispatch lets go of the leases: until then a copy is to be there or not, for whoever takes over.
    filing = asyncio.create_task(services.filing.stop())
    await asyncio.wait([filing], timeout=COPY_S_MAX)
    # The beats go on meanwhile: without them the leases of what is on its way would end.
    ending = [filing, asyncio.create_task(services.dispatch.stop()), asyncio.create_task(services.ingest.stop())]
    ended, late = await asyncio.wait(ending, timeout=DRAIN_S_MAX)
    for task in ended:
        if error := task.exception():
            logger.error("a service did not stop cleanly", exc_info=error)
    if late:
        logger.error("the drain took longer than %g s; what has no answer yet will be uncertain", DRAIN_S_MAX)
    return len(late) + await heartbeat.drain()


async def _advance_all(services: Services, clock: Clock, stop: asyncio.Event) -> None:
    """Batches until nothing is due, so that a morning's work does not wait for many beats."""
    while not stop.is_set() and await services.advance.run_once(clock.now()):
        pass


def frozen_after_s(lease: timedelta) -> float:
    """How long a daemon may be silent in mid-transaction: half a lease, lest who waits for it lose theirs."""
    return min(FROZEN_AFTER_S_MAX, max(FROZEN_AFTER_S_MIN, lease.total_seconds() / 2))


async def run(app: App, clock: Clock, pace: Pace = Pace(), lease: timedelta = LEASE) -> int:
    """The whole daemon until SIGTERM or SIGINT; SIGHUP has it read config.toml again.

    Raises InputError when another one runs on the same file. Returns how many beats were cut off.
    """
    give_back_large_blocks()
    signals = _Signals()
    signals.listen(asyncio.get_running_loop())
    name = daemon_name()
    app.database.frozen_after_s = frozen_after_s(lease)
    epochs = epoch_file.opened(epoch_path(app.config), app.key, daemons_max=daemons_max(app.config))
    with only_daemon(app.database.url), epochs as outside:
        logger.info("running; SIGTERM or Ctrl-C drains and stops, SIGHUP reads config.toml again")
        cut_off = 0
        while not signals.end:
            signals.stop.clear()
            now, config = clock.now(), app.config
            await app.database.awrite(lambda connection: notice_config(connection, config, now))  # noqa: B023
            found = await app.database.awrite(lambda connection: notice(connection, outside, app.key, now))  # noqa: B023
            if found:
                logger.error('all sends are held: %s; "sequencer db reconcile" looks into the Sent folders', found.why)
            for trouble in missing_passwords(config):
                logger.warning(
                    'no password or token for %s; its mail waits, and "sequencer doctor" says how to mend it', trouble
                )
            services = make_services(app, clock, real_doors(config, clock), name, lease, outside)
            cut_off += await serve(services, clock, signals.stop, pace)
            if not signals.end:
                app = await _reread(app, clock)
    logger.info("stopped" if not cut_off else f"stopped; {cut_off} beats were cut off")
    return cut_off


@dataclass(slots=True)
class _Signals:
    """`stop` ends this round of service, `end` the daemon."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    end: bool = False

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self.stop.set)

    def _end(self) -> None:
        self.end = True
        self.stop.set()


async def _reread(app: App, clock: Clock) -> App:
    """The same installation by config.toml as it is now; a bad file keeps the old one, and `status` says so."""
    try:
        config, trouble = await asyncio.to_thread(load, app.config.path_of_file), ""
    except SequencerError as error:
        config, trouble = app.config, str(error)
        logger.error("config.toml was not taken, the old one stays: %s", error)
    else:
        logger.info("config.toml was read again")
    await app.database.awrite(lambda connection: put_config_trouble(connection, trouble, clock.now()))
    return with_config(app, config)
