"""The shape of an enrollment's state: plain values, which core/progress.py makes out of events.

Apart from the fold so that both can be read in one sitting. Nothing here changes anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeVar

from sequencer.core import events as e
from sequencer.core.reaction import TaskKind
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.touch import Touch

_Value = TypeVar("_Value")
Status = Literal["active", "paused", "held", "finished"]


@dataclass(frozen=True, slots=True)
class Flight:
    """A message that is queued, on the wire or uncertain. At most one an enrollment."""

    step: str
    attempt: int
    state: Literal["queued", "uncertain"]
    deferrals: int = 0
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskState:
    """An open task. `planned_at`: its due time before it was snoozed; `snoozed_by` as in core/events.py."""

    step: str | None
    work: TaskKind
    due_at: datetime
    opened_at: datetime
    review: bool = False
    overdue: bool = False
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    planned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    reason: Reason
    until: datetime | None
    put_at: datetime
    due_at: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Hold:
    reason: Reason
    detail: str
    put_at: datetime


@dataclass(frozen=True, slots=True)
class Start:
    """The first touch waits until `at`: the enrolment was spread over so many business days."""

    at: datetime
    days: int
    by: str


@dataclass(frozen=True, slots=True)
class PendingSignal:
    """A signal that no decision has answered yet; `number` counts the enrollment's events from 1.

    `step`: whose task it was, for what people say of a task.
    """

    number: int
    at: datetime
    event: e.StoredSignal
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` is the step stood on; once it is `step_done`, the next one is the sequence's to say.

    `since` is what the next wait counts from; `not_before` what a lifted pause or hold, or a planned retry, asks for.
    `resumed_at`: when the last pause or hold was lifted. `confirm`: the rep has to confirm that it may go on.
    `colleagues` has one entry for each answer of a colleague; `silenced` the channels that are skipped from now on.
    `earlier`: the enrollments that this one continues, the oldest first; their threads are its threads.
    """

    sequence: str
    version: int
    rep: str
    mailbox: str
    enrolled_at: datetime
    step: str
    since: datetime
    step_done: bool = False
    not_before: datetime | None = None
    approved: bool = False
    flight: Flight | None = None
    touches: Mapping[str, Touch] = field(default_factory=dict)
    tasks: Mapping[str, TaskState] = field(default_factory=dict)
    tasks_opened: int = 0
    pauses: tuple[Pause, ...] = ()
    holds: tuple[Hold, ...] = ()
    resumed_at: datetime | None = None
    confirm: bool = False
    signals: tuple[PendingSignal, ...] = ()
    fired: tuple[str, ...] = ()
    replied: bool = False
    linkedin_connected: bool = False
    polls: Mapping[str, str] = field(default_factory=dict)
    soft_bounces: tuple[datetime, ...] = ()
    colleagues: tuple[int, ...] = ()
    silenced: tuple[str, ...] = ()
    account_paused_at: datetime | None = None
    finished: FinishReason | None = None
    finished_at: datetime | None = None
    start: Start | None = None
    earlier: tuple[int, ...] = ()
    events: int = 0

    @property
    def status(self) -> Status:
        """Finished before held before paused before active (LIFECYCLE)."""
        if self.finished:
            return "finished"
        if self.holds:
            return "held"
        return "paused" if self.pauses else "active"

    def pause(self, reason: Reason) -> Pause | None:
        return next((pause for pause in self.pauses if pause.reason is reason), None)

    def hold(self, reason: Reason) -> Hold | None:
        return next((hold for hold in self.holds if hold.reason is reason), None)

    @property
    def step_task(self) -> str | None:
        """The key of the task that the current step waits for."""
        if self.step_done:
            return None
        return next((key for key, task in self.tasks.items() if task.step == self.step), None)

    @property
    def clicks(self) -> int:
        return sum(touch.clicks for touch in self.touches.values())


class _Parts(NamedTuple):
    """How to read and write all fields of one frozen class with slots at once."""

    read: Callable[[Any], tuple[Any, ...]]
    write: tuple[Callable[[Any, Any], None], ...]
    place: Mapping[str, int]


@cache
def _parts(kind: Any) -> _Parts:
    names = tuple(field.name for field in fields(kind))
    write = tuple(getattr(kind, name).__set__ for name in names)
    return _Parts(attrgetter(*names), write, {name: at for at, name in enumerate(names)})


def evolve(value: _Value, **changes: Any) -> _Value:
    """A copy with these fields changed: `dataclasses.replace` for what is folded often, at half its cost."""
    kind: Any = type(value)
    parts = _parts(kind)
    values = list(parts.read(value))
    for name, changed in changes.items():
        values[parts.place[name]] = changed
    copy: _Value = object.__new__(kind)
    for write, each in zip(parts.write, values, strict=True):
        write(copy, each)
    return copy
