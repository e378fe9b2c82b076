"""The gates of one step, in the order in which `why` tells them: each passed or closed, and what opens it.

`decide` acts when all of them are open; dispatch asks again, without the last ones, before a mail leaves. A gate
says what is; it never asks for an action.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sequencer.core.absence import Stretch, away_at
from sequencer.core.facts import Facts, Known
from sequencer.core.people import Channel
from sequencer.core.progress import Hold, Progress
from sequencer.core.reason import SENTENCE, Gate, Place, Reason
from sequencer.core.sequence import AnyStep, BranchStep, CallStep, EmailStep, LinkedInStep, Sequence
from sequencer.core.suppression import Suppression, may_contact
from sequencer.core.timing import (
    HOLD_EXPIRES,
    DueTime,
    Hours,
    due_time,
    hours_now,
    hours_of,
    opening,
    opening_at_work,
    within_end,
)
from sequencer.core.window import local_date, start_of_day

_OUTER = {
    "restored": ("database", Reason.RESTORED, "db reconcile"),
    "all": ("installation", Reason.ALL_PAUSED, "resume --all"),
    "sequence": ("sequence", Reason.SEQUENCE_PAUSED, "resume --sequence {key}"),
    "mailbox": ("mailbox", Reason.MAILBOX_PAUSED, "resume --mailbox {key}"),
}


def gates_of(
    step: AnyStep, sequence: Sequence, progress: Progress, facts: Facts, now: datetime, *, whole: bool = True
) -> tuple[Gate, ...]:
    """Every gate between this enrollment and `step`; not `whole`: up to the group with the first closed one."""
    gates: list[Gate] = []
    for group in _groups(step, sequence, progress, facts, now):
        gates += group
        if not whole and not all(gate.passed for gate in group):
            break
    return tuple(gates)


def _groups(
    step: AnyStep, sequence: Sequence, progress: Progress, facts: Facts, now: datetime
) -> Iterator[tuple[Gate, ...]]:
    yield pause_gates(sequence, progress, facts)
    yield (_task_gate(sequence, progress), flight_gate(progress, now))
    due = due_time(step, progress, facts)
    yield (_wait_gate(step, sequence, progress, due, now),)
    yield _branch_gates(step, sequence, progress, facts, due, now)
    yield _hour_gates(step, sequence, facts, hours_now(step, progress, facts), due, now)
    yield _away_gates(step, progress, facts, now)
    yield _rep_gates(step, progress, facts, now)


def leaving_gates(
    step: EmailStep, sequence: Sequence, progress: Progress, facts: Facts, now: datetime
) -> tuple[Gate, ...]:
    """What must still be open when a queued mail is about to leave: the stops, the hours, the permission."""
    # Its wait was over when it was queued; a person's new attempt of an earlier step has none.
    due = replace(due_time(step, progress, facts), at=now)
    return (
        *end_gates(progress),
        *pause_gates(sequence, progress, facts),
        *_hour_gates(step, sequence, facts, hours_of(step, facts), due, now),
        *_away_gates(step, progress, facts, now, leaving=True),
        *contact_gates(step, facts, progress),
    )


def answer_gates(facts: Facts, there: Collection[Suppression]) -> tuple[Gate, ...]:
    """What stops a rep's own answer: a stop of the whole installation or of its mailbox, and a rule against contact.

    Neither hours nor the reply that it answers (LIFECYCLE). `there`: the rules on whoever has the address that it goes
    to, which may be another one than the person's.
    """
    closed = (_outer_gate(facts, scope) for scope in ("restored", "all", "mailbox"))
    verdict = may_contact("email", facts.prospect, facts.suppressions)
    rule = verdict.by or next((each for each in there if each.channel in (None, "email")), None)
    return (*closed, _rule_gate(rule))


def end_gates(progress: Progress) -> tuple[Gate, ...]:
    """Closed for good once the enrollment is finished."""
    if progress.finished is None:
        return (Gate("finished", True),)
    return (Gate("finished", False, Reason.FINISHED, progress.finished.value, frees_by="enroll the person again"),)


def pause_gates(sequence: Sequence, progress: Progress, facts: Facts) -> tuple[Gate, ...]:
    """Installation, sequence, mailbox, then the enrollment's own pauses and holds."""
    restored = any(pause.scope == "restored" for pause in facts.outer)
    gates = [_outer_gate(facts, scope) for scope in _OUTER if scope != "restored" or restored]
    gates += [
        Gate(
            "paused", False, pause.reason, f"by {pause.by}", _reaction_place(sequence, pause.reason),
            frees_at=pause.until, frees_by="" if pause.until else "resume",
        )
        for pause in progress.pauses
    ] or [Gate("paused", True)]  # fmt: skip
    gates += [
        Gate("held", False, hold.reason, hold.detail, frees_by=_mend(hold)) for hold in progress.holds
    ] or [Gate("held", True)]  # fmt: skip
    return tuple(gates)


def _outer_gate(facts: Facts, scope: str) -> Gate:
    name, reason, mend = _OUTER[scope]
    pause = next((pause for pause in facts.outer if pause.scope == scope), None)
    if pause is None:
        return Gate(name, True)
    if scope == "restored":
        return Gate(name, False, reason, pause.reason, frees_by=mend)
    since = f"since {pause.at:%Y-%m-%d %H:%M} UTC"
    if pause.braked:
        return Gate(name, False, Reason.BRAKE, f"{since}: {pause.reason}", frees_by=mend.format(key=pause.key))
    detail = f"by {pause.by} {since}" + (f": {pause.reason}" if pause.reason else "")
    return Gate(name, False, reason, detail, frees_by=mend.format(key=pause.key))


def _mend(hold: Hold) -> str:
    mend, expires = _MENDS.get(hold.reason, "resume"), expires_at(hold)
    return f"{mend} (ends by itself on {expires:%Y-%m-%d})" if expires else mend


def expires_at(hold: Hold) -> datetime | None:
    """When a hold that nobody mends ends the enrollment; what is uncertain waits for its answer."""
    return None if hold.reason is Reason.UNCERTAIN else hold.put_at + HOLD_EXPIRES


_MENDS = {
    Reason.BAD_ADDRESS: "import a working address with --update, then resume",
    Reason.NO_ADDRESS: "import an address with --update, then resume",
    Reason.BAD_PHONE: "import a working number with --update, then resume",
    Reason.MISSING_FIELD: "import the field with --update, or give it a default in the template, then resume",
    Reason.TEMPLATE_ERROR: "mend the template and apply, then resume",
    Reason.UNCERTAIN: "uncertain sent, resend or skip",
    Reason.UNREADABLE_MAIL: "read the parked mail in inbox --parked, then resume",
    Reason.MAILBOX_GONE: "reassign to another mailbox, or put it back into config.toml and resume",
    Reason.CONFIRM_DATE: "resume, if it should still go on",
}


def _reaction_place(sequence: Sequence, reason: Reason) -> Place:
    keys = {Reason.AWAY: "on.auto_reply", Reason.ACCOUNT: "on.account_reply", Reason.OWNER_WROTE: "on.owner_wrote"}
    return sequence.place(keys[reason]) if reason in keys else Place()


def _task_gate(sequence: Sequence, progress: Progress) -> Gate:
    key = progress.step_task
    if key is None:
        return Gate("task", True)
    task = progress.tasks[key]
    reason = Reason.REVIEW if task.review else Reason.TASK_OPEN
    detail = f"open since {task.opened_at:%Y-%m-%d %H:%M} UTC"
    return Gate("task", False, reason, detail, sequence.step_place(progress.step), frees_by="done or skip the task")


def flight_gate(progress: Progress, now: datetime) -> Gate:
    """One mail to a person at a time: the next step waits for the outcome of this one."""
    flight = progress.flight
    if flight is None:
        return Gate("in flight", True)
    if flight.state == "uncertain":
        return Gate("in flight", False, Reason.UNCERTAIN, flight.step, frees_by=_MENDS[Reason.UNCERTAIN])
    if flight.again_at and flight.again_at > now:
        return Gate("in flight", False, Reason.BACK_OFF, f"try {flight.deferrals + 1}", frees_at=flight.again_at)
    return Gate("in flight", False, Reason.IN_FLIGHT, flight.step, frees_by="the send's outcome")


def _wait_gate(step: AnyStep, sequence: Sequence, progress: Progress, due: DueTime, now: datetime) -> Gate:
    place = sequence.step_place(step.id, "wait")
    if due.at <= now:
        return Gate("wait", True, detail=f"over since {due.at:%Y-%m-%d %H:%M} UTC", place=place)
    detail = f"{step.wait.span} from {step.wait.anchor or 'the step before'}"
    reason = Reason.WAIT
    if progress.start and due.at == progress.start.at:
        reason, detail = Reason.SPREAD, f"spread over {progress.start.days} days by {progress.start.by}"
    elif due.at == progress.not_before:
        tries = progress.step == step.id and step.id in progress.touches
        reason, detail = (Reason.RETRY, "planned again") if tries else (reason, "since it was paused or held")
    return Gate("wait", False, reason, detail, place, frees_at=due.opens or due.at)


def _branch_gates(
    step: AnyStep, sequence: Sequence, progress: Progress, facts: Facts, due: DueTime, now: datetime
) -> tuple[Gate, ...]:
    if not isinstance(step, BranchStep) or step.within is None:
        return ()
    end, known = within_end(step, progress, facts), Known(progress, facts, now)
    place = sequence.step_place(step.id, "branch")
    if now >= end or known.holds(step.branch):
        return (Gate("branch", True, place=place),)
    by_days = known.next_change(step.branch)
    frees_at = min(end, max(by_days, due.at)) if by_days else end
    return (Gate("branch", False, Reason.WITHIN, step.branch, place, frees_at=frees_at),)


def _hour_gates(
    step: AnyStep, sequence: Sequence, facts: Facts, hours: Hours, due: DueTime, now: datetime
) -> tuple[Gate, ...]:
    if isinstance(step, BranchStep):
        return ()
    place = sequence.step_place(step.id, "at") if step.at else sequence.place("settings.window")
    at = max(now, due.at)
    opens = opening(hours, at) if due.opens else None
    if opens is None:
        mend = "the window, the step's `at` and the holidays leave no opening: edit one of them"
        return (Gate("window", False, Reason.NEVER_OPENS, "", place, frees_by=mend),)
    zone = f"{hours.zone} (the rep's)" if hours.of_rep else facts.zone_detail
    if opens == at:
        return (Gate("window", True, detail=zone, place=place), Gate("holiday", True))
    if holiday := hours.holidays(local_date(hours.zone, at)):
        closed = Gate("holiday", False, Reason.HOLIDAY, holiday, frees_at=opens)
        return (Gate("window", True, detail=zone, place=place), closed)
    detail = f"{at.astimezone(hours.zone):%a %H:%M} in {zone}"
    return (Gate("window", False, Reason.WINDOW_CLOSED, detail, place, frees_at=opens), Gate("holiday", True))


def _away_gates(
    step: AnyStep, progress: Progress, facts: Facts, now: datetime, *, leaving: bool = False
) -> tuple[Gate, ...]:
    """While the rep is away mail waits, because nobody would answer the reply; tasks wait unless somebody covers."""
    if not facts.away or isinstance(step, BranchStep):
        return ()
    stretch = absence_then(step, progress, facts, now, leaving=leaving)
    if stretch is None:
        return (Gate("rep away", True, detail=f"{facts.rep.name} is at work then"),)
    detail, task = f"{facts.rep.name} until {stretch.absence.until}", not isinstance(step, EmailStep)
    if stretch.cover and task:
        return (Gate("rep away", True, detail=f"{detail}; {stretch.cover} covers"),)
    hours = hours_of(step, facts) if leaving else hours_now(step, progress, facts)
    frees_at = opening_at_work(hours, facts.away, stretch.ends, covered=task)
    return (Gate("rep away", False, Reason.REP_AWAY, detail, frees_at=frees_at or stretch.back),)


def absence_then(
    step: AnyStep, progress: Progress, facts: Facts, now: datetime, *, leaving: bool = False
) -> Stretch | None:
    """The rep's absence when `step` comes up; `leaving`: when its mail, which is queued, may leave by its hours."""
    if leaving:
        opens = opening(hours_of(step, facts), now)
    else:
        opens = due_time(step, progress, facts, now).opens
    return away_at(facts.away, opens) if opens else None


def _rep_gates(step: AnyStep, progress: Progress, facts: Facts, now: datetime) -> tuple[Gate, ...]:
    """A rep gets no more calls a day, and no more connection requests a week, than they can do."""
    rep = facts.cover or facts.rep
    today = local_date(rep.timezone, now)
    if isinstance(step, CallStep) and facts.calls_today >= rep.calls_per_day:
        used, limit, again = facts.calls_today, rep.calls_per_day, today + timedelta(days=1)
    elif (
        isinstance(step, LinkedInStep)
        and step.linkedin == "connect"
        and facts.connects_this_week >= rep.connects_per_week
    ):
        used, limit = facts.connects_this_week, rep.connects_per_week
        again = today + timedelta(days=7 - today.weekday())
    else:
        return ()
    begins = start_of_day(rep.timezone, again)
    opens = opening(hours_now(step, progress, facts), begins) or begins
    return (Gate("rep capacity", False, Reason.REP_DAY, f"{used} of {limit} for {rep.name}", frees_at=opens),)


def contact_gates(step: AnyStep, facts: Facts, progress: Progress | None = None) -> tuple[Gate, ...]:
    """Whether the person may be contacted on the step's channel at all; `decide` does not wait for this one.

    `progress` adds what its own sequence has silenced.
    """
    channel: Channel | None = step.channel
    if channel is None:
        return ()
    gate = _suppression_gate(channel, facts)
    if gate.passed and progress and {channel, "all"}.intersection(progress.silenced):
        detail = f"{channel}: in this sequence"
        return (Gate("suppression", False, Reason.SUPPRESSED, detail, frees_by=_REFUSAL_STANDS),)
    return (gate,)


_REFUSAL_STANDS = "nothing: the refusal stands"


def _suppression_gate(channel: Channel, facts: Facts) -> Gate:
    return _rule_gate(may_contact(channel, facts.prospect, facts.suppressions).by)


def _rule_gate(rule: Suppression | None) -> Gate:
    if rule is None:
        return Gate("suppression", True)
    detail = f"{rule.kind}: {rule.reason or SENTENCE[Reason.SUPPRESSED]}"
    mend = _REFUSAL_STANDS if rule.refusal else "unsuppress"
    return Gate("suppression", False, Reason.SUPPRESSED, detail, frees_by=mend)
