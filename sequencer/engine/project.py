"""Projects events onto the rows that other services work on: tasks, sends, suppressions.

Called once for each recorded event, in its transaction; so these rows are the log's, as Progress is.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.progress import Progress
from sequencer.core.sequence import EmailStep
from sequencer.core.suppression import Suppression
from sequencer.engine.situation import Situation
from sequencer.mail.address import is_free_mail, registrable_domain
from sequencer.store import people, sends, tasks


def onto_rows(
    connection: Connection, enrollment_id: int, situation: Situation, progress: Progress, event: e.Event, now: datetime
) -> None:
    """Write what `event` means for rows beside the log."""
    person = situation.enrollment.prospect_id
    match event:
        case e.TouchCancelled(step=step, attempt=attempt):
            sends.call_back(connection, enrollment_id, step, attempt)
        case e.TaskOpened():
            tasks.open_task(connection, enrollment_id, person, progress.rep, event, now)
        case e.TaskDone(task=key, outcome=outcome):
            tasks.close_task(connection, enrollment_id, key, "done", now, outcome)
        case e.TaskSkipped(task=key):
            tasks.close_task(connection, enrollment_id, key, "skipped", now)
        case e.TaskCancelled(task=key):
            tasks.close_task(connection, enrollment_id, key, "cancelled", now)
        case e.TaskSnoozed(task=key, until=until):
            known = progress.tasks.get(key)
            tasks.snooze_task(connection, enrollment_id, key, until, known.due_at if known else until)
        case e.Reassigned(rep=rep):
            tasks.reassign_tasks(connection, enrollment_id, rep)
        case e.ContactSuppressed(channel=channel, everywhere=True):
            rule = Suppression("person", str(person), channel, "asked by the sequence or the person", now)
            people.suppress(connection, rule, "sequence")
        case _:
            pass


def queued_row(
    enrollment_id: int, situation: Situation, event: e.TouchQueued, waited_since: datetime
) -> dict[str, Any]:
    """The send that a TouchQueued asks for; what waited longest for its hour, or for its rep, goes first."""
    step = situation.bundle.sequence.step(event.step)
    address = situation.facts.prospect.address or ""
    return {
        "enrollment_id": enrollment_id,
        "step": event.step,
        "attempt": event.attempt,
        "prospect_id": situation.enrollment.prospect_id,
        "account_id": situation.facts.prospect.account_id,
        "sequence_id": situation.enrollment.sequence_id,
        "mailbox": situation.enrollment.mailbox,
        "variant": event.variant,
        "version": event.version,
        "due_at": waited_since,
        "first_touch": isinstance(step, EmailStep) and not _has_written(situation),
        "address": address,
        "domain": limited_domain(address),
    }


def _has_written(situation: Situation) -> bool:
    touches = situation.enrollment.progress.touches
    sequence = situation.bundle.sequence
    return any(
        touch.state == "sent" for step, touch in touches.items() if step in sequence.index
    )  # fmt: skip


def limited_domain(address: str) -> str | None:
    """The domain on which a daily limit counts; free-mail domains have none."""
    domain = registrable_domain(address) if address else ""
    return None if not domain or is_free_mail(domain) else domain
