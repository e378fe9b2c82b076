"""Progress: where one enrollment stands, as a fold over its events.

`step(progress, event)` applies one recorded event; `fold` reduces a log. The stored Progress is a projection of the
log, and tests compare the two. No rule of a sequence is applied here: what should happen next is core/decide.py's.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter

from sequencer.core import events as e
from sequencer.core.corrected import continued, corrected
from sequencer.core.reason import Reason
from sequencer.core.sequence import END
from sequencer.core.state import (
    Flight,
    Hold,
    Pause,
    PendingSignal,
    Progress,
    Start,
    Status,
    TaskState,
    evolve,
)  # fmt: skip
from sequencer.core.touch import Touch, TouchState

__all__ = [
    "CONFIRM_AFTER", "Flight", "Hold", "Pause", "PendingSignal", "Progress", "Start", "Status", "TaskState",
    "Touch", "TouchState", "enroll", "fold", "from_json", "step", "to_json",
]  # fmt: skip

CONFIRM_AFTER = timedelta(days=14)
_SIGNALS: tuple[type[Any], ...] = get_args(e.Signal)
_Value = TypeVar("_Value")


def enroll(event: e.Enrolled, at: datetime) -> Progress:
    """The first event of every log."""
    start = Start(event.starts_at, event.spread_days, event.by) if event.starts_at else None
    return Progress(
        sequence=event.sequence, version=event.version, rep=event.rep, mailbox=event.mailbox,
        enrolled_at=at, step=event.step, since=at, not_before=event.starts_at, start=start, events=1,
    )  # fmt: skip


def step(progress: Progress, event: e.Event, at: datetime) -> Progress:
    """Apply one event that was recorded at `at`. A fact is never refused; one that fits nothing only counts."""
    progress = evolve(progress, events=progress.events + 1)
    if (signal := _signal(progress, event, at)) is not None:
        progress = evolve(progress, signals=(*progress.signals, signal))
    return _applied(progress, event, at)


def fold(log: Iterable[tuple[datetime, e.Event]]) -> Progress:
    """Replay a whole log. Raises ValueError when it does not begin with Enrolled."""
    entries = iter(log)
    at, first = next(entries, (None, None))
    if at is None or not isinstance(first, e.Enrolled):
        raise ValueError("a log begins with Enrolled")
    progress = enroll(first, at)
    for at, event in entries:
        progress = step(progress, event, at)
    return progress


def _signal(progress: Progress, event: e.Event, at: datetime) -> PendingSignal | None:
    """What `decide` has to answer; what is said of a task that is not open needs no answer."""
    match event:
        case e.TaskDone(task=key) | e.TaskSkipped(task=key) | e.TaskOverdue(task=key):
            task = progress.tasks.get(key)
            return PendingSignal(progress.events, at, event, task.step) if task else None
    return PendingSignal(progress.events, at, event) if isinstance(event, _SIGNALS) else None


def _applied(progress: Progress, event: e.Event, at: datetime) -> Progress:
    match event:
        case (
            e.TouchQueued() | e.TouchSent() | e.TouchDeferred() | e.TouchRefused() | e.TouchUncertain()
            | e.TouchSettled() | e.TouchReattempted() | e.TouchCancelled()
        ):  # fmt: skip
            return _touched(progress, event, at)
        case e.TaskOpened() | e.TaskDone() | e.TaskSkipped() | e.TaskSnoozed() | e.TaskCancelled() | e.TaskOverdue():
            return _tasked(progress, event, at)
        case e.StepCompleted() | e.StepSkipped() | e.RetryPlanned() | e.BranchTaken() | e.WentTo():
            return _moved(progress, event, at)
        case e.PausePut() | e.PauseTaken() | e.HoldPut() | e.HoldTaken():
            return _stopped(progress, event, at)
        case e.Finished(reason=reason):
            return progress if progress.finished else evolve(progress, finished=reason, finished_at=at)
        case e.Reacted(to=number):
            left = tuple(signal for signal in progress.signals if signal.number != number)
            return evolve(progress, signals=left)
        case e.RuleFired(rule=rule):
            return evolve(progress, fired=(*progress.fired, rule))
        case e.ContactSuppressed(channel=channel):
            return evolve(progress, silenced=_with(progress.silenced, channel or "all"))
        case e.ContactAllowed(channel=channel):
            still = tuple(each for each in progress.silenced if channel not in (None, each))
            return evolve(progress, silenced=still)
        case e.Reassigned(rep=rep, mailbox=mailbox):
            return evolve(progress, rep=rep, mailbox=mailbox or progress.mailbox)
        case e.VersionApplied():
            return _edited(progress, event)
        case e.Continued():
            return continued(progress, event)
        case e.Corrected():
            return corrected(progress, event)
        case _:
            return _noticed(progress, event, at)


def _touched(progress: Progress, event: e.Event, at: datetime) -> Progress:
    match event:
        case e.TouchQueued(step=step_id, attempt=attempt, variant=variant, version=version):
            entered = _entered(progress, step_id)
            entered = evolve(entered, flight=Flight(step_id, attempt, "queued"))
            return _touch(
                entered, step_id, at, state="queued", attempt=attempt, variant=variant, version=version, permitted=False
            )
        case e.TouchSent(step=step_id, sent_at=sent_at) | e.TouchSettled(step=step_id, sent_at=sent_at):
            # Evidence for attempt 1 leaves a queued attempt 2 in flight: core/tidy.py calls it back.
            landed = _landed(progress, step_id, event.attempt)
            sent = _touch(landed, step_id, sent_at, state="sent", attempt=event.attempt)
            here = progress.step == step_id and not progress.step_done
            return _step_done(sent, sent_at) if here else sent
        case e.TouchDeferred(again_at=again_at) if progress.flight:
            flight = evolve(progress.flight, deferrals=progress.flight.deferrals + 1, again_at=again_at)
            return evolve(progress, flight=flight)
        case e.TouchRefused(step=step_id, attempt=attempt):
            return _touch(_landed(progress, step_id, attempt), step_id, at, state="refused", attempt=attempt)
        case e.TouchUncertain(step=step_id, attempt=attempt):
            uncertain = evolve(progress, flight=Flight(step_id, attempt, "uncertain"))
            return _touch(uncertain, step_id, at, state="uncertain", attempt=attempt)
        case e.TouchReattempted(step=step_id, attempt=attempt):
            again = evolve(progress, flight=Flight(step_id, attempt, "queued"))
            if progress.step == step_id:
                again = evolve(again, step_done=False)
            return _touch(again, step_id, at, state="queued", attempt=attempt)
        case e.TouchCancelled():
            return _called_back(progress, event, at)
    return progress


def _landed(progress: Progress, step_id: str, attempt: int) -> Progress:
    flight = progress.flight
    mine = flight is not None and (flight.step, flight.attempt) == (step_id, attempt)
    return evolve(progress, flight=None) if mine else progress


def _called_back(progress: Progress, event: e.TouchCancelled, at: datetime) -> Progress:
    flight, touch = progress.flight, progress.touches.get(event.step)
    landed = _landed(progress, event.step, event.attempt)
    if landed is progress or flight is None or touch is None:
        return progress
    if flight.state == "uncertain":
        # Nobody knows whether it arrived, so it is never queued again: the step is passed by, and the hold is settled.
        holds = tuple(hold for hold in landed.holds if hold.reason is not Reason.UNCERTAIN)
        given_up = _touch(evolve(landed, holds=holds), event.step, at, state="skipped")
        return _step_done(given_up, at) if progress.step == event.step else given_up
    return _touch(landed, event.step, at, state="cancelled") if touch.state == "queued" else landed


def _tasked(progress: Progress, event: e.Event, at: datetime) -> Progress:
    tasks = dict(progress.tasks)
    match event:
        case e.TaskOpened(task=key, step=step_id, work=work, due_at=due_at, review=review):
            tasks[key] = TaskState(step_id, work, due_at, at, review)
            progress = evolve(
                progress, tasks=tasks, tasks_opened=progress.tasks_opened + 1,
                signals=tuple(signal for signal in progress.signals if getattr(signal.event, "task", None) != key),
            )  # fmt: skip
            if step_id is None:
                return progress
            return _touch(evolve(_entered(progress, step_id), approved=False), step_id, at, state="open")
        case e.TaskDone(task=key, outcome=outcome):
            task = tasks.pop(key, None)
            progress = evolve(progress, tasks=tasks)
            if task is None or task.step is None:
                return progress
            approved = task.review and task.step == progress.step
            done = evolve(progress, approved=progress.approved or approved)
            return _touch(done, task.step, at, state="open" if task.review else "done", outcome=outcome)
        case e.TaskSkipped(task=key) | e.TaskCancelled(task=key):
            task = tasks.pop(key, None)
            progress = evolve(progress, tasks=tasks)
            return _touch(progress, task.step, at, state="cancelled") if task and task.step else progress
        case e.TaskSnoozed(task=key) if key in tasks:
            tasks[key] = _snoozed(tasks[key], event)
        case e.TaskOverdue(task=key) if key in tasks:
            tasks[key] = evolve(tasks[key], overdue=True)
    return evolve(progress, tasks=tasks)


def _snoozed(task: TaskState, event: e.TaskSnoozed) -> TaskState:
    """Only a person's snooze lets the task be overdue again: the machine's own would go round for ever."""
    planned_at = task.planned_at or task.due_at
    return evolve(
        task, snoozed_until=event.until, snoozed_by=event.by, planned_at=planned_at,
        due_at=max(planned_at, event.until), overdue=task.overdue and not e.by_person(event.by),
    )  # fmt: skip


def _moved(progress: Progress, event: e.Event, at: datetime) -> Progress:
    match event:
        case e.StepCompleted(step=step_id, as_of=as_of):
            return _step_done(evolve(progress, step=step_id), as_of)
        case e.StepSkipped(step=step_id, as_of=as_of):
            skipped = _touch(evolve(progress, step=step_id), step_id, at, state="skipped")
            return _step_done(skipped, as_of)
        case e.RetryPlanned(step=step_id, again_at=again_at, counted=counted):
            tries = progress.touches[step_id].tries if step_id in progress.touches else 0
            retry = evolve(progress, not_before=again_at, approved=False, step_done=False)
            return _touch(retry, step_id, at, state="done", tries=tries + counted)
        case e.BranchTaken(step=step_id, target=target, as_of=as_of):
            taken = _touch(progress, step_id, at, state="done", outcome=target)
            return _at_target(taken, step_id, target, as_of)
        case e.WentTo(step=step_id, target=target, as_of=as_of):
            return _at_target(progress, step_id, target, as_of)
    return progress


def _stopped(progress: Progress, event: e.Event, at: datetime) -> Progress:
    match event:
        case e.PausePut():
            return _paused(progress, event, at)
        case e.PauseTaken(reason=reason) if pause := progress.pause(reason):
            left = tuple(each for each in progress.pauses if each is not pause)
            return evolve(_resumed(progress, at, _after_pause(pause, at)), pauses=left)
        case e.HoldPut(reason=reason, detail=detail):
            confirm = progress.confirm and reason is not Reason.CONFIRM_DATE
            if progress.hold(reason):
                return evolve(progress, confirm=confirm)
            return evolve(progress, holds=(*progress.holds, Hold(reason, detail, at)), confirm=confirm)
        case e.HoldTaken(reason=reason, by=by) if hold := progress.hold(reason):
            return _released(progress, hold, by, at)
    return progress


def _paused(progress: Progress, event: e.PausePut, at: datetime) -> Progress:
    """A second pause for the same reason never shortens the first; an open one stays open."""
    due_at = event.due_at
    if event.until is None:
        dues = [at + rest for pause in progress.pauses if (rest := _rest(pause)) is not None]
        due_at = max([*dues, *([due_at] if due_at else [])], default=None)
    pause = Pause(event.reason, event.until, at, due_at, event.by)
    before = progress.pause(event.reason)
    if before is not None and before.until is None:
        pause = before
    elif before is not None and pause.until is not None and before.until is not None:
        pause = evolve(before, until=pause.until, by=pause.by) if pause.until > before.until else before
    others = tuple(each for each in progress.pauses if each.reason is not event.reason)
    first = progress.account_paused_at or (at if event.reason is Reason.ACCOUNT else None)
    return evolve(progress, pauses=(*others, pause), account_paused_at=first)


def _released(progress: Progress, hold: Hold, by: str, at: datetime) -> Progress:
    """After a long hold, or one that asks for it, only a person's word lets it go on; so does a further attempt."""
    asked = e.by_person(by)
    stale = hold.reason is Reason.CONFIRM_DATE or at - hold.put_at > CONFIRM_AFTER
    free = evolve(
        _resumed(progress, at, at),
        holds=tuple(each for each in progress.holds if each is not hold),
        confirm=progress.confirm or (stale and not asked),
        soft_bounces=() if hold.reason is Reason.BAD_ADDRESS else progress.soft_bounces,
    )
    touch = progress.touches.get(progress.step)
    if asked and hold.reason in (Reason.REFUSED, Reason.BAD_ADDRESS) and touch and touch.state == "refused":
        return _touch(free, progress.step, touch.at, permitted=True)
    return free


def _resumed(progress: Progress, at: datetime, not_before: datetime | None) -> Progress:
    floors = [floor for floor in (progress.not_before, not_before) if floor]
    return evolve(progress, not_before=max(floors, default=None), resumed_at=at)


def _after_pause(pause: Pause, at: datetime) -> datetime | None:
    """What a lifted pause asks for: the start of its `until` day, or the rest of the wait it interrupted."""
    if pause.until is not None:
        return pause.until if at >= pause.until else None
    rest = _rest(pause)
    return at + rest if rest is not None else None


def _rest(pause: Pause) -> timedelta | None:
    """How much of the wait was left when an open pause was put."""
    if pause.until is not None or pause.due_at is None:
        return None
    return max(pause.due_at - pause.put_at, timedelta(0))


def _edited(progress: Progress, event: e.VersionApplied) -> Progress:
    names = dict(event.renamed)
    edited = evolve(progress, version=event.version, sequence=event.sequence or progress.sequence)
    if names:
        edited = _renamed(edited, names)
    return _at_step(edited, event.step, edited.since) if event.step else edited


def _renamed(progress: Progress, names: Mapping[str, str]) -> Progress:
    """The history under the steps' new ids. Keys of open tasks stay: rows beside the log know them."""

    def new(step_id: str) -> str:
        return names.get(step_id, step_id)

    flight = progress.flight
    return evolve(
        progress,
        step=new(progress.step),
        flight=evolve(flight, step=new(flight.step)) if flight else None,
        touches={new(step_id): touch for step_id, touch in progress.touches.items()},
        tasks={key: evolve(task, step=new(task.step)) if task.step else task for key, task in progress.tasks.items()},
        signals=tuple(evolve(signal, step=new(signal.step)) if signal.step else signal for signal in progress.signals),
    )


def _noticed(progress: Progress, event: e.Event, at: datetime) -> Progress:
    match event:
        case e.ReplyReceived():
            return evolve(progress, replied=True)
        case e.Bounced(hard=False, delayed=False):
            return evolve(progress, soft_bounces=(*progress.soft_bounces, at))
        case e.ColleagueReplied(person=person):
            return evolve(progress, colleagues=(*progress.colleagues, person))
        case e.Opened(step=step_id) if touch := progress.touches.get(step_id):
            return _touch(progress, step_id, touch.at, opens=touch.opens + 1)
        case e.Clicked(step=step_id) if touch := progress.touches.get(step_id):
            return _touch(progress, step_id, touch.at, clicks=touch.clicks + 1)
        case e.PollAnswered(poll=poll, option=option):
            return evolve(progress, polls={**progress.polls, poll: option})
        case e.LinkedInConnected():
            return evolve(progress, linkedin_connected=True)
    return progress


def _with(values: tuple[_Value, ...], value: _Value) -> tuple[_Value, ...]:
    return values if value in values else (*values, value)


def _touch(progress: Progress, step_id: str, at: datetime, **changes: Any) -> Progress:
    before = progress.touches.get(step_id) or Touch("open", at)
    return evolve(progress, touches={**progress.touches, step_id: evolve(before, at=at, **changes)})


def _entered(progress: Progress, step_id: str) -> Progress:
    if progress.step == step_id:
        return evolve(progress, step_done=False)
    return _at_step(progress, step_id, progress.since)


def _at_step(progress: Progress, step_id: str, since: datetime) -> Progress:
    return evolve(progress, step=step_id, step_done=False, since=since, not_before=None, approved=False)


def _step_done(progress: Progress, since: datetime) -> Progress:
    return evolve(progress, step_done=True, since=since, not_before=None, approved=False)


def _at_target(progress: Progress, step_id: str, target: str, since: datetime) -> Progress:
    if target == END:
        return evolve(_step_done(evolve(progress, step=step_id), since), step=END)
    return _at_step(progress, target, since)


@cache
def _adapter() -> TypeAdapter[Progress]:
    return TypeAdapter(Progress)


def to_json(progress: Progress) -> str:
    """The projection as the store keeps it."""
    return _adapter().dump_json(progress, exclude_defaults=True).decode()


def from_json(text: str) -> Progress:
    """Raises ValueError for a projection of another shape; replay the log then."""
    return _adapter().validate_json(text)
