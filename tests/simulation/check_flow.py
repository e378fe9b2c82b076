"""Checks of the way through a sequence and of what inbound mail did: order, waits, stops, and an end for everything."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from sequencer.core import events as e
from sequencer.core.sequence import Sequence
from sequencer.store.inbox import InboundRow
from sequencer.world.evidence import Verdict
from sequencer.world.record import Delivered
from tests.simulation.check_fences import fences
from tests.simulation.sight import Happening, Sight

__all__ = ["CHECKS"]

RESOLVED_WITHIN_S = 76 * 60.0
NEVER = 10**9
# What a day can come to: the next morning's opening after a mail at closing time, an hour less where summer begins.
LEAST_H = {
    ("plain", "bump"): 14.5, ("plain", "last"): 14.5, ("mixed", "nudge"): 14.5, ("mixed", "close"): 30.0,
    ("quick", "second"): 4.0, ("quick", "third"): 20.0,
}  # fmt: skip
WORKED_WITHIN = timedelta(minutes=10)
DUE_FOR = timedelta(seconds=1)  # a touch that is due from the pass on that queues it is so by what that pass read


def steps_in_order(sight: Sight) -> Verdict:
    """Invariants 6 and 7: each step after the one before it, none left out without a reason, none before its wait."""
    broken: list[str] = []
    touches = 0
    logs = defaultdict(list)
    for each in sight.happenings:
        if each.enrollment_id is not None:
            logs[each.enrollment_id].append(each)
    for key, log in logs.items():
        walk = _Walk(sight, key)
        for each in log:
            broken += walk.take(each)
        touches += walk.touches
    broken += _too_soon(sight)
    return Verdict("steps in order, each after its wait", f"{touches} touches queued", tuple(broken))


class _Walk:
    """One enrollment's way, by the order of the file alone: from each step to itself or to the one after it."""

    def __init__(self, sight: Sight, key: int) -> None:
        self._sight, self._key = sight, key
        self._sequence: Sequence | None = None
        self._allowed: tuple[str, ...] = ()
        self.touches = 0

    def take(self, each: Happening) -> Iterator[str]:
        match each.event:
            case e.Enrolled(sequence=name, version=version, step=step):
                self._sequence, self._allowed = self._sight.sequences[name, version], (step,)
            case e.VersionApplied(version=version):
                assert self._sequence is not None
                self._sequence = self._sight.sequences[self._sequence.id, version]
                if self._allowed:
                    self._allowed = self._after(self._allowed[0])
            case e.TouchQueued(step=step) | e.TaskOpened(step=str() as step) | e.StepSkipped(step=step):
                self.touches += isinstance(each.event, e.TouchQueued)
                found = bool(self._allowed) and self._is_found_again(each, step)
                if self._allowed and step not in self._allowed and not found:
                    yield f"enrollment {self._key} is at {step}, allowed was {' or '.join(self._allowed)}"
                if not found or step in self._from(self._allowed[0]):
                    self._allowed = self._after(step)

    def _is_found_again(self, each: Happening, step: str) -> bool:
        """Whether a mail of a later step counts as sent that left in the lost time: the way goes on from there.

        What was done of the steps before it is gone with the rest (docs/backup.md). An enrollment that got the number
        of a lost one of the same person counts its mail too, wherever it stands: they have got that mail.
        """
        lost = self._sight.forgotten
        if not isinstance(each.event, e.TouchQueued) or not lost.restored < each.mark < lost.lifted:
            return False
        touch = (self._key, step, each.event.attempt)
        whose = {one.prospect_id for one in lost.fences if (one.enrollment_id, one.step, one.attempt) == touch}
        if self._key > lost.known:
            return each.prospect_id in whose
        return bool(whose) and step in self._from(self._allowed[0])

    def _after(self, step: str) -> tuple[str, ...]:
        return self._from(step)[:2]

    def _from(self, step: str) -> tuple[str, ...]:
        steps = [each.id for each in self._sequence.steps] if self._sequence else []
        return tuple(steps[steps.index(step) :]) if step in steps else ()


def _too_soon(sight: Sight) -> Iterator[str]:
    """A mail within the least time that any version of its step's wait can mean, in hours that no clock can set."""
    if sight.backdrop.skewed:
        return
    last: dict[int, tuple[str, float]] = {}
    by_message = {fence.message_id: fence for fence in (*sight.forgotten.fences, *fences(sight))}
    accepted = {mail.message_id for mail in sight.evidence.took}
    for dot in sight.dots:
        fence = by_message.get(dot.message_id)
        if fence is None or fence.step.startswith("answer:"):
            continue
        before = last.get(fence.enrollment_id)
        hours = (dot.written_at - before[1]) / 3600 if before else 0.0
        if before and before[0] != fence.step and hours < LEAST_H[fence.sequence_id, fence.step]:
            yield f"enrollment {fence.enrollment_id}: {fence.step} {hours:.1f} h after {before[0]}"
        if dot.message_id in accepted:
            last[fence.enrollment_id] = (fence.step, dot.written_at)


def replies_stop_all(sight: Sight) -> Verdict:
    """Invariant 15: the moment an answer has its effect, everything live of that person ends."""
    broken: list[str] = []
    effects = {}
    for mail, row in _read(sight):
        effect = _effect_of(sight, row)
        if mail.effect in ("stop", "opt_out") and mail.kind != "colleague" and effect is not None:
            effects[effect.transaction] = (mail, effect)
    finished: dict[int, int] = {}
    for each in sight.happenings:
        if each.enrollment_id is not None and isinstance(each.event, e.Finished):
            finished.setdefault(each.enrollment_id, each.transaction)
    for transaction, (mail, effect) in effects.items():
        whose = sight.persons.at(effect.mark)
        for key, person in whose.items():
            if person == whose.get(effect.enrollment_id or 0) and finished.get(key, NEVER) > transaction:
                broken.append(f"{mail} had its effect, and enrollment {key} of the same person went on")
    return Verdict("an answer ends everything of its person", f"{len(effects)} answers", tuple(broken))


def _read(sight: Sight) -> Iterator[tuple[Delivered, InboundRow]]:
    by_raw = {sight.evidence.census.mails.get(row.id): row for row in sight.evidence.census.inbound}
    for mail in sight.evidence.delivered:
        row = by_raw.get(mail.raw)
        if row is not None and row.state == "projected":
            yield mail, row


def _effect_of(sight: Sight, row: InboundRow) -> Happening | None:
    return next((each for each in sight.happenings if getattr(each.event, "message", None) == row.id
                 and not isinstance(each.event, e.AnswerQueued)), None)  # fmt: skip


def automatic_mail_sends_nothing(sight: Sight) -> Verdict:
    """Invariant 25: in the transaction of an automatic answer or a report nothing is queued and left in the queue.

    The proof that a doubtful mail arrived queues the next one, which the absence calls back in the same breath. With a
    report that forbids nothing it may stay, and so may what was due anyway, when the report is read before the beat
    that would queue it.
    """
    broken = []
    counted = 0
    for mail, row in _read(sight):
        effect = _effect_of(sight, row)
        if mail.effect not in ("away", "address", "none") or effect is None:
            continue
        counted += 1
        beside = [each for each in sight.happenings if each.transaction == effect.transaction]
        called_back = {
            (each.enrollment_id, each.event.step, each.event.attempt)
            for each in beside if isinstance(each.event, e.TouchCancelled)
        }  # fmt: skip
        settled = {each.enrollment_id for each in beside if isinstance(each.event, e.TouchSettled)}
        for each in beside:
            match each.event:
                case e.TouchQueued(step=step, attempt=attempt) if (each.enrollment_id, step, attempt) in called_back:
                    pass
                case e.TouchQueued() if mail.effect == "none" and (
                    each.enrollment_id in settled or _was_due(sight, each)
                ):
                    pass
                case e.TouchQueued() | e.AnswerQueued():
                    broken.append(f"{mail} queued {each.event}")
    return Verdict("automatic mail sends nothing", f"{counted} automatic mails", tuple(broken))


def _was_due(sight: Sight, queued: Happening) -> bool:
    """Whether this touch had been due for a while: the mail that was read meanwhile did not make it so."""
    assert isinstance(queued.event, e.TouchQueued)
    touch = (queued.enrollment_id, queued.event.step, queued.event.attempt)
    return any(
        datetime.fromisoformat(f"{each.due}+00:00") < datetime.fromisoformat(each.wall) - DUE_FOR
        for each in sight.changes
        if each.transaction == queued.transaction and (each.enrollment_id, each.step, each.attempt) == touch
    )


def doubts_end(sight: Sight) -> Verdict:
    """Invariant 16: an uncertain send is sent, or a person's, 75 minutes after the faults have stopped."""
    broken = []
    since: dict[int, float] = {}
    for each in sight.changes:
        if each.new == "uncertain":
            since.setdefault(each.send_id, max(each.at, sight.backdrop.calm_at))
        elif each.send_id in since:
            took_s = each.at - since.pop(each.send_id)
            if took_s > RESOLVED_WITHIN_S:
                broken.append(f"send {each.send_id} was uncertain for {took_s / 60:.0f} min")
    ends_at = sight.backdrop.ends_at
    broken += [f"send {key} is uncertain since {(ends_at - at) / 60:.0f} min" for key, at in since.items()
               if ends_at - at > RESOLVED_WITHIN_S]  # fmt: skip
    return Verdict(
        "every doubt ends", f"{sum(each.new == 'uncertain' for each in sight.changes)} doubts", tuple(broken)
    )


def nothing_lies_about(sight: Sight) -> Verdict:
    """Invariant 17, and 26's other half: nothing is due for 10 minutes unworked, no mail is stored and unread."""
    seen = sight.evidence
    late: datetime = seen.ends - WORKED_WITHIN
    broken = [f"enrollment {one.id} is due since {one.due_at:%d %b %H:%M}" for one in seen.census.enrollments.values()
              if one.status != "finished" and one.due_at is not None and one.due_at < late]  # fmt: skip
    broken += [f"send {row.id} is {row.state} at the end" for row in seen.census.sends if row.state == "sending"]
    broken += [f"send {row.id} is queued, due since {row.due_at:%d %b %H:%M}, and says no reason"
               for row in seen.census.sends if row.state == "queued" and not row.wait_reason
               and (row.not_before or row.due_at) < late]  # fmt: skip
    broken += [f"mail {row.id} is {row.state} at the end" for row in seen.census.inbound
               if row.state in ("stored", "judged")]  # fmt: skip
    unread = [mail for mail in seen.delivered if mail.folder != "Sent" and mail.effect not in ("noise", "copy")
              and mail.at < late and seen.read_of(mail) is None]  # fmt: skip
    broken += [f"{mail} was never read" for mail in unread]
    return Verdict("nothing is left lying", f"{len(seen.census.enrollments)} enrollments", tuple(broken))


CHECKS = (
    steps_in_order, replies_stop_all, automatic_mail_sends_nothing, doubts_end, nothing_lies_about,
)  # fmt: skip
