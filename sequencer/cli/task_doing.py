"""What `done`, `skip`, `snooze` and the interactive list share: instants as a rep types them, the edited mail, and the
sentence that says what follows.

The verbs themselves are engine/task_verbs.py's; nothing is recorded or printed here.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.app import App
from sequencer.cli.editor import edit
from sequencer.cli.session import local_zone, when
from sequencer.cli.show import theirs
from sequencer.cli.until import instant, length
from sequencer.core.timing import wait_end
from sequencer.engine.letter import Draft
from sequencer.engine.situation import load
from sequencer.engine.task_list import ShownTask, shown_task
from sequencer.engine.verbs import what_next
from sequencer.engine.why_words import expected_words
from sequencer.errors import InputError
from sequencer.store.tasks import TaskRow, task

_ANSWER_STATES = {
    "queued": "your answer is queued and leaves in a moment", "sending": "your answer is on its way",
    "sent": "you answered {at}", "failed": "your answer was not sent: {said}",
    "uncertain": "nobody knows whether your answer arrived: sequencer uncertain", "skipped": "",
    "person": "nobody knows whether your answer arrived: sequencer uncertain",
}  # fmt: skip


def answer_state(found: ShownTask) -> str:
    """What became of the rep's own answer, "" where none was written."""
    written = found.written
    if written is None:
        return ""
    said = f"{written.code or ''} {written.reply}".strip()
    return _ANSWER_STATES[written.state].format(at=when(written.sending_at), said=said)


def moment(app: App, task_id: int, text: str, at: datetime) -> datetime:
    """The instant meant by a length (`2h`, `3bd`) or a date. Raises InputError."""
    try:
        length(text)
    except InputError:
        return instant_of(app, task_id, text, at)
    return after(app, task_id, text, at)


def instant_of(app: App, task_id: int, text: str, at: datetime) -> datetime:
    """A day begins where the rep is, and so does an hour: it is the rep's own diary."""
    zone = local_zone() or _rep_zone(app, task_id)
    return instant(text, at, zone, zone)


def after(app: App, task_id: int, text: str, at: datetime) -> datetime:
    span = length(text)
    if not span:
        raise InputError("a task cannot be put off by nothing")

    def end(connection: Connection) -> datetime:
        row = task(connection, task_id)
        return wait_end(span, load(connection, app.around, [row.enrollment_id], at)[row.enrollment_id].facts, at)

    return app.database.read(end)


def _rep_zone(app: App, task_id: int) -> ZoneInfo:
    rep = app.database.read(lambda connection: task(connection, task_id)).rep
    known = app.config.reps_by_name.get(rep)
    return known.timezone if known else ZoneInfo("UTC")


def edited(app: App, task_id: int, at: datetime) -> Draft:
    """What the rep made of the mail in their editor. Raises InputError when nothing was saved."""
    found = app.database.read(lambda connection: shown_task(connection, app.around, task_id, at))
    if not found.listed.row.review:
        raise InputError(f"task {task_id} is no mail to approve: there is nothing to edit")
    if found.text is None:
        raise InputError(f"the mail cannot be shown: {found.problem}")
    saved = edit(
        found.text.subject or "", f"{found.text.body}\n",
        ", so the task stays open; without --edit the mail is approved as it is",
    )  # fmt: skip
    kept = found.text.threaded and saved.subject == found.text.subject
    return Draft(None if kept else saved.subject or None, saved.body)


def followed(app: App, row: TaskRow, what: str, at: datetime) -> str:
    """What was recorded, and what comes of it."""
    current = app.database.read(lambda connection: task(connection, row.id))
    if current.state == "open":
        return f"task {row.id} is put off until {when(current.due_at)}"
    following = app.database.read(lambda connection: what_next(connection, app.around, row.enrollment_id, at))
    coming = following.outlook.next if following.outlook else None
    said = f" ({current.outcome.replace('_', ' ')})" if current.outcome and current.outcome != "done" else ""
    status = following.situation.enrollment.progress.status
    then = (
        f"next: {expected_words(coming)}, {theirs(following.situation.facts.zone)(coming.at)}"
        if coming
        else "their sequence is finished"
        if status == "finished"
        else f"they are {status} now"
    )
    return f"task {row.id} {what}{said}; {then}"
