"""The sentences of `why`: one for where somebody stands, one for what comes, one for what is over.

Apart from engine/why.py, which finds out; this only says it. Instants are written by the caller's `when`, because
only the reader's side knows the reader's zone.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sequencer.core.events import PERSON
from sequencer.core.outlook import Expected
from sequencer.core.reason import SENTENCE, FinishReason, Gate, Reason
from sequencer.engine.verbs import person_word
from sequencer.engine.why import Past, Skipped, Standing

__all__ = [
    "FINISHED", "When", "expected_words", "gate_words", "mend_words", "past_sentence", "sentence", "skipped_words",
    "task_words", "told",
]  # fmt: skip

When = Callable[[datetime], str]

_UTC = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d) UTC")
# The commands in a gate's `frees_by`, as a person types them.
_TYPED = (
    (re.compile(r"\bresume (--all|--(?:mailbox|sequence) \S+)"), r'"sequencer resume \1"'),
    (re.compile(r"^unsuppress$"), '"sequencer unsuppress {address} --reason …" lifts the rule'),
    (re.compile(r"^resume(?= \(|$)"), '"sequencer resume {address}" lets it go on'),
    (re.compile(r'(?<!")(?<!"sequencer )\bresume\b(?! --|")'), '"sequencer resume {address}"'),
    (re.compile(r"^uncertain sent, resend or skip"), '"sequencer uncertain" says what to do'),
    (re.compile(r"\bwith --update"), 'with "sequencer import FILE.csv --update"'),
    (re.compile(r"^db reconcile$"), '"sequencer db reconcile" looks for them and lets it go on'),
    (re.compile(r"\binbox --parked"), '"sequencer inbox --parked"'),
    (re.compile(r"\band apply\b"), 'and "sequencer apply" it'),
    (re.compile(r"^done or skip the task"), '"sequencer done ID" or "sequencer skip ID" ends the task'),
    (re.compile(r": (sequencer \w+)$"), r': "\1"'),
)

FINISHED: dict[FinishReason, str] = {
    FinishReason.COMPLETED: "the sequence came to its end",
    FinishReason.REPLIED: "the person answered",
    FinishReason.MEETING: "a meeting was booked",
    FinishReason.GOAL: "its goal was reached",
    FinishReason.OPTED_OUT: "the person asked not to be contacted",
    FinishReason.BOUNCED: "the address does not work",
    FinishReason.MOVED: "the person was moved to another sequence or step",
    FinishReason.REMOVED: "the person was taken out",
    FinishReason.DISQUALIFIED: "the person does not fit, or a rule forbids to write to them",
    FinishReason.EXPIRED: "it was held for 30 days and nobody mended it",
}
_TO_DO = {"review": "approve", "other": "task"}
_WORK = {
    "call": "a call", "email": "a mail to approve", "linkedin": "a LinkedIn touch", "answer": "an answer to write",
    "refer": "a referral to follow", "fix": "something to mend", "other": "a task",
}  # fmt: skip


def sentence(one: Standing, name: str, when: When, address: str = "EMAIL") -> str:
    """Where somebody stands and what moves them on, in one sentence; `address` is for the commands in it."""
    stopped = _outer(one, when) or _of_status(one, name, when, address) or _waits(one, name, when)
    if one.task is not None:
        return stopped
    return ". But ".join([stopped, *_besides(one, when)])


def _besides(one: Standing, when: When) -> Iterator[str]:
    """What else would keep it from leaving when its time comes."""
    shut = {gate.name: gate for gate in one.gates if not gate.passed}
    if gate := shut.get("daemon"):
        yield f"no daemon runs, so nothing moves: {mend_words(gate.frees_by)}"
    if gate := shut.get("clock"):
        yield f"{told(gate.detail, when)}, so nothing moves: {mend_words(gate.frees_by)}"
    if one.kind != "email" or one.status == "held":
        return
    told_before = one.closed if one.goes_at is None else None
    if (gate := shut.get("mailbox works")) and gate != told_before:
        yield _rests(one, gate, when) if gate.frees_at else f"{_why(gate, when)}: {mend_words(gate.frees_by)}"
    if gate := shut.get("text"):
        yield f"{_why(gate, when)}, so it would be held: {mend_words(gate.frees_by)}"
    if (gate := shut.get("inbox")) and gate != told_before and "daemon" not in shut:
        yield f"{_why(gate, when)}: {gate.frees_by}"


def _rests(one: Standing, gate: Gate, when: When) -> str:
    again = f"; it tries again {when(gate.frees_at)}" if gate.frees_at else ""
    return f"{one.mailbox} rests: {gate.detail}{again}"


def _outer(one: Standing, when: When) -> str:
    """A stop above the person comes first: it explains everybody's silence."""
    gate = next(
        (
            gate
            for gate in one.gates
            if gate.name in ("database", "installation", "sequence", "mailbox") and not gate.passed
        ),
        None,
    )
    if gate is None or gate.reason is None:
        return ""
    return f'{_capital(SENTENCE[gate.reason])}, {told(gate.detail, when)}; "sequencer {gate.frees_by}" lets it go on'


def _of_status(one: Standing, name: str, when: When, address: str) -> str:
    holds = [gate for gate in one.gates if gate.name == "held" and not gate.passed]
    if holds:
        rest = f" (and {len(holds) - 1} more)" if holds[1:] else ""
        return f"{name} is held: {_why(holds[0], when)}{rest}; {mend_words(holds[0].frees_by, address)}"
    pauses = [gate for gate in one.gates if gate.name in ("paused", "account") and not gate.passed]
    if not pauses:
        return ""
    untimed = next((gate for gate in pauses if gate.frees_at is None), None)
    if untimed is not None:
        return f'{name} is paused: {_why(untimed, when)}; "sequencer resume {address}" lets it go on'
    last, until = max(((gate, gate.frees_at) for gate in pauses if gate.frees_at), key=lambda each: each[1])
    then = f"; then {_coming(one, when)}" if one.goes_at else ""
    return f"{name} is paused until {when(until)}: {_why(last, when)}{then}"


def _waits(one: Standing, name: str, when: When) -> str:
    if one.task is not None:
        due = when(one.task.due_at)
        whom = one.task.rep if one.worker == one.task.rep else f"{one.worker}, who covers for {one.task.rep}"
        return f"{name} waits for {whom}: {task_words(one.task.work)} (task {one.task.id}), due {due}"
    if one.goes_at is not None:
        shut = {gate.name: gate for gate in one.gates if not gate.passed}
        if (rest := shut.get("mailbox works")) and rest.frees_at == one.goes_at:
            return f'{name} waits: the step "{one.step}" is {"queued" if one.queued else "due"}'
        if (wait := shut.get("wait")) and wait.reason is Reason.SPREAD and wait.frees_at:
            starts = f"{wait.frees_at.astimezone(one.zone):%A %d %b}"
            return f"{name} starts on {starts}: {told(wait.detail, when)}; {_coming(one, when)}{_within_hours(one)}"
        limits = shut.get("rep away") or shut.get("limits") or shut.get("rep capacity")
        because = f": {_why(limits, when)}" if limits else _within_hours(one)
        return f"{name} waits: {_coming(one, when)}{because}"
    if one.closed is not None:
        frees = f"; {mend_words(one.closed.frees_by)}" if one.closed.frees_by else ""
        return f"{name} waits: {_why(one.closed, when)}{frees}"
    if one.step is None:
        return f"{name} has come to the end: the next beat of the daemon finishes it"
    return f"{name} waits: the daemon looks at it at its next beat"


def _coming(one: Standing, when: When) -> str:
    following = one.expected[0] if one.expected else None
    step = following.step if following else one.step
    at = when(one.goes_at) if one.goes_at else ""
    match following:
        case Expected(kind="task", detail="review"):
            return f'the mail "{step}" is shown to {one.worker} for approval {at}'
        case Expected(kind="task"):
            return f'the task "{step}" opens for {one.worker} {at}'
        case Expected(kind="skipped", reason=reason):
            return f'the step "{step}" is passed by {at}, because {SENTENCE[reason] if reason else ""}'
        case Expected(kind="branch", detail=target):
            return f'the branch "{step}" is decided by {at} (to "{target}", as things stand)'
    queued = "is queued and goes" if one.queued else "goes"
    return f'the step "{step}" {queued} {at}'


def _within_hours(one: Standing) -> str:
    return f", in the window {one.hours}" if one.kind in ("email", "call") else ""


def _why(gate: Gate, when: When) -> str:
    if gate.reason is Reason.MISSING_FIELD:
        return f"the text needs {gate.detail}"
    detail = told(gate.detail, when)
    if gate.reason is Reason.BY_PERSON and detail.startswith("by "):
        return f"paused {detail}"
    what = SENTENCE[gate.reason] if gate.reason else gate.name
    return f"{what} ({detail})" if detail else what


def told(detail: str, when: When) -> str:
    """A detail for a reader: their own time instead of UTC, names without the mark of a person."""
    local = _UTC.sub(lambda found: when(datetime.fromisoformat(found[1]).replace(tzinfo=UTC)), detail)
    return re.sub(r"\bby sequence$", "by the sequence", local.replace(f"by {PERSON}", "by "))


def mend_words(frees_by: str, address: str = "EMAIL") -> str:
    """What opens a gate, with its commands as a person types them."""
    for found, typed in _TYPED:
        frees_by = found.sub(typed.replace("{address}", address.replace("\\", "")), frees_by)
    return frees_by


def gate_words(gate: Gate, when: When, address: str = "EMAIL") -> str:
    """What a gate said, and what opens it."""
    said = _why(gate, when) if gate.reason and not gate.passed else told(gate.detail, when)
    opens = f"opens {when(gate.frees_at)}" if gate.frees_at and not gate.passed else ""
    mend = mend_words(gate.frees_by, address) if not gate.passed else ""
    return "; ".join(part for part in (said, opens, mend) if part)


def expected_words(entry: Expected) -> str:
    """One thing to come."""
    match entry.kind:
        case "email":
            variant = f" ({entry.detail})" if entry.detail not in ("", "only") else ""
            return f"mail {entry.step}{variant}"
        case "task":
            return f"{_TO_DO.get(entry.detail, entry.detail)} {entry.step}"
        case "skipped":
            return f"{entry.step} passed by: {SENTENCE[entry.reason] if entry.reason else ''}"
        case "branch":
            return f"branch {entry.step}: to {entry.detail}"
        case "finished":
            return f"finished: {FINISHED[FinishReason(entry.detail)]}"


def past_sentence(past: Past, when: When) -> str:
    """How an enrollment ended, and what was passed by on the way."""
    by = f" by {person_word(past.by)}" if past.by.startswith("person:") else ""
    skipped = f"; {', '.join(map(skipped_words, past.skipped))}" if past.skipped else ""
    return f"{past.sequence_id}: finished{by} {when(past.at)}: {FINISHED[past.reason]}{skipped}"


def skipped_words(skipped: Skipped) -> str:
    """A step that was passed by, and why."""
    return f"{skipped.step} passed by: {SENTENCE[skipped.reason]}"


def task_words(work: str) -> str:
    """What kind of task it is."""
    return _WORK[work]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
