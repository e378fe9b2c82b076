"""The expected future of one enrollment: decide, assume that it is done, apply, and decide again.

preview, why, forecast and plan all ask this module, so that none of them re-implements a rule. It assumes that every
mail is accepted when it may leave, that a rep does every task when it is due and the sequence goes on, that nobody
answers, and that mailbox and rep have room; where they have none, `room_from` says from when on they do.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from sequencer.core import actions as a
from sequencer.core import events as e
from sequencer.core.decide import Decision, decide, standing
from sequencer.core.facts import Facts
from sequencer.core.gates import leaving_gates
from sequencer.core.progress import Progress, step
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import EmailStep, Sequence
from sequencer.core.state import evolve
from sequencer.core.timing import due_time
from sequencer.core.window import local_date

DECISIONS_MAX = 2_000
NO_LIMITS: Mapping[str, datetime] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Expected:
    """One thing that will happen: a mail queued, a task opened, a step passed by, the end."""

    kind: Literal["email", "task", "skipped", "branch", "finished"]
    step: str | None
    at: datetime
    detail: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """One thing to come, with what decides its place among those of others.

    `due_at`: since when a mail will have waited for its hour. `first_touch`: nothing of the sequence has left before
    it. `under_way`: it is queued or open already.
    """

    entry: Expected
    due_at: datetime
    first_touch: bool
    under_way: bool = False


Course = Generator[Coming, datetime | None, Gate | None]


@dataclass(frozen=True, slots=True)
class Outlook:
    """`expected` in order of time; `stopped_by`: the gate that only an event or a person opens, if one comes first."""

    expected: tuple[Expected, ...]
    stopped_by: Gate | None = None

    @property
    def next(self) -> Expected | None:
        return self.expected[0] if self.expected else None


def outlook(
    sequence: Sequence,
    progress: Progress,
    facts: Facts,
    now: datetime,
    room_from: Mapping[str, datetime] = NO_LIMITS,
    leaves_at: datetime | None = None,
) -> Outlook:
    """What is to come from `now` on; what is under way is listed first.

    `room_from`: steps for which the mailbox or the rep has no room before an instant. `leaves_at`: when the mail that
    comes first leaves; what it was queued for is decided before.
    """
    expected: list[Expected] = []
    ahead, said = course(sequence, progress, facts, now, room_from), None
    while True:
        try:
            entry = ahead.send(said).entry
        except StopIteration as end:
            return Outlook(tuple(expected), end.value)
        said = leaves_at if entry.kind == "email" and not expected else None
        expected.append(replace(entry, at=said or entry.at))


def course(
    sequence: Sequence,
    progress: Progress,
    facts: Facts,
    now: datetime,
    room_from: Mapping[str, datetime] = NO_LIMITS,
) -> Course:
    """The same, one thing after the other; whoever asks may say that it happens later than it could.

    To a mail they send the instant at which it leaves, to a task one before which the rep has no room for it, which is
    then yielded anew; None: as expected. Returns the gate that only an event or a person opens, if one comes.
    """
    at = now
    for _ in range(DECISIONS_MAX):
        if room_from:
            progress = _put_off(sequence, progress, room_from)
        decision = decide(sequence, progress, facts, at, all_gates=False)
        for action in decision.actions:
            later = None
            if (entry := _expected(action, at)) is not None:
                later = yield Coming(entry, _due_at(sequence, progress, facts, entry), _is_first(sequence, progress))
            if later is not None and isinstance(action, a.OpenTask):
                progress = evolve(progress, not_before=later)
                break
            progress = step(progress, action, at)
            at = later or at
            progress = _assume(progress, action, at)
        if progress.finished and not progress.signals:
            return None
        if decision.actions:
            continue
        if (under_way := _under_way(sequence, progress, facts, at, room_from)) is not None:
            entry, event, at = under_way
            later = yield Coming(entry, entry.at, _is_first(sequence, progress), under_way=True)
            if later is not None and isinstance(event, e.TouchSent):
                at, event = later, replace(event, sent_at=later)
            progress = step(progress, event, at)
            continue
        closed = _closed(decision)
        if decision.due_at is None or closed is None or closed.frees_at is None:
            return closed
        at = decision.due_at
        facts = _worked_off(facts, now, at)
    return None


def _due_at(sequence: Sequence, progress: Progress, facts: Facts, entry: Expected) -> datetime:
    """Since when a mail that is queued at `entry.at` will have waited for its hour, as its place in the queue says."""
    if entry.kind != "email" or entry.step is None:
        return entry.at
    return min(entry.at, due_time(sequence.step(entry.step), progress, facts).at)


def _is_first(sequence: Sequence, progress: Progress) -> bool:
    return not any(touch.state == "sent" for name, touch in progress.touches.items() if name in sequence.index)


def _worked_off(facts: Facts, now: datetime, at: datetime) -> Facts:
    """What a rep has had today counts no more tomorrow, nor what they had this week on Monday."""
    zone = (facts.cover or facts.rep).timezone
    today, then = local_date(zone, now), local_date(zone, at)
    if facts.calls_today and then > today:
        facts = replace(facts, calls_today=0)
    if facts.connects_this_week and then >= today + timedelta(days=7 - today.weekday()):
        facts = replace(facts, connects_this_week=0)
    return facts


def _closed(decision: Decision) -> Gate | None:
    """The gate that stops it: the first that no clock opens, else the first."""
    closed = [gate for gate in decision.gates if not gate.passed]
    return next((gate for gate in closed if gate.frees_at is None), closed[0] if closed else None)


def _put_off(sequence: Sequence, progress: Progress, room_from: Mapping[str, datetime]) -> Progress:
    """The step that comes next, not before there is room for it; a mail's review needs none."""
    following = None if progress.finished else standing(sequence, progress)
    if isinstance(following, EmailStep) and following.review and not progress.approved:
        return progress
    floor = room_from.get(following.id) if following else None
    if floor is None or (progress.not_before and progress.not_before >= floor):
        return progress
    return evolve(progress, not_before=floor)


def _under_way(
    sequence: Sequence, progress: Progress, facts: Facts, at: datetime, room_from: Mapping[str, datetime]
) -> tuple[Expected, e.Event, datetime] | None:
    """The mail that is queued or the task that is open, done as soon as nothing else stops it."""
    if progress.pauses or progress.holds or facts.outer:
        return None
    if key := progress.step_task:
        task = progress.tasks[key]
        done_at = max(at, task.due_at)
        detail = "review" if task.review else task.work
        return Expected("task", task.step, done_at, detail), _done(key), done_at
    flight, following = progress.flight, standing(sequence, progress)
    if flight is None or flight.state != "queued":
        return None
    sent_at = max(at, flight.again_at or at, room_from.get(flight.step, at))
    if not facts.on_the_wire and isinstance(following, EmailStep) and following.id == flight.step:
        closed = [gate for gate in leaving_gates(following, sequence, progress, facts, sent_at) if not gate.passed]
        if any(gate.frees_at is None for gate in closed):
            return None
        sent_at = max([sent_at, *(gate.frees_at for gate in closed if gate.frees_at)])
    entry = Expected("email", flight.step, sent_at, progress.touches[flight.step].variant)
    return entry, e.TouchSent(step=flight.step, attempt=flight.attempt, sent_at=sent_at), sent_at


def _done(key: str) -> e.TaskDone:
    return e.TaskDone(task=key, outcome="", by="outlook")


def _assume(progress: Progress, action: a.Action, at: datetime) -> Progress:
    """The world does its part at once."""
    match action:
        case a.QueueTouch(step=step_id, attempt=attempt):
            return step(progress, e.TouchSent(step=step_id, attempt=attempt, sent_at=at), at)
        case a.OpenTask(task=key, step=str()):
            return step(progress, _done(key), at)
    return progress


def _expected(action: a.Action, at: datetime) -> Expected | None:
    match action:
        case a.QueueTouch(step=step_id, variant=variant):
            return Expected("email", step_id, at, variant)
        case a.OpenTask(step=str() as step_id, work=work, review=review):
            return Expected("task", step_id, at, "review" if review else work)
        case a.SkipStep(step=step_id, reason=reason):
            return Expected("skipped", step_id, at, reason=reason)
        case a.TakeBranch(step=step_id, target=target):
            return Expected("branch", step_id, at, target)
        case a.Finish(reason=reason):
            return Expected("finished", None, at, reason.value)
    return None
