"""What the interactive list reads and records: the engine's own verbs, as the commands call them.

A verb that refuses leaves its sentence in the message line and the list goes on. It draws nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

import click

from sequencer.app import App, recorded
from sequencer.cli.audit_row import command_at_desk
from sequencer.cli.desk.state import Desk, Detail, Intent, after, with_tasks
from sequencer.cli.reply import write
from sequencer.cli.session import when
from sequencer.cli.task_doing import edited, followed, moment
from sequencer.engine import answering, task_verbs
from sequencer.engine.absence import works_for
from sequencer.engine.mail_words import last_words
from sequencer.engine.task_list import ListedTask, shown_task, task_list, upcoming
from sequencer.errors import SequencerError
from sequencer.store import reads, tasks
from sequencer.store.tasks import TaskRow

Away = Callable[[], AbstractContextManager[None]]
# Hours open and close, and a colleague's daemon works, without any change to this rep's tasks.
STALE_AFTER = timedelta(minutes=1)
_REFUSALS = (SequencerError, click.ClickException, OSError, ValueError)


class Work:
    """One rep's tasks in one installation."""

    def __init__(self, app: App, rep: str) -> None:
        self._app, self._rep = app, rep
        self._seen: tuple[TaskRow, ...] = ()
        self._seen_at: datetime | None = None

    def opened(self, now: datetime) -> Desk:
        """The first screen."""
        return self.with_detail(with_tasks(Desk(self._rep, now), self._listed(now)), now)

    def _listed(self, now: datetime) -> Sequence[ListedTask]:
        read = self._app.database.read
        self._seen, self._seen_at = self._rows(now), now
        return read(lambda connection: task_list(connection, self._app.around, now, self._rep))

    def _rows(self, now: datetime) -> tuple[TaskRow, ...]:
        reps = works_for(self._app.config, self._rep, now)
        return tuple(self._app.database.read(lambda connection: tasks.open_tasks(connection, reps)))

    def refreshed(self, desk: Desk, now: datetime) -> Desk:
        """The list as others have changed it meanwhile."""
        desk = replace(desk, now=now)
        try:
            if self._seen_at and now - self._seen_at < STALE_AFTER and self._rows(now) == self._seen:
                return desk
            return self.with_detail(replace(with_tasks(desk, self._listed(now)), detail=None), now)
        except _REFUSALS as error:
            return replace(desk, said=_words(error), wrong=True)

    def with_detail(self, desk: Desk, now: datetime) -> Desk:
        """The chosen task read whole, if it is not there yet."""
        if desk.current is not None:
            return desk
        try:
            if not desk.chosen:
                return replace(desk, detail=None, empty=self._nothing(now))
            return replace(desk, detail=self._detail(desk.chosen, now), now=now)
        except _REFUSALS as error:
            return replace(desk, detail=None, said=_words(error), wrong=True)

    def _detail(self, task_id: int, now: datetime) -> Detail:
        def read(connection):  # type: ignore[no-untyped-def]
            shown = shown_task(connection, self._app.around, task_id, now)
            person = shown.listed.row.prospect_id
            return Detail(shown, last_words(connection, person), tuple(reads.notes_of(connection, person)))

        found: Detail = self._app.database.read(read)
        return found

    def _nothing(self, now: datetime) -> str:
        following = self._app.database.read(lambda connection: upcoming(connection, self._rep))
        if following.at is None:
            return f"Nothing to do now; {following.people} of your people under way."
        soon = "any moment" if following.at <= now else when(following.at)
        return f"Nothing to do now. The next step of your people is due {soon}."

    def perform(self, desk: Desk, intent: Intent, now: datetime, away: Away) -> Desk:
        """Carry out what was asked; `away` gives the terminal to an editor meanwhile."""
        try:
            app = recorded(self._app, command_at_desk(self._rep, intent.verb, intent.task, intent.outcome, now))
            said = _perform(app, self._rep, intent, now, away)
            if intent.verb == "note":
                return self.with_detail(replace(desk, said=said, wrong=False, detail=None), now)
            desk = after(desk, intent.task, self._listed(now))
            return self.with_detail(replace(desk, now=now, said=said, wrong=False, detail=None), now)
        except _REFUSALS as error:
            return self.refreshed(replace(desk, said=_words(error), wrong=True), now)


def _perform(app: App, by: str, intent: Intent, now: datetime, away: Away) -> str:
    task_id = intent.task
    match intent.verb:
        case "done" | "edit":
            return _done(app, by, intent, now, away)
        case "skip":
            skipped = app.database.write(
                lambda connection: task_verbs.skip(connection, app.advance, task_id, by, now), urgent=True
            )
            return followed(app, skipped, "is skipped", now)
        case "snooze":
            until = moment(app, task_id, intent.text, now)
            app.database.write(
                lambda connection: task_verbs.snooze(connection, app.advance, task_id, until, by, now), urgent=True
            )
            return f"task {task_id} is put off until {when(until)}"
        case "note":
            app.database.write(lambda connection: task_verbs.note(connection, task_id, by, intent.text, now))
            return "noted"
        case "reply":
            return _reply(app, by, task_id, now, away)
        case "quit" | "suspend":
            return ""


def _done(app: App, by: str, intent: Intent, now: datetime, away: Away) -> str:
    task_id, draft = intent.task, None
    if intent.verb == "edit":
        with away():
            draft = edited(app, task_id, now)
    until = moment(app, task_id, intent.text, now) if intent.text else None
    said = task_verbs.Said(intent.outcome, by, until, draft=draft)
    row = app.database.write(
        lambda connection: task_verbs.done(connection, app.advance, task_id, said, now), urgent=True
    )
    return followed(app, row, "is done", now)


def _reply(app: App, by: str, task_id: int, now: datetime, away: Away) -> str:
    blank = app.database.read(lambda connection: answering.blank(connection, app.advance, task_id, now))
    with away():
        written = write(blank)
    subject, body = written.subject, written.body
    answer = app.database.write(
        lambda connection: answering.reply(connection, app.advance, app.key, task_id, subject, body, by, now),
        urgent=True,
    )
    return f"your answer to {answer.address} is queued; the task is done when it has gone"


def _words(error: BaseException) -> str:
    return error.format_message() if isinstance(error, click.ClickException) else str(error)
