"""Who is away now, and what waits because of it: the lines of `status`.

Counts what rows say and asks decide's own gates; it changes nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from sequencer.core.absence import Stretch
from sequencer.core.decide import standing
from sequencer.core.gates import gates_of
from sequencer.core.reason import Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.window import local_date
from sequencer.engine.absence import absence_of
from sequencer.engine.situation import Situation, Surroundings, load
from sequencer.store import reads

__all__ = ["AbsenceLine", "absence_lines"]

ANSWERS = ("answer", "refer")
OPENS_WITHIN = timedelta(days=8)  # of the return: a weekend, a long holiday where the prospect is


@dataclass(frozen=True, slots=True)
class AbsenceLine:
    """One rep who is away now, from `first` to `last` (`until` in words), and back at work on `back`.

    `cover` has their tasks, if anybody. `mails`: people whose mail waits for the return. `tasks` and `answers`: open
    ones and such as open only then, with the cover or waiting.
    """

    rep: str
    first: date
    last: date
    until: str
    back: date
    cover: str | None
    mails: int
    tasks: int
    answers: int


def absence_lines(connection: Connection, around: Surroundings, now: datetime) -> Iterator[AbsenceLine]:
    """One for each rep who is away at `now`."""
    for rep in around.config.away_by_rep:
        if stretch := absence_of(around.config, rep, now):
            open_work = reads.open_work(connection, rep)
            answers = sum(open_work[work] for work in ANSWERS)
            absence, zone = stretch.absence, around.config.reps_by_name[rep].timezone
            waiting = _waiting(connection, around, rep, stretch, now)
            yield AbsenceLine(
                rep, absence.first, absence.last, absence.until, local_date(zone, stretch.back), stretch.cover,
                waiting["email"] + reads.queued_waiting(connection, rep, Reason.REP_AWAY),
                open_work.total() - answers + waiting["task"], answers,
            )  # fmt: skip


def _waiting(connection: Connection, around: Surroundings, rep: str, stretch: Stretch, now: datetime) -> Counter[str]:
    """How many mails and tasks are due and not begun because the rep is away."""
    ids = reads.due_until(connection, rep, stretch.back + OPENS_WITHIN)
    return Counter(kind for one in load(connection, around, ids, now).values() if (kind := _kept_back(one, now)))


def _kept_back(situation: Situation, now: datetime) -> str:
    """`email` or `task` when the absence keeps the next step from its hours, and nothing else does."""
    sequence, progress = situation.bundle.sequence, situation.enrollment.progress
    step = standing(sequence, progress) if progress.step in sequence.index else None
    if step is None:
        return ""
    closed = {gate.name for gate in gates_of(step, sequence, progress, situation.facts, now) if not gate.passed}
    if "rep away" not in closed or closed - {"rep away", "window", "holiday"}:
        return ""
    return "email" if isinstance(step, EmailStep) else "task"
