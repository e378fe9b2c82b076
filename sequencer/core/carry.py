"""One Reaction as actions: what `on`, `outcomes`, `on_overdue` and `rules` ask for, in the one shape they share.

core/react.py and core/decide.py call it. Calling mail back, snoozing and cancelling follow from the state that results
(core/tidy.py) and are not repeated here.
"""

from dataclasses import dataclass
from datetime import datetime

from sequencer.core import actions as a
from sequencer.core.facts import Facts
from sequencer.core.people import Channel
from sequencer.core.progress import Progress
from sequencer.core.reaction import FixedReaction, Reaction, TaskKind
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.sequence import END, Sequence
from sequencer.core.span import Span
from sequencer.core.suppression import may_contact
from sequencer.core.timing import pause_end, wait_end

SNOOZE_DEFAULT = Span(1, "bd")
CHANNEL_OF: dict[TaskKind, Channel] = {"call": "call", "email": "email", "linkedin": "linkedin"}
Actions = tuple[a.Action, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """What every answer is made from. `step` is the step a reaction may move on from, None beside the steps."""

    sequence: Sequence
    progress: Progress
    facts: Facts
    now: datetime
    step: str | None = None


def silenced(progress: Progress, facts: Facts, channel: Channel) -> bool:
    """Whether the person may not be contacted on this channel, for good."""
    if channel in progress.silenced or "all" in progress.silenced:
        return True
    return not may_contact(channel, facts.prospect, facts.suppressions).allowed


def finish(reason: FinishReason, by: str = "sequence") -> Actions:
    return (a.Finish(reason=reason, by=by),)


def pause(reason: Reason, until: datetime, by: str = "sequence") -> Actions:
    """A dated pause."""
    return (a.PutPause(reason=reason, until=until, due_at=None, by=by),)


def hold(reason: Reason, detail: str = "") -> Actions:
    return (a.PutHold(reason=reason, detail=detail),)


def carry_out(moment: Moment, reaction: Reaction, about: str, reason: Reason = Reason.BY_SEQUENCE) -> Actions:
    """The notice, the task and the move of one Reaction. `about` names the event, for the notice and the task's key."""
    return (*beside(moment, reaction, about), *_move(moment, reaction, about, reason))


def beside(moment: Moment, reaction: Reaction | FixedReaction, about: str) -> Actions:
    """What a reaction asks for beside its move: a line for somebody, a task that does not hold the steps up."""
    notice = (a.Notify(about=about, to=reaction.notify),) if reaction.notify else ()
    if reaction.task is None or reaction.task == "none":
        return notice
    return (*notice, *task_beside(moment, reaction.task, about, reaction))


def task_beside(
    moment: Moment,
    work: TaskKind,
    about: str,
    reaction: Reaction | FixedReaction | None = None,
    due_at: datetime | None = None,
) -> Actions:
    """A task beside the steps, unless the same one is open or the person may not be contacted so."""
    channel, name = CHANNEL_OF.get(work), f"{about}:{work}#"
    if channel and silenced(moment.progress, moment.facts, channel):
        return ()
    if any(key.startswith(name) for key in moment.progress.tasks):
        return ()
    due_at = due_at or moment.now
    if reaction and reaction.due:
        due_at = max(due_at, pause_end(reaction.due, moment.facts, moment.now))
    task = a.OpenTask(
        task=f"{name}{moment.progress.tasks_opened + 1}",
        step=None,
        work=work,
        priority=reaction.priority if reaction else "normal",
        due_at=due_at,
        script=reaction.script if reaction else None,
    )
    return (task,)


def _move(moment: Moment, reaction: Reaction, about: str, reason: Reason) -> Actions:
    if reaction.finish:
        return finish(reaction.finish)
    if reaction.hold:
        return hold(reaction.hold, about)
    if isinstance(reaction.pause, Span):
        return (*_complete(moment), *pause(reason, pause_end(reaction.pause, moment.facts, moment.now)))
    if isinstance(reaction.skip, str):
        return (a.SuppressContact(channel=reaction.skip, everywhere=False),)
    if reaction.suppress:
        channel = None if reaction.suppress == "all" else reaction.suppress
        return (a.SuppressContact(channel=channel), *_complete(moment))
    if reaction.reassign:
        return (a.Reassign(rep=reaction.reassign), *_complete(moment))
    if reaction.goto:
        return _go_to(moment, reaction.goto)
    return _step_move(moment, moment.step, reaction) if moment.step else ()


def _step_move(moment: Moment, step: str, reaction: Reaction) -> Actions:
    """The moves that only make sense of a step: an event beside the steps has nothing to try again or to put off."""
    task_open, now = moment.progress.step_task is not None, moment.now
    if reaction.retry:
        return _retry(moment, step, reaction.retry.after, reaction.retry.max)
    if reaction.skip:
        why = Reason.OVERDUE if task_open else Reason.SKIPPED_BY_PERSON
        return (*_close_task(moment), a.SkipStep(step=step, reason=why, as_of=now))
    if reaction.snooze:
        span = reaction.snooze if isinstance(reaction.snooze, Span) else SNOOZE_DEFAULT
        return _snooze(moment, step, wait_end(span, moment.facts, now))
    if reaction.next and task_open:
        return (*_close_task(moment), a.CompleteStep(step=step, as_of=now))
    return _complete(moment)


def _complete(moment: Moment) -> Actions:
    """The step is over, if it stands on one that a person has done."""
    if moment.step is None or moment.progress.step_done or moment.progress.step_task:
        return ()
    return (a.CompleteStep(step=moment.step, as_of=moment.now),)


def _close_task(moment: Moment) -> Actions:
    """Only a reaction to being overdue finds its task still open; a jump from beside the steps may, too."""
    key, reason = moment.progress.step_task, Reason.OVERDUE if moment.step else Reason.BRANCHED_OVER
    return (a.CancelTask(task=key, reason=reason),) if key else ()


def _go_to(moment: Moment, target: str) -> Actions:
    """A jump to a step below; what already lies behind is never done again."""
    sequence, progress = moment.sequence, moment.progress
    places = {**sequence.index, END: len(sequence.steps)}
    if places.get(target, -1) <= places.get(progress.step, -1):
        return _complete(moment)
    return (*_close_task(moment), a.GoTo(step=progress.step, target=target, as_of=moment.now))


def _snooze(moment: Moment, step: str, until: datetime) -> Actions:
    if key := moment.progress.step_task:
        return (a.SnoozeTask(task=key, until=until, by="sequence"),)
    return (a.PlanRetry(step=step, again_at=until, counted=False),)


def _retry(moment: Moment, step: str, after: Span, tries_max: int) -> Actions:
    touch = moment.progress.touches.get(step)
    if touch and touch.tries >= tries_max:
        return (*_close_task(moment), a.SkipStep(step=step, reason=Reason.RETRIES_USED, as_of=moment.now))
    again_at = wait_end(after, moment.facts, moment.now)
    return (*_close_task(moment), a.PlanRetry(step=step, again_at=again_at, counted=True))
