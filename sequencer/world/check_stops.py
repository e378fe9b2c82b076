"""Checks of what was not sent: nothing after an answer, an opt-out, a bounce, a pause, a hold or the end.

Twice, from two sides: by what lay in the mailbox and was read there, and by the log's own stops. From the first it
follows that reading was right, from the second that what was read was heeded.
"""

from collections.abc import Iterator
from datetime import datetime

from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.store.log import Entry
from sequencer.world.evidence import Evidence, Verdict
from sequencer.world.record import Delivered, Read, Took

__all__ = ["nothing_after_a_stop", "opt_outs_cover_everything", "stopped_by_the_log"]


def nothing_after_a_stop(seen: Evidence) -> Verdict:
    """Nothing accepted after the look that read an answer, an opt-out or a bounce, or before an absence was over."""
    stops = [
        (mail, read) for mail in seen.delivered
        if mail.effect in ("stop", "opt_out", "address", "away") and (read := seen.read_of(mail))
    ]  # fmt: skip
    broken = tuple(
        f"{late} was accepted although {stop} had been read at {read.at:%d %b %H:%M}"
        for stop, read in stops
        for late in seen.took
        if _forbidden(seen, stop, read, late)
    )
    return Verdict("nothing after an answer that was read", f"{len(stops)} answers, absences and bounces", broken)


def _forbidden(seen: Evidence, stop: Delivered, read: Read, late: Took) -> bool:
    if late.order < read.order or (stop.until is not None and late.at >= stop.until):
        return False
    if stop.effect != "opt_out" and seen.is_answer(late):
        return False
    if stop.effect == "address":
        return late.recipient == stop.person
    person = seen.person_of.get(stop.person)
    return late.recipient == stop.person or (person is not None and seen.person_of.get(late.recipient) == person)


def stopped_by_the_log(seen: Evidence) -> Verdict:
    """Nothing accepted while the log says finished, paused or held; an instant's own events come before or after."""
    broken: list[str] = []
    stops = 0
    for mail in seen.took:
        row = seen.row_of(mail)
        if row is not None and row.answers is None:
            standing = _standing(seen.census.events.get(row.enrollment_id, ()), mail.at)
            broken += [f"{mail} was accepted while {stop}" for stop in standing]
    for log in seen.census.events.values():
        stops += sum(isinstance(entry.event, e.PausePut | e.HoldPut | e.Finished) for entry in log)
    return Verdict("nothing while paused, held or finished", f"{stops} pauses, holds and ends", tuple(broken))


def _standing(log: tuple[Entry, ...], at: datetime) -> Iterator[str]:
    """The stops in force just before `at`, by the log's words alone."""
    pauses: dict[Reason, datetime | None] = {}
    holds: set[Reason] = set()
    finished: FinishReason | None = None
    for entry in log:
        if entry.at >= at:
            break
        match entry.event:
            case e.PausePut(reason=reason, until=until):
                pauses[reason] = until
            case e.PauseTaken(reason=reason):
                pauses.pop(reason, None)
            case e.HoldPut(reason=reason):
                holds.add(reason)
            case e.HoldTaken(reason=reason):
                holds.discard(reason)
            case e.Finished(reason=end):
                finished = finished or end
    # What was lifted at this very instant no longer stands: a pause ends with its date.
    lifted = {(type(entry.event), getattr(entry.event, "reason", None)) for entry in log if entry.at == at}
    yield from (f"paused: {reason}" for reason in pauses if (e.PauseTaken, reason) not in lifted)
    yield from (f"held: {reason}" for reason in holds if (e.HoldTaken, reason) not in lifted)
    if finished:
        yield f"finished: {finished}"


def opt_outs_cover_everything(seen: Evidence) -> Verdict:
    """After an opt-out: a suppression of the person, no live enrollment, no mail, no task."""
    broken: list[str] = []
    refusals = [(mail, read) for mail in seen.delivered if mail.effect == "opt_out" and (read := seen.read_of(mail))]
    for mail, read in refusals:
        broken += _still_contacted(seen, mail, read)
    people = len({mail.person for mail, _ in refusals})
    return Verdict("an opt-out covers the person, everywhere", f"{people} opt-outs", tuple(broken))


def _still_contacted(seen: Evidence, mail: Delivered, read: Read) -> Iterator[str]:
    person = seen.person_of[mail.person]
    if not any(rule.kind == "person" and rule.value == str(person) and not rule.channel for rule in seen.census.rules):
        yield f"{mail.person} opted out and is not suppressed"
    for enrollment in seen.census.enrollments.values():
        if enrollment.prospect_id == person and enrollment.status != "finished":
            yield f"{mail.person} opted out and enrollment {enrollment.id} is {enrollment.status}"
    for late in seen.took:
        if late.order > read.order and seen.person_of.get(late.recipient) == person:
            yield f"{late} was accepted after the opt-out"
    for task in seen.census.tasks:
        if task.prospect_id == person and (task.opened_at > read.at or task.state == "open"):
            yield f"{mail.person} opted out and task {task.id} ({task.work}) is {task.state}"
