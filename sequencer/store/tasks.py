"""Tasks: touches that a person performs, as rows beside the log that opened them."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from sequencer.core import events as e
from sequencer.core.reaction import Priority, TaskKind
from sequencer.errors import NotFound
from sequencer.store.rows import chunks, upsert
from sequencer.store.tables import DRAFTS, ENROLLMENTS, NOTES, PROSPECTS, TASKS

TASKS_SHOWN_MAX = 500


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as a rep sees it."""

    id: int
    enrollment_id: int
    prospect_id: int
    key: str
    step: str | None
    rep: str
    work: TaskKind
    priority: Priority
    script: str | None
    review: bool
    state: str
    due_at: datetime
    opened_at: datetime
    snoozed_until: datetime | None
    closed_at: datetime | None
    outcome: str | None


def open_task(
    connection: Connection, enrollment_id: int, prospect_id: int, rep: str, event: e.TaskOpened, at: datetime
) -> None:
    """Add the task; one that was closed is open again as it is told now."""
    values = {
        "enrollment_id": enrollment_id, "prospect_id": prospect_id, "key": event.task, "step": event.step, "rep": rep,
        "work": event.work, "priority": event.priority, "script": event.script, "review": event.review,
        "state": "open", "due_at": event.due_at, "opened_at": at,
    }  # fmt: skip
    reopened = {**values, "snoozed_until": None, "closed_at": None, "outcome": None}
    statement = upsert(connection, TASKS).values(**values)
    connection.execute(statement.on_conflict_do_update(index_elements=["enrollment_id", "key"], set_=reopened))


def close_task(
    connection: Connection, enrollment_id: int, key: str, state: str, at: datetime, outcome: str | None = None
) -> None:
    this = (TASKS.c.enrollment_id == enrollment_id) & (TASKS.c.key == key)
    connection.execute(update(TASKS).where(this).values(state=state, closed_at=at, outcome=outcome))


def snooze_task(connection: Connection, enrollment_id: int, key: str, until: datetime, due_at: datetime) -> None:
    this = (TASKS.c.enrollment_id == enrollment_id) & (TASKS.c.key == key)
    connection.execute(update(TASKS).where(this).values(snoozed_until=until, due_at=due_at))


def reassign_tasks(connection: Connection, enrollment_id: int, rep: str) -> None:
    open_ones = (TASKS.c.enrollment_id == enrollment_id) & (TASKS.c.state == "open")
    connection.execute(update(TASKS).where(open_ones).values(rep=rep))


def open_count(connection: Connection, enrollment_ids: Collection[int], rep: str) -> int:
    """How many tasks of these enrollments wait for this rep."""
    waiting = (TASKS.c.rep == rep) & (TASKS.c.state == "open")
    found = 0
    for part in chunks(enrollment_ids):
        query = select(func.count()).select_from(TASKS).where(TASKS.c.enrollment_id.in_(part), waiting)
        found += connection.scalars(query).one()
    return found


def task(connection: Connection, task_id: int) -> TaskRow:
    """Raises NotFound."""
    row = connection.execute(select(TASKS).where(TASKS.c.id == task_id)).first()
    if row is None:
        raise NotFound(f'there is no task {task_id}: "sequencer tasks" lists the open ones')
    return TaskRow(*row)


_OPEN_TASKS = select(TASKS).where(TASKS.c.state == "open").order_by(TASKS.c.due_at).limit(TASKS_SHOWN_MAX)


def open_tasks(
    connection: Connection, reps: Collection[str] | None = None, prospect_id: int | None = None
) -> list[TaskRow]:
    """Open tasks, of these reps or of everybody, the urgent and the longest due first."""
    query = _OPEN_TASKS
    if reps is not None:
        query = query.where(TASKS.c.rep.in_(reps))
    if prospect_id:
        query = query.where(TASKS.c.prospect_id == prospect_id)
    rows = [TaskRow(*row) for row in connection.execute(query)]
    rank = {"urgent": 0, "high": 1, "normal": 2, "low": 3}
    return sorted(rows, key=lambda row: (row.work != "answer", rank[row.priority], row.due_at, row.id))


def person_tasks(connection: Connection, prospect_id: int) -> list[TaskRow]:
    """Every task of one person, open or closed."""
    query = select(TASKS).where(TASKS.c.prospect_id == prospect_id).order_by(TASKS.c.id)
    return [TaskRow(*row) for row in connection.execute(query)]


_CAME_UP = (
    select(ENROLLMENTS.c.sequence_id, ENROLLMENTS.c.version, TASKS.c.step)
    .select_from(TASKS)
    .join(ENROLLMENTS, ENROLLMENTS.c.id == TASKS.c.enrollment_id)
    .where(
        TASKS.c.rep.in_(bindparam("reps", expanding=True)),
        TASKS.c.work == bindparam("of_kind"),
        TASKS.c.step.is_not(None),
        TASKS.c.state != "cancelled",
        (TASKS.c.opened_at >= bindparam("since")) | TASKS.c.snoozed_until.between(bindparam("since"), bindparam("now")),
    )
)


def came_up(
    connection: Connection, reps: Collection[str], work: str, since: datetime, now: datetime
) -> Counter[tuple[str, int, str]]:
    """How many tasks of this kind came up for these reps since then, by (sequence, version, step).

    Those of steps, new ones and such as had been put off until then; one that a rule opens is beside the steps.
    """
    asked = {"reps": list(reps), "of_kind": work, "since": since, "now": now}
    return Counter((row.sequence_id, row.version, row.step) for row in connection.execute(_CAME_UP, asked))


_TOUCHES_OF_ACCOUNTS = (
    select(PROSPECTS.c.account_id, func.count())
    .select_from(TASKS)
    .join(PROSPECTS, PROSPECTS.c.id == TASKS.c.prospect_id)
    .where(
        PROSPECTS.c.account_id.in_(bindparam("ids", expanding=True)),
        TASKS.c.state == "done",
        TASKS.c.work.in_(("call", "linkedin")),
        TASKS.c.closed_at.between(bindparam("since"), bindparam("until")),
    )
    .group_by(PROSPECTS.c.account_id)
)


def touches_of_accounts(
    connection: Connection, account_ids: Collection[str], since: datetime, until: datetime
) -> Counter[str]:
    """How many calls and LinkedIn touches people at each of these accounts had between these instants."""
    found: Counter[str] = Counter()
    for part in chunks(account_ids):
        asked = {"ids": part, "since": since, "until": until}
        found.update({row[0]: row[1] for row in connection.execute(_TOUCHES_OF_ACCOUNTS, asked)})
    return found


def put_draft(connection: Connection, enrollment_id: int, step: str, subject: str | None, body: str) -> None:
    """What a rep wrote in place of the template, for one person."""
    statement = upsert(connection, DRAFTS).values(enrollment_id=enrollment_id, step=step, subject=subject, body=body)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["enrollment_id", "step"], set_={"subject": subject, "body": body}
        )
    )


_DRAFTS_OF = select(DRAFTS).where(DRAFTS.c.enrollment_id.in_(bindparam("ids", expanding=True)))


def drafts(connection: Connection, enrollment_ids: Collection[int]) -> dict[tuple[int, str], tuple[str | None, str]]:
    """(subject, body) by enrollment and step."""
    rows = connection.execute(_DRAFTS_OF, {"ids": list(enrollment_ids)})
    return {(row.enrollment_id, row.step): (row.subject, row.body) for row in rows}


def add_note(connection: Connection, prospect_id: int, task_id: int | None, by: str, text: str, at: datetime) -> None:
    connection.execute(insert(NOTES).values(prospect_id=prospect_id, task_id=task_id, at=at, by=by, text=text))
