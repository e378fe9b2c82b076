"""The decision: given a sequence, where an enrollment stands, the facts and the time, what happens next.

READ THIS FIRST. Everything else exists to feed `decide` and to carry out what it asks. It sees one enrollment and
says what next, and not before when; which mail of a mailbox may go now is core/capacity.py's. The caller records each
action as its event, applies that to the progress and calls `decide` again, until it asks for nothing more.
"""

from dataclasses import dataclass
from datetime import datetime

from sequencer.core import actions as a
from sequencer.core.absence import next_begin
from sequencer.core.carry import Actions, Moment, carry_out, finish, hold, silenced
from sequencer.core.facts import Facts, Known
from sequencer.core.gates import end_gates, expires_at, flight_gate, gates_of, pause_gates
from sequencer.core.people import Channel
from sequencer.core.progress import Progress
from sequencer.core.react import answer
from sequencer.core.reaction import TaskKind
from sequencer.core.reason import FinishReason, Gate, Reason
from sequencer.core.sequence import END, AnyStep, BranchStep, CallStep, EmailStep, LinkedInStep, Sequence
from sequencer.core.suppression import may_contact
from sequencer.core.tidy import tidied
from sequencer.core.timing import DueTime, due_time, wait_end, within_end
from sequencer.core.variant import choose, thompson
from sequencer.errors import InvariantBroken

DECISIONS_PER_PASS_MAX = 4 * 100
EVENTS_PER_ENROLLMENT_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Decision:
    """`actions` to carry out now, in order; `gates` of the step stood on, in the order `why` tells them.

    `due_at`: when to decide again if nothing happens before, always after `now`; None: only an event, a person or the
    lifting of a pause above the enrollment moves this on.
    """

    actions: Actions = ()
    gates: tuple[Gate, ...] = ()
    due_at: datetime | None = None


def decide(sequence: Sequence, progress: Progress, facts: Facts, now: datetime, *, all_gates: bool = True) -> Decision:
    """The next thing that one enrollment asks for at `now`.

    Not `all_gates`: only as far as the first closed one, for whoever acts and does not explain.
    Raises InvariantBroken when its step is gone from the sequence, or its log grows without end.
    """
    moment = Moment(sequence, progress, facts, now)
    if progress.hold(Reason.BUG) and not progress.finished:
        # What broke would break again: nothing is answered, and nothing lost, until a person lifts the hold.
        if _expired(moment):
            return Decision(finish(FinishReason.EXPIRED))
        return _stand(moment, pause_gates(sequence, progress, facts))
    if progress.events > EVENTS_PER_ENROLLMENT_MAX and not progress.finished:
        raise InvariantBroken(f"an enrollment has more than {EVENTS_PER_ENROLLMENT_MAX} events")
    if progress.signals:
        return Decision(answer(moment, progress.signals[0]))
    if actions := tidied(moment):
        return Decision(actions)
    if progress.finished:
        return Decision(gates=end_gates(progress))
    step = standing(sequence, progress)
    if actions := _forbidden(moment) or _lapsed(moment) or _fired(moment) or _overdue(moment):
        return Decision(actions)
    if step is None:
        gates: tuple[Gate, ...] = (*pause_gates(sequence, progress, facts), flight_gate(progress, now))
        own = progress.flight or progress.holds or progress.pauses
        return _stand(moment, gates) if own else Decision(finish(FinishReason.COMPLETED))
    gates = gates_of(step, sequence, progress, facts, now, whole=all_gates)
    if all(gate.passed for gate in gates):
        return Decision(_begin(moment, step), gates)
    return _stand(moment, gates)


def standing(sequence: Sequence, progress: Progress) -> AnyStep | None:
    """The step that comes next or is under way; None at the end. Raises InvariantBroken for a step that is gone."""
    if progress.step == END:
        return None
    if progress.step not in sequence.index:
        raise InvariantBroken(f'the sequence "{sequence.id}" has no step "{progress.step}" any more')
    following = sequence.after(progress.step) if progress.step_done else progress.step
    return sequence.step(following) if following else None


def due_of(sequence: Sequence, progress: Progress, facts: Facts) -> datetime | None:
    """When the next step is due by its wait and hours alone: the `due_at` of an open pause that is put now.

    None when a task or a mail is under way, and at the end.
    """
    step = None if progress.finished else standing(sequence, progress)
    if step is None or progress.step_task or progress.flight:
        return None
    due = due_time(step, progress, facts)
    return due.opens or due.at


def _stand(moment: Moment, gates: tuple[Gate, ...]) -> Decision:
    return Decision((), gates, _wake(moment, gates))


def _forbidden(moment: Moment) -> Actions:
    """A rule against every channel, or against every one that the sequence uses, is the end; else steps are skipped."""
    if "all" in moment.progress.silenced:
        return finish(FinishReason.OPTED_OUT)
    person, rules = moment.facts.prospect, moment.facts.suppressions
    if not rules:
        return ()
    whole = tuple(rule for rule in rules if rule.channel is None)
    verdicts = [may_contact("email", person, whole)]
    if verdicts[0].allowed:
        verdicts = [may_contact(channel, person, rules) for channel in _channels(moment.sequence)]
    forbidding = [verdict.by for verdict in verdicts if verdict.by is not None]
    if not forbidding or len(forbidding) < len(verdicts):
        return ()
    refused = any(rule.refusal for rule in forbidding)
    return finish(FinishReason.OPTED_OUT if refused else FinishReason.DISQUALIFIED)


def _channels(sequence: Sequence) -> list[Channel]:
    """The channels of a sequence; none if any of its steps needs no permission to be done."""
    performed = [each for each in sequence.steps if not isinstance(each, BranchStep)]
    channels = [each.channel for each in performed if each.channel]
    return sorted(set(channels)) if len(channels) == len(performed) else []


def _expired(moment: Moment) -> bool:
    return any(expires is not None and expires <= moment.now for expires in map(expires_at, moment.progress.holds))


def _lapsed(moment: Moment) -> Actions:
    """Holds that nobody mended for 30 days, pauses whose date has come, a long hold that nobody has confirmed yet."""
    progress = moment.progress
    if _expired(moment):
        return finish(FinishReason.EXPIRED)
    over = (pause for pause in progress.pauses if pause.until is not None and pause.until <= moment.now)
    taken = tuple(a.TakePause(reason=pause.reason, by="date") for pause in over)
    return taken + (hold(Reason.CONFIRM_DATE) if progress.confirm else ())


def _fired(moment: Moment) -> Actions:
    """The first rule that has become true; each fires once an enrollment, also while it is paused or held."""
    known = Known(moment.progress, moment.facts, moment.now)
    for rule in moment.sequence.rules:
        if rule.id not in moment.progress.fired and known.holds(rule.when):
            return (a.FireRule(rule=rule.id), *carry_out(moment, rule.do, f"rule:{rule.id}"))
    return ()


def _overdue(moment: Moment) -> Actions:
    key, at = moment.progress.step_task, _overdue_at(moment)
    return (a.MarkOverdue(task=key),) if key and at and at <= moment.now else ()


def _overdue_at(moment: Moment) -> datetime | None:
    """When the current step's task counts as overdue, if the step says so; nothing is overdue while all stands still.

    After a pause, a hold or an absence that nobody covered the rep has the whole time again.
    """
    progress = moment.progress
    key = progress.step_task
    if key is None or progress.pauses or progress.holds or moment.facts.outer:
        return None
    rule = getattr(moment.sequence.step(progress.step), "on_overdue", None)
    task = progress.tasks[key]
    if rule is None or task.overdue:
        return None
    begins = max(task.due_at, progress.resumed_at or task.due_at)
    ends = wait_end(rule.after, moment.facts, begins)
    for stretch in moment.facts.away:
        if stretch.cover is None and begins < stretch.ends and stretch.begins < ends:
            begins, ends = stretch.ends, wait_end(rule.after, moment.facts, stretch.ends)
    return ends


def _begin(moment: Moment, step: AnyStep) -> Actions:
    """Every gate is open: do what the step is for, or pass it by with a reason.

    A step that is passed by hands its due time on, so that a chain of skipped steps adds its waits.
    """
    progress, facts, now = moment.progress, moment.facts, moment.now
    due = due_time(step, progress, facts)
    if step.when and not progress.approved and not Known(progress, facts, now).holds(step.when):
        return _skip(step, Reason.CONDITION_FALSE, due)
    if step.channel and silenced(progress, facts, step.channel):
        return _skip(step, Reason.SUPPRESSED, due)
    match step:
        case BranchStep():
            return _branch(moment, step, due)
        case EmailStep():
            return _write(moment, step, due)
        case CallStep() if facts.prospect.phone is None:
            return _skip(step, Reason.NO_PHONE, due)
        case _:
            work: TaskKind = step.channel or "other"
            return (_open(moment, step, work),)


def _skip(step: AnyStep, reason: Reason, due: DueTime) -> Actions:
    return (a.SkipStep(step=step.id, reason=reason, as_of=due.at),)


def _branch(moment: Moment, step: BranchStep, due: DueTime) -> Actions:
    """Taken at the first instant it is true; else when its time was up, however late that is noticed."""
    if Known(moment.progress, moment.facts, moment.now).holds(step.branch):
        as_of = moment.now if step.within else due.at
        return (a.TakeBranch(step=step.id, target=step.then, as_of=as_of),)
    end = within_end(step, moment.progress, moment.facts)
    return (a.TakeBranch(step=step.id, target=step.otherwise, as_of=end),)


def _write(moment: Moment, step: EmailStep, due: DueTime) -> Actions:
    progress, facts = moment.progress, moment.facts
    if facts.mailbox is None:
        return hold(Reason.MAILBOX_GONE)
    if facts.prospect.address is None:
        return hold(Reason.BAD_ADDRESS if facts.prospect.addresses else Reason.NO_ADDRESS)
    if step.review and not progress.approved:
        return (_open(moment, step, "email", review=True),)
    before, attempt = progress.touches.get(step.id), next_attempt(progress, step.id)
    if before is not None and before.attempt:
        if before.state in ("sent", "uncertain"):
            return (a.CompleteStep(step=step.id, as_of=due.at),)
        if before.state == "refused" and not before.permitted:
            return hold(Reason.REFUSED, f"attempt {attempt + 1} needs a person")
    variant = variant_of(step, progress, facts)
    return (a.QueueTouch(step=step.id, attempt=attempt, variant=variant, version=progress.version),)


def next_attempt(progress: Progress, step_id: str) -> int:
    """The machine makes attempt 1 only: after a definite no the next one needs a named person's word."""
    before = progress.touches.get(step_id)
    if before is None or not before.attempt:
        return 1
    return before.attempt + (before.state == "refused" and before.permitted)


def variant_of(step: EmailStep, progress: Progress, facts: Facts) -> str:
    """The variant for this person: the one already chosen, else by the hash of the ids."""
    before, variants, how = progress.touches.get(step.id), step.email.variants, step.email.choose
    if before and before.variant in variants:
        return before.variant
    if how == "adaptive":
        counts = facts.variant_counts.get(step.id, {})
        return thompson({name: counts.get(name, (0, 0)) for name in variants}, f"{facts.key}:{step.id}")
    return choose(tuple(variants) if isinstance(how, str) else how, facts.key, step.id)


def _open(moment: Moment, step: AnyStep, work: TaskKind, review: bool = False) -> a.OpenTask:
    match step:
        case CallStep():
            script: str | None = step.call
        case LinkedInStep():
            script = step.note
        case _:
            script = getattr(step, "script", None)
    return a.OpenTask(
        task=f"{step.id}#{moment.progress.tasks_opened + 1}",
        step=step.id,
        work=work,
        priority=getattr(step, "priority", "normal"),
        due_at=moment.now,
        script=script,
        review=review,
    )


def _wake(moment: Moment, gates: tuple[Gate, ...]) -> datetime | None:
    """The earliest instant at which the answer could change by time alone."""
    progress = moment.progress
    known = Known(progress, moment.facts, moment.now)
    closed = next((gate for gate in gates if not gate.passed), None)
    instants = [pause.until for pause in progress.pauses]
    instants += [expires_at(each) for each in progress.holds]
    instants += [known.next_change(rule.when) for rule in moment.sequence.rules if rule.id not in progress.fired]
    instants += [closed.frees_at if closed else None, _overdue_at(moment)]
    if progress.tasks:
        instants.append(next_begin(moment.facts.away, moment.now, uncovered=True))
    return min((at for at in instants if at and at > moment.now), default=None)
