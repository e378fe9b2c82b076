"""Actions: what a decision asks for, in the imperative. Each that is carried out is recorded as one event.

An action has exactly the fields of its event, so the table EVENT_OF is the whole translation. The engine carries
actions out (engine/advance.py); nothing here does.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, get_args

from sequencer.core import events
from sequencer.core.people import Channel
from sequencer.core.reaction import Priority, TaskKind
from sequencer.core.reason import FinishReason, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTouch:
    step: str
    attempt: int
    variant: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTouch:
    step: str
    attempt: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask:
    task: str
    step: str | None
    work: TaskKind
    priority: Priority
    due_at: datetime
    script: str | None = None
    review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeTask:
    task: str
    until: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTask:
    task: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkOverdue:
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteStep:
    step: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipStep:
    step: str
    reason: Reason
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRetry:
    step: str
    again_at: datetime
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBranch:
    step: str
    target: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo:
    step: str
    target: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPause:
    reason: Reason
    until: datetime | None
    due_at: datetime | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePause:
    reason: Reason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutHold:
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeHold:
    reason: Reason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    reason: FinishReason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class React:
    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FireRule:
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    about: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressContact:
    channel: Channel | None
    everywhere: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassign:
    rep: str
    mailbox: str | None = None
    by: str = "sequence"


Action = (
    QueueTouch | CancelTouch | OpenTask | SnoozeTask | CancelTask | MarkOverdue | CompleteStep | SkipStep | PlanRetry
    | TakeBranch | GoTo | PutPause | TakePause | PutHold | TakeHold | Finish | React | FireRule | Notify
    | SuppressContact | Reassign
)  # fmt: skip

EVENT_OF: dict[type[Any], type[Any]] = {
    QueueTouch: events.TouchQueued,
    CancelTouch: events.TouchCancelled,
    OpenTask: events.TaskOpened,
    SnoozeTask: events.TaskSnoozed,
    CancelTask: events.TaskCancelled,
    MarkOverdue: events.TaskOverdue,
    CompleteStep: events.StepCompleted,
    SkipStep: events.StepSkipped,
    PlanRetry: events.RetryPlanned,
    TakeBranch: events.BranchTaken,
    GoTo: events.WentTo,
    PutPause: events.PausePut,
    TakePause: events.PauseTaken,
    PutHold: events.HoldPut,
    TakeHold: events.HoldTaken,
    Finish: events.Finished,
    React: events.Reacted,
    FireRule: events.RuleFired,
    Notify: events.Notified,
    SuppressContact: events.ContactSuppressed,
    Reassign: events.Reassigned,
}
ACTION_KINDS: tuple[type[Any], ...] = get_args(Action)


def event_of(action: Action) -> events.Event:
    """The one event that says that `action` was carried out."""
    values = {field.name: getattr(action, field.name) for field in fields(action)}
    event: events.Event = EVENT_OF[type(action)](**values)
    return event
