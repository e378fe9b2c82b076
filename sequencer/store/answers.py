"""A rep's own answers in the send queue: rows like those of steps, with a task in the place of the step.

They are queued with their bytes. What becomes of them is store/sends.py's and store/fence.py's, as of every mail.
"""

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from sequencer.core.answers import ANSWER
from sequencer.store.rows import chunks
from sequencer.store.sends import SendRow, load_sends
from sequencer.store.tables import SENDS


@dataclass(frozen=True, slots=True)
class Answer:
    """A rep's own answer, as it will leave: it is written once and never made anew."""

    task_id: int
    enrollment_id: int
    prospect_id: int
    account_id: str | None
    sequence_id: str
    version: int
    mailbox: str
    address: str
    domain: str | None
    subject: str
    message_id: str
    raw: bytes


def queue_answer(connection: Connection, answer: Answer, number: int, now: datetime) -> None:
    """Queue mail `number` of a task, beside the steps (LIFECYCLE)."""
    values = {name: getattr(answer, name) for name in Answer.__slots__ if name not in ("task_id", "raw")}
    values |= {"step": answer_key(answer.task_id), "attempt": number, "due_at": now, "rendered_at": now}
    connection.execute(SENDS.insert().values(**values, raw=zlib.compress(answer.raw, 1)))


def answer_key(task_id: int) -> str:
    """What stands in the place of a step's id."""
    return f"{ANSWER}{task_id}"


def queued_answers(connection: Connection, enrollment_ids: Collection[int]) -> list[SendRow]:
    """The answers of these enrollments that have not left."""
    found: list[int] = []
    for part in chunks(enrollment_ids):
        own = SENDS.c.enrollment_id.in_(part) & SENDS.c.step.startswith(ANSWER) & (SENDS.c.state == "queued")
        found += connection.scalars(select(SENDS.c.id).where(own))
    return list(load_sends(connection, found).values())


def answers_to(connection: Connection, task_id: int) -> list[SendRow]:
    """What was written for one task, in order."""
    ids = connection.scalars(select(SENDS.c.id).where(SENDS.c.step == answer_key(task_id)))
    return sorted(load_sends(connection, list(ids)).values(), key=lambda row: row.attempt)
