"""How an enrollment answers a signal: the table of LIFECYCLE, row by row.

core/decide.py calls `answer` for the oldest signal that nothing has answered. Every path begins with React, so that
each signal is answered once. Nothing here looks at the clock or at another enrollment; what a pause, a hold or the end
means for queued mail and open tasks follows from the state (core/tidy.py).
"""

from dataclasses import replace
from datetime import date, timedelta

from sequencer.core import actions as a
from sequencer.core import events as e
from sequencer.core.answers import ANSWER
from sequencer.core.carry import Actions, Moment, beside, carry_out, finish, hold, pause, task_beside
from sequencer.core.progress import PendingSignal
from sequencer.core.reaction import FixedReaction, Reaction, TaskKind
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.span import Span
from sequencer.core.timing import back_at_work, pause_end
from sequencer.core.window import local_date, start_of_day

ACCOUNT_PAUSE_MAX = timedelta(days=30)
ABSENCE_DEFAULT = Span(10, "d")


def answer(moment: Moment, signal: PendingSignal) -> Actions:
    """The actions that `signal` asks for, as of the instant at which it was recorded."""
    moment = replace(moment, now=min(signal.at, moment.now))
    done: Actions = (a.React(to=signal.number),)
    if moment.progress.finished:
        return done + _after_the_end(moment, signal.event)
    match signal.event:
        case e.TouchDeferred() | e.TouchRefused() | e.TouchUncertain() | e.TouchSettled() | e.TouchReattempted():
            return done + _on_outcome(moment, signal.event)
        case e.TouchNotRendered(reason=reason, field=name):
            return done + hold(reason, name)
        case e.TaskDone() | e.TaskSkipped() | e.TaskOverdue():
            return done + _on_task(moment, signal.event, signal.step)
        case _:
            return done + _on_answer(moment, signal.event)


def _on_outcome(moment: Moment, event: e.Event) -> Actions:
    match event:
        case e.TouchDeferred(again_at=None, code=code):
            return hold(Reason.DEFERRED, str(code))
        case e.TouchRefused(address_invalid=True, enhanced=enhanced, code=code):
            return task_beside(moment, "fix", "refused") + hold(Reason.BAD_ADDRESS, enhanced or str(code))
        case e.TouchRefused(enhanced=enhanced, code=code):
            return hold(Reason.REFUSED, enhanced or str(code))
        case e.TouchUncertain(step=step) if _still_uncertain(moment):
            return hold(Reason.UNCERTAIN, step)
        case e.TouchSettled(by=by) | e.TouchReattempted(by=by) if moment.progress.hold(Reason.UNCERTAIN):
            return () if _still_uncertain(moment) else (a.TakeHold(reason=Reason.UNCERTAIN, by=by),)
    return ()


def _still_uncertain(moment: Moment) -> bool:
    flight = moment.progress.flight
    return flight is not None and flight.state == "uncertain"


def _on_task(moment: Moment, event: e.TaskDone | e.TaskSkipped | e.TaskOverdue, step_id: str | None) -> Actions:
    progress = moment.progress
    if step_id is None or step_id != progress.step or progress.step_done:
        return ()
    at_step, step = replace(moment, step=step_id), moment.sequence.step(step_id)
    match event:
        case e.TaskSkipped():
            return (a.SkipStep(step=step_id, reason=Reason.SKIPPED_BY_PERSON, as_of=moment.now),)
        case e.TaskOverdue():
            overdue = getattr(step, "on_overdue", None)
            stopped = progress.step_task is None or bool(progress.pauses) or bool(progress.holds)
            return () if overdue is None or stopped else carry_out(at_step, overdue.do, f"overdue:{step_id}")
        case e.TaskDone(outcome=outcome, until=until):
            if progress.approved:
                return ()
            reaction: Reaction = getattr(step, "outcomes", {}).get(outcome, Reaction(next=True))
            if until and reaction.snooze:
                return (a.PlanRetry(step=step_id, again_at=until, counted=False),)
            return carry_out(at_step, reaction, f"outcome:{step_id}")


def _on_answer(moment: Moment, event: e.Event) -> Actions:
    on = moment.sequence.on
    match event:
        case e.ReplyReceived():
            # Every reply ends the sequence; its class only chooses the task (LIFECYCLE).
            return _answer_task(moment, event) + finish(on.reply.finish or FinishReason.REPLIED, "reply")
        case e.AutoReplyReceived(return_date=back):
            return _on_absence(moment, back)
        case e.LeftCompany():
            return carry_out(moment, on.left_company, "left_company")
        case e.Bounced(delayed=False):
            return _on_bounce(moment, event)
        case e.OptedOut(channel=None, by=by):
            end = finish(on.opt_out.finish or FinishReason.OPTED_OUT, by)
            return (a.SuppressContact(channel=None), *beside(moment, on.opt_out, "opt_out"), *end)
        case e.OptedOut(channel=channel):
            return (a.SuppressContact(channel=channel),)
        case e.Complained():
            return (a.SuppressContact(channel=None), *finish(FinishReason.OPTED_OUT, "complaint"))
        case e.MeetingBooked(by=by):
            end = finish(on.meeting_booked.finish or FinishReason.MEETING, by)
            return beside(moment, on.meeting_booked, "meeting_booked") + end
        case e.ColleagueReplied(person=person):
            return _on_colleague(moment, person)
        case e.OwnerWrote():
            closed = _close_answers(moment, Reason.OWNER_WROTE)
            return closed + carry_out(moment, on.owner_wrote, "owner_wrote", Reason.OWNER_WROTE)
        case e.MailUnreadable(message=message):
            return hold(Reason.UNREADABLE_MAIL, str(message))
    return ()


def _answer_task(moment: Moment, event: e.ReplyReceived) -> Actions:
    on = moment.sequence.on.reply
    notice = (a.Notify(about="reply", to=on.notify),) if on.notify else ()
    work, day = work_asked(on, event)
    if work is None:
        return notice
    due_at = start_of_day(moment.facts.rep.timezone, day) if day else moment.now
    return (*notice, *task_beside(moment, work, "reply", on, max(moment.now, due_at)))


def work_asked(on: FixedReaction, event: e.ReplyReceived) -> tuple[TaskKind | None, date | None]:
    """The task that an answer asks for, None for none, and the day on which it is due, None for at once."""
    match event.answer:
        case "not_interested" | "opt_out":
            return None, None
        case "referral":
            return "refer", None
        case "not_now" if event.return_date:
            return "call", event.return_date
        case _ if on.task == "none":
            return None, None
    return on.task or "answer", None


def _on_bounce(moment: Moment, event: e.Bounced) -> Actions:
    on = moment.sequence.on
    if event.hard:
        return carry_out(moment, on.hard_bounce, "hard_bounce")
    recent = [at for at in moment.progress.soft_bounces if at > moment.now - on.soft_bounce.within.elapsed]
    if len(recent) < on.soft_bounce.after or moment.progress.hold(Reason.BAD_ADDRESS):
        return ()
    return carry_out(moment, on.soft_bounce.then, "soft_bounce")


def _on_absence(moment: Moment, back: date | None) -> Actions:
    """Away: write again one business day after the first day back, or hold when that is too far away."""
    rule, facts, now = moment.sequence.on.auto_reply, moment.facts, moment.now
    if rule.pause != "until_return":
        return carry_out(moment, rule, "auto_reply", Reason.AWAY)
    noticed = beside(moment, rule, "auto_reply")
    if back and rule.max and back > local_date(facts.zone, now) + rule.max.elapsed:
        again = task_beside(moment, "other", "long_absence", due_at=start_of_day(facts.rep.timezone, back))
        return (*noticed, *again, *hold(Reason.LONG_ABSENCE, back.isoformat()))
    until = back_at_work(back, facts) if back else now
    if until <= now:
        until = pause_end(rule.otherwise or ABSENCE_DEFAULT, facts, now)
    return (*noticed, *pause(Reason.AWAY, until))


def _on_colleague(moment: Moment, person: int) -> Actions:
    """Once for each colleague who answers, and 30 days at most in all."""
    progress, rule, now = moment.progress, moment.sequence.on.account_reply, moment.now
    if progress.colleagues.count(person) > 1 and _answered_before(moment, person):
        return ()
    if not isinstance(rule.pause, Span):
        return carry_out(moment, rule, "account_reply", Reason.ACCOUNT)
    until = min(pause_end(rule.pause, moment.facts, now), (progress.account_paused_at or now) + ACCOUNT_PAUSE_MAX)
    noticed = beside(moment, rule, "account_reply")
    return noticed + (pause(Reason.ACCOUNT, until) if until > now else ())


def _answered_before(moment: Moment, person: int) -> bool:
    """False while the first answer of this colleague is itself still waiting: then this is it."""
    waiting = [
        signal.event
        for signal in moment.progress.signals
        if isinstance(signal.event, e.ColleagueReplied) and signal.event.person == person
    ]
    return len(waiting) < moment.progress.colleagues.count(person)


def _close_answers(moment: Moment, reason: Reason) -> Actions:
    open_answers = (key for key, task in moment.progress.tasks.items() if task.work == "answer")
    return tuple(a.CancelTask(task=key, reason=reason) for key in open_answers)


def _after_the_end(moment: Moment, event: e.Event) -> Actions:
    """A finished enrollment still gets the person's answers in front of the rep, keeps refusals, and nothing else.

    So does a rep's own answer that came back: the rep takes it for delivered.
    """
    match event:
        case e.ReplyReceived():
            return _answer_task(moment, event)
        case e.Bounced(delayed=False, step=step) if step and step.startswith(ANSWER):
            return task_beside(moment, "answer", "answer_bounced")
        case e.OwnerWrote():
            return _close_answers(moment, Reason.OWNER_WROTE)
        case e.OptedOut(channel=None) | e.Complained():
            return (a.SuppressContact(channel=None), *_close_answers(moment, Reason.SUPPRESSED))
        case e.OptedOut(channel=channel):
            return (a.SuppressContact(channel=channel),)
    return ()
