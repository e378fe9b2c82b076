"""One seed, played: a small installation, some weeks, its own mix of faults, then a part in which nothing fails.

The director starts daemons and starts them again, lets the clock jump, and has people type commands at bad moments.
What is left at the end are the world's record, the rows, and what the triggers saw; checks.py judges them.
"""

import asyncio
import gc
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sequencer.app import App
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.situation import Surroundings
from sequencer.world.evidence import Verdict
from sequencer.world.letters import read_original
from sequencer.world.reps import Reps
from sequencer.world.town import Town
from tests.simulation.check_erasure import erase_somebody
from tests.simulation.crowd import Crowd, Post, import_table, work
from tests.simulation.daemon import Daemon
from tests.simulation.folders import Account, Reader
from tests.simulation.office import Office
from tests.simulation.old_backup import OldBackup
from tests.simulation.old_schema import OldSchema
from tests.simulation.premises import ANA, BO, INSTALLATION_KEY, copied, premises
from tests.simulation.sight import Backdrop, Dot, Sight, look
from tests.simulation.smtp_session import MailServer, Watch
from tests.simulation.stage import WILD_DAYS, Stage
from tests.simulation.storage import office_database
from tests.simulation.wire import InMemoryNetwork

__all__ = ["Played", "play"]

WILD, CALM = timedelta(days=WILD_DAYS), timedelta(days=6)
DOTS_MAX = 150
WORK_OFF_S, WORK_OFF_BEATS = 45.0, 15
ORDINARY = (datetime(2026, 11, 2, 7, tzinfo=UTC), datetime(2026, 11, 30, 7, tzinfo=UTC),
            datetime(2027, 1, 4, 7, tzinfo=UTC))  # fmt: skip
BEFORE_DST = (datetime(2026, 10, 19, 7, tzinfo=UTC), datetime(2026, 10, 26, 7, tzinfo=UTC),
              datetime(2027, 3, 8, 7, tzinfo=UTC), datetime(2027, 3, 22, 7, tzinfo=UTC))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Played:
    """`fired`: how often each fault happened. `digest`: of everything that was seen. `erased`: of the last act."""

    seed: int
    sight: Sight
    problems: tuple[str, ...]
    trace: tuple[str, ...]
    fired: Counter[str]
    digest: str
    erased: Verdict

    @property
    def mails(self) -> int:
        return len(self.sight.evidence.took)


def play(seed: int) -> Played:
    """Play one seed from its beginning to its end."""
    folder = Path(tempfile.mkdtemp(prefix="seed-", dir=premises().folder))
    gc.disable()  # the collector would close coroutines of dead processes at instants that no seed knows
    director = _Director(seed, folder)
    try:
        return director.play()
    finally:
        director.close()
        gc.enable()
        shutil.rmtree(folder, ignore_errors=True)


class _Director(Watch):
    def __init__(self, seed: int, folder: Path) -> None:
        self.stage = stage = Stage(seed)
        dst = stage.faults.hit("DST change")
        stage.clock.starts = stage.dice("start").choice(BEFORE_DST if dst else ORDINARY)
        self._dice = stage.dice("director")
        self._url = copied(folder)
        self._config, self._catalog = premises().config, Catalog()
        self._office_database = office_database(stage, self._url)
        advance = Advance(self._office_database, Surroundings(self._config, self._catalog))
        self._app = App(self._config, self._office_database, advance, bytes.fromhex(INSTALLATION_KEY))
        self._accounts = {address: Account(stage, address) for address in (ANA, BO)}
        self._crowd = Crowd(stage)
        self._post = Post(stage, self._accounts, self._wake)
        self._town = Town(seed, stage.clock, stage.record)
        self._town.settle(self._crowd.people.values(), self._post)
        self._office = Office(stage, self._app, self._crowd, self._wake)
        self._backup = OldBackup(stage, self._app, folder / "sequencer.db", self._inbox_of)
        self._upgrade = OldSchema(stage, self._app, folder / "sequencer.db")
        self._server = MailServer(stage, self._town, self)
        stage.loop.network = InMemoryNetwork(stage, self._server.serve)
        stage.hot = self._is_hot
        stage.at_death(self._died)
        stage.at_freeze(self._froze)
        self._daemons: dict[str, Daemon] = {}
        self._all: list[Daemon] = []
        self._dots: list[Dot] = []
        self._calm_at = 0.0
        self._skewed = False
        self._flooded = asyncio.Event()

    def play(self) -> Played:
        stage = self.stage
        ends = stage.loop.play(self._run())
        self._app.database.engine.dispose()
        backdrop = Backdrop(
            self._config, stage.record, tuple(self._dots), self._calm_at, stage.loop.time(), ends,
            self._skewed, self._backup.forgotten,
        )  # fmt: skip
        sight = look(self._url, self._catalog, backdrop)
        erased = erase_somebody(stage, self._app, self._crowd)
        text = "\n".join([stage.record.digest(), *stage.trace, *map(repr, sight.changes), *stage.problems])
        return Played(stage.seed, sight, tuple(stage.problems), tuple(stage.trace), stage.faults.fired,
                      sha256(text.encode()).hexdigest(), erased)  # fmt: skip

    def close(self) -> None:
        self.stage.over = True
        self.stage.loop.bury()
        for daemon in self._all:
            daemon.close()
        self._app.database.engine.dispose()

    async def _run(self) -> datetime:
        stage = self.stage
        import_table(self._app, list(self._crowd.rows.values()), stage.clock.now())
        self._start_daemon()
        for address in [*self._crowd.people, *self._crowd.people]:
            stage.later(self._dice.uniform(0, 120) * 3600, self._office.run, self._office.enroll, address)
        reps = Reps(stage.seed, self._app, self._crowd.by_id(self._app), self._has_arrived, stage.record)
        stage.loop.create_task(work(stage, self._app, reps, self._has_arrived, self._wake))
        self._plan()
        self._backup.plan(self._end_all, self._reconciled)
        self._upgrade.plan(lambda: self._kill_all("for an upgrade"))
        await self._pass(WILD.total_seconds())
        self._grow_calm()
        await self._pass(CALM.total_seconds())
        for _ in range(WORK_OFF_BEATS):
            self._wake()
            await self._pass(WORK_OFF_S)
        return stage.clock.now()

    async def _pass(self, seconds: float) -> None:
        """Let time pass, unless there is no end of mail: then the rest would show nothing new."""
        if not self._flooded.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._flooded.wait(), seconds)

    def _is_hot(self) -> bool:
        return any(daemon.sends for daemon in self._daemons.values())

    def _has_arrived(self, message_id: str) -> bool:
        return message_id in self._town.arrived

    def _plan(self) -> None:
        """What happens at an instant of its own, and not at a seam."""
        once: dict[str, Callable[[], None]] = {
            "clock +1 d": lambda: self._skew(timedelta(days=1)),
            "clock -2 h": lambda: self._skew(timedelta(hours=-2)),
            "suspend": self._suspend,
            "two daemons": self._start_twin,
            "sequence edited": lambda: self._type(self._office.edit),
            "sequence paused": lambda: self._type(self._office.pause_sequence),
            "restart": self._restart,
            "duplicate import": lambda: self._type(self._office.duplicate_import),
        }
        for name, act in once.items():
            if self.stage.faults.plays(name):
                self._at_work_time(lambda name=name, act=act: self._happen(name, act))  # type: ignore[misc]
        for _ in range(self._dice.randint(0, 10)):
            self._at_work_time(self._office.anything)

    def _at_work_time(self, act: Callable[[], None]) -> None:
        """Some time by day: at night nothing is under way."""
        day, hour = self._dice.randint(0, WILD_DAYS - 1), self._dice.uniform(0.5, 14)
        self.stage.later(day * 86_400 + hour * 3600, act)

    def _happen(self, name: str, act: Callable[[], None]) -> None:
        if self.stage.faults.hit(name):
            self.stage.say(f"fault: {name}")
            act()

    def _type(self, command: Callable[[str], object]) -> None:
        self._office.run(command, self._dice.choice(list(self._crowd.people)))

    def _skew(self, by: timedelta) -> None:
        self.stage.clock.skew += by
        self._skewed = True

        def mend() -> None:
            self.stage.clock.skew = timedelta()
            self._wake()

        self.stage.later(self._dice.uniform(0.5, 30) * 3600, mend)
        self._wake()

    def _inbox_of(self, name: str) -> Reader:
        address = next(box.address for box in self._config.mailboxes if box.inbox == name)
        return Reader(self._accounts[address], keeps=False)

    def _end_all(self) -> None:
        """The machine is lost; the next daemon has to read again what this one has read."""
        self._kill_all("with its machine")
        self._read_anew()

    def _kill_all(self, why: str) -> None:
        for name in list(self._daemons):
            self.stage.crash(name, why)

    def _reconciled(self) -> None:
        """The inboxes are read anew, because an answer to what was forgotten could not be known before."""
        self._read_anew()
        self._wake()

    def _read_anew(self) -> None:
        for account in self._accounts.values():
            account.read_anew()

    def _restart(self) -> None:
        """As a service manager does: SIGTERM, and another one."""
        for daemon in self._daemons.values():
            daemon.stop()

    def _suspend(self) -> None:
        """The whole machine sleeps; its connections die."""
        sleeping, hours = list(self._daemons), self._dice.uniform(1, 40)
        for name in sleeping:
            self.stage.loop.freeze(name)
        self.stage.later(hours * 3600, self._thaw, sleeping)

    def _froze(self, name: str) -> None:
        """Past its lease: often somebody starts another daemon meanwhile."""
        self.stage.later(self._dice.choice((1.5, 4.0, 25.0, 90.0, 4000.0)), self._thaw, [name])
        if self._dice.random() < 0.6 and len(self._daemons) < 3:
            self.stage.later(self._dice.uniform(0, 40), self._start_daemon)

    def _freeze_at_the_dot(self, name: str) -> None:
        """Another daemon takes the mailbox over and settles the mail; then the answer is heard."""
        if self.stage.loop.is_frozen(name) or self.stage.loop.is_dead(name):
            return
        self.stage.say(f"{name} freezes between dot and answer")
        self.stage.loop.freeze(name)
        self.stage.later(self._dice.uniform(0, 5), self._start_daemon)
        self.stage.later(self._dice.uniform(30, 85), self._thaw, [name])

    def _thaw(self, names: list[str]) -> None:
        for name in names:
            self.stage.say(f"{name} goes on")
            self.stage.loop.thaw(name)

    def _start_twin(self) -> None:
        self._start_daemon()

    def _start_daemon(self) -> None:
        if len(self._daemons) >= (1 if self._backup.epoch_path else 3):
            return
        name = f"daemon-{len(self._all) + 1}"
        daemon = Daemon(self.stage, name, self._url, self._config, self._catalog, self._accounts,
                        self._backup.epoch_path)  # fmt: skip
        self._daemons[name] = daemon
        self._all.append(daemon)
        daemon.start()
        if len(self._daemons) > 1:
            self.stage.later(self._dice.uniform(0.2, 12) * 3600, self._stop_one, name)

    def _stop_one(self, name: str) -> None:
        if name in self._daemons and len(self._daemons) > 1:
            self._daemons[name].stop()

    def _died(self, name: str) -> None:
        if daemon := self._daemons.pop(name, None):
            daemon.die()
        if not self._daemons or self._dice.random() < 0.5:
            delay_s = self._dice.choice((0.05, 1.0, 5.0, 25.0, 60.0, 5000.0, 30_000.0))
            if self.stage.faults.calm:
                delay_s = 5.0
            self.stage.later(delay_s, self._start_if_none)

    def _start_if_none(self) -> None:
        if not self._daemons:
            self._start_daemon()

    def _grow_calm(self) -> None:
        """Nothing fails from here on; whoever looks after the installation mends what is broken."""
        stage = self.stage
        stage.say("faults stop")
        stage.faults.calm = True
        self._calm_at = stage.loop.time()
        stage.clock.skew = timedelta()
        for name in list(self._daemons):
            stage.loop.thaw(name)
        for name in list(self._daemons)[1:]:
            self._daemons[name].stop()
        self._start_if_none()
        self._server.login_revoked = False
        self._office.run(self._office.resume_everything, "")
        for day in (1, 2):
            stage.later(day * 86_400.0, self._office.run, self._office.resume_everything, "")

    def _wake(self, after_s: float = 0.0) -> None:
        for daemon in self._daemons.values():
            daemon.wake(after_s)

    def body_begins(self, recipient: str) -> int:
        faults, one = self.stage.faults, self._crowd.people[recipient]
        moment_s = self._dice.random() * 0.05
        if recipient in self._post.originals and faults.hit("a reply at the fence"):
            self.stage.later(moment_s, self._answer, recipient)
        if faults.hit("a stop at the fence"):
            self.stage.later(moment_s, self._office.stop_at_once, one.address)
        if faults.hit("merge while sending"):
            self.stage.later(moment_s, self._office.run, self._office.merge, one.address)
        return self.stage.record.mark()

    def _answer(self, recipient: str) -> None:
        if self._post.answer_now(self._crowd.people[recipient]):
            for daemon in self._daemons.values():
                daemon.read_now()

    def dot(self, message: bytes, recipient: str, written_at: float, begun: int, process: str) -> None:
        with suppress(KeyError):
            original = read_original(message)
            self.stage.say(f"dot: {recipient}: {original.subject}")
            mark = self.stage.record.mark()
            self.stage.dots += 1
            self._dots.append(Dot(mark, begun, written_at, original.message_id, recipient, message))
        if len(self._dots) == DOTS_MAX:
            self.stage.problems.append(f"{DOTS_MAX} dots: there is no end of mail")
            self._flooded.set()
        if self.stage.faults.hit("frozen between dot and answer"):
            self._freeze_at_the_dot(process)

    def taken(self, recipient: str, raw: bytes) -> None:
        """The daemon may never learn of it."""
        self._post.remember(recipient, raw)
        self._backup.mail_taken()
        if self._daemons and self.stage.faults.hit("crash between dot and answer"):
            name = self._dice.choice(list(self._daemons))
            self.stage.crash(name, "between dot and answer")
