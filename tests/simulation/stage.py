"""What every part of one simulated run shares: loop, clock, dice, faults, the record, and which processes live.

A process dies at a seam: `touch` is called wherever it reaches out to the world, and raises in a dead one. Restarting
is its supervisor's business (seed.py).
"""

from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from random import Random

from sequencer.world.record import Record
from tests.simulation.faults import Faults
from tests.simulation.loop import PROCESS, Crashed, VirtualLoop

__all__ = ["WILD_DAYS", "SkewedClock", "Stage"]

WILD_DAYS = 10
COLD_SHARE = 0.1  # where no mail is under way a crash shows little


class SkewedClock:
    """The machine's wall clock, which may be wrong by `skew`; `monotonic` never is."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.starts = datetime(2026, 11, 2, tzinfo=UTC)
        self.skew = timedelta()

    def now(self) -> datetime:
        return self.true_now() + self.skew

    def true_now(self) -> datetime:
        """What the clocks of other machines say."""
        return self.starts + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()


class Stage:
    """`hot`: whether mail is under way. `problems`: what broke beside the checks, as an unexplained exception.

    `storing`: whether mail that came in is being written down. `moves` grows with each event and each change of a
    send's state, `dots` with each final dot, `fences` with each send that passes one.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.loop = VirtualLoop(self.dice("loop"))
        self.clock = SkewedClock(self.loop)
        self.faults = Faults(self.dice("faults"), self.dice("faults of their own"), self.loop.time, WILD_DAYS)
        self.record = Record()
        self.problems: list[str] = []
        self.trace: list[str] = []
        self.transactions = self.moves = self.dots = self.fences = 0
        self.over = False
        self.storing = False
        self.hot: Callable[[], bool] = lambda: True
        self._seams = self.dice("seams")
        self._at_death: list[Callable[[str], None]] = []
        self._at_freeze: list[Callable[[str], None]] = []

    def dice(self, name: str) -> Random:
        """A stream of chances of its own, so that a draw more in one place changes no other."""
        return Random(f"{self.seed}/{name}")

    def say(self, words: str) -> None:
        """Put a line into the trace."""
        self.trace.append(f"{self.clock.now():%a %d %b %H:%M:%S.%f}"[:-3] + f" {words}")

    def later(self, after_s: float, call: Callable[..., object], *args: object) -> None:
        """Have the world do something, whoever runs now: a process that dies takes only its own along."""
        self.loop.call_later(after_s, call, *args, context=Context())

    def at_death(self, call: Callable[[str], None]) -> None:
        self._at_death.append(call)

    def at_freeze(self, call: Callable[[str], None]) -> None:
        self._at_freeze.append(call)

    def touch(self, process: str = "") -> str:
        """The process that runs now, or is named. Raises Crashed in a dead one."""
        process = process or PROCESS.get()
        if self.over or self.loop.is_dead(process):
            raise Crashed(process)
        return process

    def seam(self, process: str = "") -> None:
        """A place at which a process may die or be frozen. Raises Crashed."""
        process = self.touch(process)
        if not process or (not self.hot() and self._seams.random() > COLD_SHARE):
            return
        if self.faults.hit("crash at a seam"):
            self.crash(process, "at a seam")
            raise Crashed(process)
        if self.faults.hit("frozen past the lease"):
            self.freeze(process)

    def crash(self, process: str, where: str) -> None:
        if self.loop.is_dead(process):
            return
        self.say(f"{process} crashes {where}")
        self.loop.kill(process)
        for call in self._at_death:
            call(process)

    def freeze(self, process: str) -> None:
        if self.loop.is_frozen(process) or self.loop.is_dead(process):
            return
        self.say(f"{process} freezes")
        self.loop.freeze(process)
        for call in self._at_freeze:
            call(process)
