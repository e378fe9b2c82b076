"""What a correction changes, in lines: who goes on, who stops, which tasks open and close, who may be written to."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sequencer.cli.show import as_values, line, theirs
from sequencer.core.progress import Progress
from sequencer.core.reason import SENTENCE
from sequencer.engine.changes import Change, Moved
from sequencer.engine.correcting import Correction
from sequencer.engine.why_words import FINISHED, When, sentence, task_words

__all__ = ["class_word", "correction_values", "print_correction"]


def class_word(word: str) -> str:
    """A class as people read it."""
    return word.replace("_", " ")


def print_correction(one: Correction, indent: str = "") -> None:
    """Every change, person by person; that there is none where there is none."""
    for change in one.changes:
        for text in _change(change):
            line(f"{indent}{text}")
    for note in one.notes:
        line(f"{indent}{note}", "yellow")
    if not one.changes and not one.notes:
        line(f"{indent}nobody's sequences, tasks or refusals change")


def _change(one: Change) -> Iterator[str]:
    name, when = one.face.name, theirs(one.face.zone)
    for moved in one.moved:
        yield _moved(moved, name, when, one.face.address)
    for row in one.closed:
        yield f"{name}: task {row.id} closes: {task_words(row.work)}"
    for row in one.opened:
        yield f"{name}: a task opens for {row.rep}: {task_words(row.work)}, due {when(row.due_at)}"
    if one.refused:
        yield f"{name} is never contacted again, at any of their addresses"
    if one.allowed:
        yield f"{name} may be contacted again: the refusal is lifted"
    for address in one.works:
        yield f"{name}: {address} works again"
    for address in one.broken:
        yield f"{name}: {address} does not work any more"


def _moved(one: Moved, name: str, when: When, address: str) -> str:
    where = f"{name} in {one.sequence_id}"
    if one.standing is None:
        return f"{where}: was {_words(one.before, when)} → {_words(one.after, when)}"
    # Whether a daemon runs just now has nothing to do with the mail.
    gates = tuple(gate for gate in one.standing.gates if gate.name not in ("daemon", "clock"))
    then = sentence(replace(one.standing, gates=gates), name, when, address)
    if one.anew:
        return f"{where}: was {_words(one.before, when)} → goes on where it stood: {then}"
    return f"{where}: {'; '.join(_stops(one, when))} → {then}"


def _stops(one: Moved, when: When) -> Iterator[str]:
    """The pauses and holds that go and come."""
    before = {pause.reason: pause.until for pause in one.before.pauses}
    after = {pause.reason: pause.until for pause in one.after.pauses}
    for reason in sorted(before.keys() - after.keys()):
        yield f"its pause ends ({SENTENCE[reason]})"
    for reason, until in after.items():
        if reason not in before or before[reason] != until:
            yield f"is paused {f'until {when(until)} ' if until else ''}({SENTENCE[reason]})"
    held, holds = ({hold.reason for hold in progress.holds} for progress in (one.before, one.after))
    yield from (f"its hold goes ({SENTENCE[reason]})" for reason in sorted(held - holds))
    yield from (f"is held ({SENTENCE[reason]})" for reason in sorted(holds - held))


def _words(progress: Progress, when: When) -> str:
    if progress.finished:
        return f"finished ({FINISHED[progress.finished]})"
    if progress.holds:
        return f"held ({SENTENCE[progress.holds[0].reason]})"
    if progress.pauses:
        last = max(progress.pauses, key=lambda pause: (pause.until is None, pause.until or pause.put_at))
        until = f"until {when(last.until)} " if last.until else ""
        return f"paused {until}({SENTENCE[last.reason]})"
    return f'active (step "{progress.step}")'


def correction_values(one: Correction, *, applied: bool) -> dict[str, Any]:
    """The same for programs."""
    return {
        "id": one.mail, "was": one.was, "is": one.now, "applied": applied, "notes": list(one.notes),
        "changes": [_values(change) for change in one.changes],
    }  # fmt: skip


def _values(one: Change) -> dict[str, Any]:
    return {
        "person": one.face.id, "name": one.face.name, "address": one.face.address,
        "enrollments": [
            {
                "sequence": moved.sequence_id, "was": _state(moved.before), "is": _state(moved.after),
                "anew": moved.anew,
                "goes_at": as_values(moved.standing.goes_at) if moved.standing else None,
            }
            for moved in one.moved
        ],
        "tasks_opened": [{"id": row.id, "work": row.work, "due_at": as_values(row.due_at)} for row in one.opened],
        "tasks_closed": [{"id": row.id, "work": row.work} for row in one.closed],
        "may_be_contacted_again": one.allowed, "never_contacted_again": one.refused,
        "addresses_work": list(one.works), "addresses_broken": list(one.broken),
    }  # fmt: skip


def _state(progress: Progress) -> dict[str, Any]:
    return {
        "status": progress.status, "finished": progress.finished, "step": progress.step,
        "paused_until": [as_values(pause.until) for pause in progress.pauses],
        "held": [hold.reason for hold in progress.holds],
    }  # fmt: skip
