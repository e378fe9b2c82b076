"""What an enrollment's state asks of its queued mail and its open tasks, whoever brought that state about.

A pause that a reply put, one that a rep put from the command line, a new version: the queued mail is called back and
tasks are snoozed or cancelled by the same few rules, so no writer of events can forget them. It moves no step.
"""

from datetime import datetime

from sequencer.core import actions as a
from sequencer.core.absence import end_without_cover
from sequencer.core.carry import CHANNEL_OF, Actions, Moment, hold, silenced
from sequencer.core.progress import Flight, TaskState
from sequencer.core.reason import Reason

# Opened because of the end itself: they outlive it.
OUTLIVE = ("reply:", "opt_out:", "meeting_booked:")
PAUSE, AWAY = "pause", "away"
SNOOZED = ("call", "email", "linkedin", "other")


def tidied(moment: Moment) -> Actions:
    """The actions that bring mail and tasks in line with the state; none when they are."""
    flight = moment.progress.flight
    if flight is not None and flight.state == "queued" and not moment.facts.on_the_wire:
        if moment.facts.mailbox is None and not _stopped(moment):
            return hold(Reason.MAILBOX_GONE)
        if reason := _called_back(moment, flight):
            return (a.CancelTouch(step=flight.step, attempt=flight.attempt, reason=reason),)
    return tuple(act for key, task in moment.progress.tasks.items() for act in _task(moment, key, task))


def _stopped(moment: Moment) -> bool:
    return bool(moment.progress.finished or moment.progress.pauses or moment.progress.holds)


def _called_back(moment: Moment, flight: Flight) -> Reason | None:
    """Why a queued mail may not stay queued; on the wire it has crossed, and its outcome will tell."""
    progress = moment.progress
    touch = progress.touches.get(flight.step)
    if _stopped(moment) or touch is None or touch.state != "queued":
        return Reason.STOPPED
    if silenced(progress, moment.facts, "email"):
        return Reason.SUPPRESSED
    if flight.attempt > 1:
        return None
    if flight.step != progress.step:
        return Reason.BRANCHED_OVER if flight.step in moment.sequence.index else Reason.EDITED
    # A deferred mail keeps its bytes (LIFECYCLE); what was never on the wire is made anew after an edit.
    return Reason.EDITED if touch.version != progress.version and not flight.deferrals else None


def _task(moment: Moment, key: str, task: TaskState) -> Actions:
    progress = moment.progress
    channel = CHANNEL_OF.get(task.work)
    if progress.finished and task.work != "answer" and not key.startswith(OUTLIVE):
        return (a.CancelTask(task=key, reason=Reason.STOPPED),)
    if channel and silenced(progress, moment.facts, channel):
        return (a.CancelTask(task=key, reason=Reason.SUPPRESSED),)
    if progress.finished:
        return ()
    if task.step is not None and (task.step != progress.step or progress.step_done):
        return (a.CancelTask(task=key, reason=Reason.EDITED),)
    until = _snoozed_until(moment, task)
    if until is None:
        return ()
    away = moment.now < until == end_without_cover(moment.facts.away, moment.now)
    by = AWAY if away else PAUSE
    return (a.SnoozeTask(task=key, until=until, by=by),)


def _snoozed_until(moment: Moment, task: TaskState) -> datetime | None:
    """To the end of the dated pauses and of an absence that nobody covers; back again when they are over early."""
    now = moment.now
    stops = [*(pause.until for pause in moment.progress.pauses), end_without_cover(moment.facts.away, now)]
    ends = [until for until in stops if until and until > now]
    if task.work not in SNOOZED:
        return None
    if ends and task.due_at < max(ends):
        return max(ends)
    back = max([now, *ends, *([task.planned_at] if task.planned_at else [])])
    return back if task.snoozed_by in (PAUSE, AWAY) and task.snoozed_until and task.snoozed_until > back else None
