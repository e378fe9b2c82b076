"""What a rep has to do, in the order in which they want it: answers, then what is urgent, then what can be done now.

A call that the person's clock forbids is shown with the hour at which it opens, after everything that can be done.
It lists and changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.content.failure import RenderError
from sequencer.core.absence import Stretch, away_at, due_at_work
from sequencer.core.sequence import AnyStep, LinkedInStep, TaskStep
from sequencer.core.timing import Hours, hours_of, opening
from sequencer.core.window import local_date, start_of_day
from sequencer.engine.absence import works_for
from sequencer.engine.mail_words import last_words
from sequencer.engine.situation import Situation, Surroundings, load
from sequencer.engine.step_text import StepText, step_text
from sequencer.engine.task_verbs import forbidding, outcomes_of, putting_off, step_of
from sequencer.engine.verbs import Face, faces
from sequencer.store import answers, reads, tasks
from sequencer.store.inbox import InboundRow
from sequencer.store.sends import SendRow
from sequencer.store.tasks import TaskRow

__all__ = ["ListedTask", "ShownTask", "Upcoming", "shown_task", "task_list", "upcoming"]

_RANK = {"urgent": 0, "high": 1, "normal": 2, "low": 3}
_WHAT = {
    "call": "call", "email": "approve mail", "answer": "answer", "refer": "follow referral", "fix": "mend",
    "other": "task",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task with whom it is about. `opens_at`: when it can be done, None for now. `late`: due before today.

    `away`: the absence of the rep whose task it is, while it lasts.
    """

    row: TaskRow
    face: Face
    what: str
    step: str
    sequence_id: str
    zone: ZoneInfo
    opens_at: datetime | None
    late: bool
    away: Stretch | None = None

    @property
    def reach(self) -> str:
        """The number to call, or the page to open."""
        person = self.face.prospect
        found = {"call": person.phone, "linkedin": person.linkedin}.get(self.row.work, self.face.address)
        return found or ""


def task_list(connection: Connection, around: Surroundings, now: datetime, rep: str | None = None) -> list[ListedTask]:
    """The open tasks of a rep and of those whom they cover now, or of everybody, the first to do first."""
    rows = tasks.open_tasks(connection, works_for(around.config, rep, now) if rep else None)
    situations = load(connection, around, {row.enrollment_id for row in rows}, now)
    known = faces(connection, {row.prospect_id for row in rows})
    listed = [_listed(row, situations[row.enrollment_id], known[row.prospect_id], now) for row in rows]
    return sorted(listed, key=_place)


def _place(one: ListedTask) -> tuple[object, ...]:
    answer = one.row.work not in ("answer", "refer")
    if one.opens_at is not None:
        return (1, one.opens_at, answer, _RANK[one.row.priority], one.row.id)
    return (0, answer, _RANK[one.row.priority], one.row.due_at, one.row.id)


def _listed(row: TaskRow, situation: Situation, face: Face, now: datetime) -> ListedTask:
    sequence, facts = situation.bundle.sequence, situation.facts
    step_id = step_of(row, situation)
    step = sequence.step(step_id) if step_id and step_id in sequence.index else None
    today = start_of_day(facts.rep.timezone, local_date(facts.rep.timezone, now))
    return ListedTask(
        row, face, _what(row, step), step_id or row.key.partition(":")[0], sequence.id, facts.zone,
        _opens_at(row, step, situation, now), due_at_work(facts.away, row.due_at, now) < today,
        away_at(facts.away, now),
    )  # fmt: skip


def _what(row: TaskRow, step: AnyStep | None) -> str:
    match step:
        case TaskStep(task=text):
            return text
        case LinkedInStep(linkedin=kind):
            return f"LinkedIn {kind}"
    return _WHAT.get(row.work, row.work)


def _opens_at(row: TaskRow, step: AnyStep | None, situation: Situation, now: datetime) -> datetime | None:
    """Calls keep the person's hours; everything keeps the time to which it was put off."""
    at = max(now, row.due_at)
    if row.work == "call":
        facts = situation.facts
        hours = hours_of(step, facts) if step else Hours(facts.window, facts.zone, facts.holidays)
        at = opening(hours, at) or at
    return at if at > now else None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What an empty list says: how many people of the rep are under way, and when their next step is due, if a clock
    decides it."""

    people: int
    at: datetime | None


def upcoming(connection: Connection, rep: str | None = None) -> Upcoming:
    return Upcoming(reads.live_count(connection, rep), reads.next_due_of(connection, rep))


@dataclass(frozen=True, slots=True)
class ShownTask:
    """All that a rep needs for one task. `problem`: why its text cannot be shown; `answered`: the mail it answers;
    `written`: the rep's own last answer to it; `window_at`: when the person's hours are open next, `now` where they
    are open, None where they never are; `putting_off`, `forbidding`: outcomes of that kind."""

    listed: ListedTask
    outcomes: tuple[str, ...]
    text: StepText | None
    problem: str
    answered: InboundRow | None
    written: SendRow | None
    window_at: datetime | None
    putting_off: frozenset[str]
    forbidding: frozenset[str]


def shown_task(connection: Connection, around: Surroundings, task_id: int, now: datetime) -> ShownTask:
    """One task with its text. Raises NotFound."""
    row = tasks.task(connection, task_id)
    situation = load(connection, around, [row.enrollment_id], now)[row.enrollment_id]
    listed = _listed(row, situation, faces(connection, [row.prospect_id])[row.prospect_id], now)
    text, problem = _text(connection, around, situation, row, now)
    answered = None
    if row.work in ("answer", "refer"):
        answered = last_words(connection, row.prospect_id)
    written = next(reversed(answers.answers_to(connection, task_id)), None)
    facts = situation.facts
    return ShownTask(
        listed, outcomes_of(row, situation), text, problem, answered, written,
        opening(Hours(facts.window, facts.zone, facts.holidays), now),
        putting_off(row, situation), forbidding(row, situation),
    )  # fmt: skip


def _text(
    connection: Connection, around: Surroundings, situation: Situation, row: TaskRow, now: datetime
) -> tuple[StepText | None, str]:
    try:
        return step_text(connection, around, situation, step_of(row, situation), now, row.script), ""
    except RenderError as error:
        return None, f"templates/{error}"
