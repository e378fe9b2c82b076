"""What a correction changes for each person, seen by comparing what stands before it with what stands after it.

So nothing that it brings about is forgotten, whoever wrote it: enrollments, open tasks, refusals, addresses. It says
nothing in words and changes nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core.progress import Progress
from sequencer.engine.situation import Surroundings, load
from sequencer.engine.verbs import Face, faces
from sequencer.engine.why import Standing, standing_of
from sequencer.store import log, suppression, tasks
from sequencer.store.tasks import TaskRow

__all__ = ["Change", "Moved", "State", "changes", "states"]


@dataclass(frozen=True, slots=True)
class State:
    """One person as rows stand. `rules`: those that forbid contact with the person; `broken`: dead addresses."""

    face: Face
    enrollments: Mapping[int, log.Enrollment]
    tasks: Mapping[int, TaskRow]
    rules: frozenset[str]
    broken: frozenset[str]


@dataclass(frozen=True, slots=True)
class Moved:
    """One enrollment before and after. `standing`: where it stands then, None for one that is finished.

    `anew`: `after` is a new enrollment that continues the one that was `before`.
    """

    sequence_id: str
    before: Progress
    after: Progress
    standing: Standing | None
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One person. `allowed`, `refused`: rules lifted and put; `works`, `broken`: addresses that do now, or no more."""

    face: Face
    moved: tuple[Moved, ...]
    opened: tuple[TaskRow, ...]
    closed: tuple[TaskRow, ...]
    allowed: bool
    refused: bool
    works: tuple[str, ...]
    broken: tuple[str, ...]

    def __bool__(self) -> bool:
        parts = (self.moved, self.opened, self.closed, self.allowed, self.refused, self.works, self.broken)
        return any(parts)


def states(connection: Connection, persons: Collection[int]) -> dict[int, State]:
    """What stands of these people now."""
    return {key: _state(connection, face) for key, face in faces(connection, persons).items()}


def _state(connection: Connection, face: Face) -> State:
    rules = suppression.standing_on(connection, [("person", str(face.id))])
    return State(
        face,
        log.load(connection, log.all_of(connection, face.id)),
        {row.id: row for row in tasks.open_tasks(connection, prospect_id=face.id)},
        frozenset(each.rule.channel or "" for each in rules),
        frozenset(address.email for address in face.prospect.addresses if not address.valid),
    )


def changes(
    connection: Connection, around: Surroundings, before: Mapping[int, State], now: datetime
) -> tuple[Change, ...]:
    """Everybody for whom something is different by now."""
    found = []
    for key, new in states(connection, before).items():
        old = before[key]
        one = Change(
            new.face,
            tuple(_moved(connection, around, old, new, now)),
            tuple(row for row in new.tasks.values() if row.id not in old.tasks),
            tuple(row for row in old.tasks.values() if row.id not in new.tasks),
            bool(old.rules - new.rules),
            bool(new.rules - old.rules),
            tuple(sorted(old.broken - new.broken)),
            tuple(sorted(new.broken - old.broken)),
        )
        if one:
            found.append(one)
    return tuple(found)


def _moved(connection: Connection, around: Surroundings, old: State, new: State, now: datetime) -> Iterator[Moved]:
    continued = {row.progress.earlier[-1]: row for row in new.enrollments.values() if row.id not in old.enrollments}
    for key, row in sorted(old.enrollments.items()):
        after = continued.get(key, new.enrollments[key])
        if _stands(row.progress) == _stands(after.progress):
            continue
        standing = None
        if after.status != "finished":
            standing = standing_of(connection, around, load(connection, around, [after.id], now)[after.id], now)
        yield Moved(row.sequence_id, row.progress, after.progress, standing, key in continued)


def _stands(progress: Progress) -> tuple[object, ...]:
    pauses = sorted((pause.reason, str(pause.until)) for pause in progress.pauses)
    return progress.finished, pauses, sorted(hold.reason for hold in progress.holds), progress.step
