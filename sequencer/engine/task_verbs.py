"""What a rep does with a task: done with an outcome, skipped, put off.

Each verb records what the person said; the sequence's `outcomes` say what follows from it. It renders nothing: what
a task shows is engine/task_text.py's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.carry import SNOOZE_DEFAULT
from sequencer.core.reaction import Reaction, TaskKind
from sequencer.core.timing import wait_end
from sequencer.engine.advance import Advance
from sequencer.engine.letter import Draft
from sequencer.engine.situation import Situation, load
from sequencer.engine.verbs import by_name, did_you_mean
from sequencer.errors import InputError
from sequencer.store import tasks
from sequencer.store.tasks import TaskRow

__all__ = [
    "Said", "done", "events_of", "forbidding", "must_be_open", "note", "outcomes_of", "putting_off", "skip", "snooze",
    "step_of",
]  # fmt: skip

NOTE_CHARS_MAX = 10_000
CALL_BACK, DO_NOT_CALL = "call_back", "do_not_call"
ACCEPTED = ("accepted", "connected")
DEFAULT_OUTCOMES: Mapping[TaskKind, tuple[str, ...]] = {
    "call": ("connected", "voicemail", "no_answer", "wrong_number", CALL_BACK, DO_NOT_CALL),
    "linkedin": ("done", "accepted"),
}  # fmt: skip
_CLOSED = {"done": "done", "skipped": "skipped", "cancelled": "no longer needed"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a rep said of a task; `outcome` "": done, if it has no other. `until`: when to call back (aware)."""

    outcome: str
    by: str
    until: datetime | None = None
    note: str = ""
    draft: Draft | None = None


def done(connection: Connection, advance: Advance, task_id: int, said: Said, now: datetime) -> TaskRow:
    """The task is done. Returns it as it was. Raises NotFound; InputError for a closed task or an unknown outcome."""
    row = tasks.task(connection, task_id)
    situation = _situation(connection, advance, row, now)
    events = events_of(row, situation, said, now)
    step = step_of(row, situation)
    if said.draft is not None:
        if not row.review or step is None:
            raise InputError(f"task {task_id} is no mail to review: there is nothing to edit")
        tasks.put_draft(connection, row.enrollment_id, step, said.draft.subject, said.draft.body)
    if said.note:
        tasks.add_note(connection, row.prospect_id, row.id, said.by, said.note[:NOTE_CHARS_MAX], now)
    advance.record(connection, [(row.enrollment_id, events)], now)
    return row


def events_of(row: TaskRow, situation: Situation, said: Said, now: datetime) -> list[e.Event]:
    """What a rep's word about a task is to its enrollment. Raises InputError for what may not be said of it."""
    outcome, by = _checked(row, situation, said, now), by_name(said.by)
    connected = [e.LinkedInConnected()] if row.work == "linkedin" and outcome in ACCEPTED else []
    if row.state != "open":
        return [*connected]
    planned = _planned(row, situation)
    if outcome == CALL_BACK and outcome not in planned:
        until = said.until or wait_end(SNOOZE_DEFAULT, situation.facts, now)
        return [e.TaskSnoozed(task=row.key, until=until, by=by)]
    refused = [e.OptedOut(by=by, channel="call")] if outcome == DO_NOT_CALL and outcome not in planned else []
    return [*connected, e.TaskDone(task=row.key, outcome=outcome, by=by, until=said.until), *refused]


def skip(connection: Connection, advance: Advance, task_id: int, by: str, now: datetime) -> TaskRow:
    """The task is not done, and neither is its step. Raises NotFound, InputError."""
    row = must_be_open(tasks.task(connection, task_id))
    advance.record(connection, [(row.enrollment_id, [e.TaskSkipped(task=row.key, by=by_name(by))])], now)
    return row


def snooze(connection: Connection, advance: Advance, task_id: int, until: datetime, by: str, now: datetime) -> TaskRow:
    """The task is due at `until`. Raises NotFound, InputError."""
    row = must_be_open(tasks.task(connection, task_id))
    _in_future(until, now)
    event = e.TaskSnoozed(task=row.key, until=until, by=by_name(by))
    advance.record(connection, [(row.enrollment_id, [event])], now)
    return row


def note(connection: Connection, task_id: int, by: str, text: str, now: datetime) -> TaskRow:
    """Keep a note about the person; the task stays as it is. Raises NotFound, InputError."""
    row = tasks.task(connection, task_id)
    if not text.strip():
        raise InputError("a note without a word is not kept")
    tasks.add_note(connection, row.prospect_id, row.id, by, text.strip()[:NOTE_CHARS_MAX], now)
    return row


def step_of(row: TaskRow, situation: Situation) -> str | None:
    """The step of the task under its id of today; None for one beside the steps."""
    known = situation.enrollment.progress.tasks.get(row.key)
    return known.step if known else row.step


def outcomes_of(row: TaskRow, situation: Situation) -> tuple[str, ...]:
    """What a rep may say of the task: what the sequence names, then what is usual for its kind."""
    usual = DEFAULT_OUTCOMES.get(row.work, ("done",))
    return tuple(dict.fromkeys([*_planned(row, situation), *usual]))


def forbidding(row: TaskRow, situation: Situation) -> frozenset[str]:
    """The outcomes after which nobody may contact the person, on one channel or on all."""
    planned = _planned(row, situation)
    return frozenset({DO_NOT_CALL, *(name for name, reaction in planned.items() if reaction.suppress)})


def putting_off(row: TaskRow, situation: Situation) -> frozenset[str]:
    """The outcomes that put the task off instead of closing it."""
    planned = _planned(row, situation)
    usual = () if CALL_BACK in planned else (CALL_BACK,)
    return frozenset({*usual, *(name for name, reaction in planned.items() if reaction.snooze)})


def _planned(row: TaskRow, situation: Situation) -> Mapping[str, Reaction]:
    step, sequence = step_of(row, situation), situation.bundle.sequence
    if row.review or step is None or step not in sequence.index:
        return {}
    planned: Mapping[str, Reaction] = getattr(sequence.step(step), "outcomes", {})
    return planned


def _checked(row: TaskRow, situation: Situation, said: Said, now: datetime) -> str:
    """The outcome, if it may be said of this task now."""
    allowed = outcomes_of(row, situation)
    outcome = said.outcome.strip().lower().replace("-", "_").replace(" ", "_")
    if not outcome:
        outcome = _only(row, allowed)
    late = row.state == "done" and row.work == "linkedin" and outcome in ACCEPTED
    if not late:
        must_be_open(row)
    if outcome not in allowed:
        hint = did_you_mean(outcome, allowed)
        raise InputError(f'a task of this kind has no outcome "{said.outcome}"{hint} ({", ".join(allowed)})')
    reaction = _planned(row, situation).get(outcome)
    if said.until is not None:
        _in_future(said.until, now)
        if outcome != CALL_BACK and not (reaction and reaction.snooze):
            raise InputError(
                f'--until belongs to an outcome that puts the task off, such as {CALL_BACK}; "{outcome}" does not'
            )
    return outcome


def _only(row: TaskRow, allowed: tuple[str, ...]) -> str:
    if "done" in allowed:
        return "done"
    raise InputError(f"say what came of task {row.id}: --outcome {' | '.join(allowed)}")


def must_be_open(row: TaskRow) -> TaskRow:
    """The task, if it is open. Raises InputError."""
    if row.state == "open":
        return row
    how = f" ({row.outcome})" if row.outcome else ""
    since = f" on {row.closed_at:%Y-%m-%d %H:%M} UTC" if row.closed_at else ""
    raise InputError(
        f'task {row.id} is {_CLOSED.get(row.state, row.state)} already{how}{since}: "sequencer tasks" lists the rest'
    )


def _in_future(until: datetime, now: datetime) -> None:
    if until <= now:
        raise InputError(f"{until:%Y-%m-%d %H:%M %Z} has passed: name an instant to come")


def _situation(connection: Connection, advance: Advance, row: TaskRow, now: datetime) -> Situation:
    return load(connection, advance.around, [row.enrollment_id], now)[row.enrollment_id]
