"""What a stop does to many enrollments at once: carried out in portions, counted, or only foreseen.

Beside the verbs because all of those that act on many people (finish, pause, suppress, reassign) count alike, and
because `--dry-run` has to tell exactly what the command would do: both ask the same decisions. It prints nothing.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.engine.advance import Advance, Pass, settled
from sequencer.engine.situation import Situation, load
from sequencer.store.database import Database

__all__ = ["PORTION_MAX", "Effect", "Say", "carry_out", "count", "foresee", "portions"]

PORTION_MAX = 200  # enrollments in one transaction, so that no other stop and no fence waits for long

# What to record of one enrollment; None leaves it alone.
Say = Callable[[Situation], Sequence[e.Event] | None]


@dataclass(slots=True)
class Effect:
    """Counts over enrollments. `finished` and `live` by sequence; `people` are ids.

    `live`: those that were live before. `wired`: a mail of theirs had passed its fence and cannot be called back.
    `held`: live ones that stay held or paused for another reason.
    """

    people: set[int] = field(default_factory=set)
    live: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    finished_people: set[int] = field(default_factory=set)
    held: int = 0
    called_back: int = 0
    tasks_dropped: int = 0
    wired: int = 0

    @property
    def enrollments(self) -> int:
        return self.live.total()

    def add(self, other: "Effect") -> None:
        """Count another portion."""
        self.people |= other.people
        self.finished_people |= other.finished_people
        self.live += other.live
        self.finished += other.finished
        self.held += other.held
        self.called_back += other.called_back
        self.tasks_dropped += other.tasks_dropped
        self.wired += other.wired


def count(passes: Iterable[Pass]) -> Effect:
    """What these passes changed."""
    effect = Effect()
    for one in passes:
        before, sequence = one.situation.enrollment, one.situation.enrollment.sequence_id
        if before.status != "finished":
            effect.people.add(before.prospect_id)
            effect.live[sequence] += 1
            effect.wired += one.situation.facts.on_the_wire
            others = [pause for pause in one.progress.pauses if pause.reason is not Reason.BY_PERSON]
            effect.held += one.progress.finished is None and bool(one.progress.holds or others)
            if one.progress.finished:
                effect.finished[sequence] += 1
                effect.finished_people.add(before.prospect_id)
        effect.called_back += sum(isinstance(event, e.TouchCancelled) for event in one.recorded)
        effect.tasks_dropped += sum(isinstance(event, e.TaskCancelled) for event in one.recorded)
    return effect


def portions(ids: Collection[int]) -> Iterable[list[int]]:
    """Enrollments in portions of one transaction each."""
    ordered = list(ids)
    return (ordered[at : at + PORTION_MAX] for at in range(0, len(ordered), PORTION_MAX))


def carry_out(database: Database, advance: Advance, ids: Collection[int], say: Say, now: datetime) -> Effect:
    """Record what `say` says of each enrollment, one urgent transaction a portion; the counts of all of them."""
    effect = Effect()
    for part in portions(ids):

        def work(connection: Connection, part: list[int] = part) -> Effect:
            said = [
                (key, events)
                for key, one in load(connection, advance.around, part, now).items()
                if (events := say(one)) is not None
            ]
            return count(advance.record(connection, said, now).values())

        effect.add(database.write(work, urgent=True))
    return effect


def foresee(
    connection: Connection,
    advance: Advance,
    ids: Collection[int],
    say: Say,
    now: datetime,
    see: Callable[[Situation], Situation] = lambda one: one,
) -> Effect:
    """What `carry_out` would do, without a row written; `see` adds what would be true by then."""
    effect = Effect()
    for part in portions(ids):
        known = map(see, load(connection, advance.around, part, now).values())
        said = [(one, events) for one in known if (events := say(one)) is not None]
        effect.add(count(settled(one, events, now) for one, events in said))
    return effect
