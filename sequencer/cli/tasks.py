"""`tasks`, `done`, `skip`, `snooze`: a rep's day."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import Connection

from sequencer.app import App
from sequencer.cli.editor import SUBJECT, edit
from sequencer.cli.plain_text import plain
from sequencer.cli.session import acting, as_option, json_option, local_zone, now, opened, print_json, when
from sequencer.cli.show import Cell, as_values, block, cell, line, table, theirs
from sequencer.cli.until import instant, length
from sequencer.core.absence import Stretch
from sequencer.core.facts import account_fields, prospect_fields
from sequencer.core.timing import wait_end
from sequencer.engine import task_verbs
from sequencer.engine.absence import absence_of
from sequencer.engine.letter import Draft
from sequencer.engine.mail_words import judgement_of
from sequencer.engine.situation import load
from sequencer.engine.task_list import ListedTask, ShownTask, Upcoming, shown_task, task_list, upcoming
from sequencer.engine.verbs import what_next
from sequencer.engine.why_words import expected_words
from sequencer.errors import InputError
from sequencer.mail.judgement import Judgement
from sequencer.store.tasks import TaskRow, task

_HIDDEN = ("first_name", "last_name", "email", "phone", "linkedin", "timezone")


@click.group("tasks", invoke_without_command=True, epilog="Example:  sequencer tasks --rep ana")
@click.option("--rep", "--as", "rep", metavar="REP", help="Whose. Default: $SEQUENCER_REP, or the only rep.")
@click.option("--all", "everybody", is_flag=True, help="Every rep's.")
@json_option
@click.pass_context
def command(ctx: click.Context, rep: str | None, everybody: bool, as_json: bool) -> None:
    """What a rep has to do now, the first thing first."""
    if ctx.invoked_subcommand is not None:
        return
    at = now()
    with opened(ctx) as app:
        whose = None if everybody else acting(app.config, rep)
        found = app.database.read(lambda connection: task_list(connection, app.around, at, whose))
        following = app.database.read(lambda connection: upcoming(connection, whose))
    if as_json:
        print_json([_values(each) for each in found])
        return
    if whose and (stretch := absence_of(app.config, whose, at)):
        line(_away_line(whose, stretch), "yellow")
    columns = ["id", "what", "who", "company", "sequence · step", "due", "their time", "reach"]
    shows_rep = everybody or any(each.row.rep != whose for each in found)
    table(
        [*columns, "rep"] if shows_rep else columns,
        [_row(each, at, shows_rep) for each in found],
        _empty(following, at),
    )
    if found:
        click.echo('\n"sequencer tasks show ID" has the text, "sequencer done ID --outcome …" records what came of it')


def _away_line(rep: str, stretch: Stretch) -> str:
    meanwhile = f"{stretch.cover} has these tasks" if stretch.cover else "nobody covers"
    return f"{rep} is away until {stretch.absence.until}: {meanwhile} meanwhile"


def _row(each: ListedTask, at: datetime, shows_rep: bool) -> list[Cell]:
    shut = each.opens_at is not None
    style = "dim" if shut else ""
    due = (
        f"opens {_soon(each.opens_at, at)}" if each.opens_at else when(each.row.due_at) + (" late" if each.late else "")
    )
    urgent = f"{each.what} !" if each.row.priority in ("urgent", "high") else each.what
    row: list[Cell] = [
        cell(str(each.row.id), style), cell(urgent, style or ("bold" if each.row.priority == "urgent" else "")),
        cell(each.face.name, style), cell(each.face.company, style), cell(f"{each.sequence_id} · {each.step}", "dim"),
        cell(due, style or ("red" if each.late else "")), cell(f"{at.astimezone(each.zone):%H:%M}", style),
        cell(each.reach.removeprefix("https://").removeprefix("www."), style),
    ]  # fmt: skip
    return [*row, cell(_whose(each), style)] if shows_rep else row


def _whose(each: ListedTask) -> str:
    if each.away is None:
        return each.row.rep
    who = f"{each.away.cover} for {each.row.rep}" if each.away.cover else each.row.rep
    return f"{who}, away until {each.away.absence.until}"


def _soon(instant: datetime, at: datetime) -> str:
    """The hour alone for an instant of today."""
    zone = local_zone()
    here = instant.astimezone(zone)
    return f"{here:%H:%M}" if here.date() == at.astimezone(zone).date() else when(instant)


def _empty(following: Upcoming, at: datetime) -> str:
    if not following.people:
        return 'Nothing to do, and nobody is under way: "sequencer enroll SEQ --list NAME" begins.'
    if following.at is None:
        many = "1 person is" if following.people == 1 else f"{following.people} people are"
        return f'Nothing to do now. {many} under way; "sequencer why EMAIL" says what one of them waits for.'
    soon = "any moment" if following.at <= at else when(following.at)
    return f"Nothing to do now. The next step of your people is due {soon}."


def _values(each: ListedTask) -> dict[str, Any]:
    return {
        **as_values(each.row), "what": each.what, "step": each.step, "sequence": each.sequence_id,
        "name": each.face.name, "company": each.face.company, "address": each.face.address, "reach": each.reach,
        "zone": each.zone.key, "opens_at": as_values(each.opens_at), "late": each.late,
        "away_until": as_values(each.away.absence.last) if each.away else None,
        "cover": each.away.cover if each.away else None,
    }  # fmt: skip


@command.command("show", epilog="Example:  sequencer tasks show 12")
@click.argument("task_id", metavar="ID", type=int)
@json_option
@click.pass_context
def show(ctx: click.Context, task_id: int, as_json: bool) -> None:
    """One task: what to say, and what is known of the person."""
    at = now()
    with opened(ctx) as app:
        found = app.database.read(lambda connection: shown_task(connection, app.around, task_id, at))
    if as_json:
        values = {"outcomes": list(found.outcomes), "text": as_values(found.text), "problem": found.problem or None}
        print_json({**_values(found.listed), **values, "facts": _facts(found)})
        return
    one = found.listed
    about = f", {one.face.company}" if one.face.company else ""
    line(f"task {one.row.id}: {one.what}: {one.face.name}{about}", "bold")
    due = f"opens {theirs(one.zone)(one.opens_at)}" if one.opens_at else f"due {theirs(one.zone)(one.row.due_at)}"
    click.echo(
        plain(
            f"{one.sequence_id} · {one.step} · {due} · {_whose(one)} · {one.reach or 'no way to reach them is known'}"
        )
    )
    if one.row.state != "open":
        line(f"this task is {one.row.state}{f' ({one.row.outcome})' if one.row.outcome else ''}", "yellow")
    click.echo()
    _print_text(found)
    rows: list[list[Cell]] = [[cell(name, "dim"), str(value)] for name, value in _facts(found).items()]
    table(["about them", ""], rows)
    if found.answered and one.row.work == "answer":
        _print_answer(found)
    click.echo(f"\nsequencer done {one.row.id} --outcome {' | '.join(found.outcomes)}")


def _print_text(found: ShownTask) -> None:
    if found.problem:
        line(f"its text cannot be shown: {found.problem}", "red")
        click.echo("import the field with --update, or give it a default in the template\n")
    if found.text:
        if found.text.subject:
            click.echo(plain(f"{SUBJECT} {found.text.subject}") + "\n")
        block(found.text.body)
        click.echo()
    if found.answered:
        judgement: Judgement | None = judgement_of(found.answered)
        click.echo(f"they wrote {when(found.answered.received_at)} (mail {found.answered.id}):\n")
        block(judgement.text if judgement else "(not read yet)")
        click.echo()


_ANSWER_STATES = {
    "queued": "your answer is queued and leaves in a moment", "sending": "your answer is on its way",
    "sent": "you answered {at}", "failed": "your answer was not sent: {said}",
    "uncertain": "nobody knows whether your answer arrived: sequencer uncertain", "skipped": "",
    "person": "nobody knows whether your answer arrived: sequencer uncertain",
}  # fmt: skip


def _print_answer(found: ShownTask) -> None:
    written = found.written
    if written:
        state = _ANSWER_STATES[written.state].format(
            at=when(written.sending_at), said=f"{written.code or ''} {written.reply}".strip()
        )
        line(f"\n{state}", "red" if written.state in ("failed", "uncertain", "person") else "")
    if written is None or written.state in ("failed", "skipped"):
        click.echo(f"\nsequencer reply {found.listed.row.id}  opens your editor with their mail quoted")


def _facts(found: ShownTask) -> dict[str, Any]:
    face = found.listed.face
    known = {key: value for key, value in prospect_fields(face.prospect).items() if key not in _HIDDEN}
    company = {
        f"company {key}": value for key, value in account_fields(face.account).items() if key not in ("id", "name")
    }
    return {**known, **company}


@click.command("done", epilog="Example:  sequencer done 12 --outcome voicemail --note 'call again in spring'")
@click.argument("task_id", metavar="ID", type=int)
@click.option("--outcome", default="", help="What came of it; needed where there is more than `done`.")
@click.option("--until", metavar="DATE", help="When to call back: 2026-12-01, 2026-12-01 14:30 (your time), tomorrow.")
@click.option("--note", default="", metavar="TEXT", help="A note about the person.")
@click.option("--edit", is_flag=True, help="A mail to approve: change it in $EDITOR first.")
@as_option
@click.pass_context
def done(
    ctx: click.Context, task_id: int, outcome: str, until: str | None, note: str, edit: bool, as_name: str | None
) -> None:
    """A task is done: record its outcome. A mail to approve leaves after this."""
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        again = _instant(app, task_id, until, at) if until else None
        draft = _edited(app, task_id, at) if edit else None
        said = task_verbs.Said(outcome, by, again, note, draft)
        row = app.database.write(
            lambda connection: task_verbs.done(connection, app.advance, task_id, said, at), urgent=True
        )
        if row.state != "open":
            line(f"task {row.id} was done before; recorded: they are connected on LinkedIn")
            return
        _report(app, row, "is done", at)


@click.command("skip", epilog="Example:  sequencer skip 12")
@click.argument("task_id", metavar="ID", type=int)
@as_option
@click.pass_context
def skip(ctx: click.Context, task_id: int, as_name: str | None) -> None:
    """Skip a task, and its step with it."""
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        row = app.database.write(
            lambda connection: task_verbs.skip(connection, app.advance, task_id, by, at), urgent=True
        )
        _report(app, row, "is skipped", at)


@click.command("snooze", epilog="Example:  sequencer snooze 12 --for 2d")
@click.argument("task_id", metavar="ID", type=int)
@click.option("--until", metavar="DATE", help="2026-12-01, 2026-12-01 14:30 (your time) or tomorrow.")
@click.option("--for", "span", metavar="LENGTH", help="2h, 3d, 2bd.")
@as_option
@click.pass_context
def snooze(ctx: click.Context, task_id: int, until: str | None, span: str | None, as_name: str | None) -> None:
    """Put a task off."""
    if (until is None) == (span is None):
        raise InputError("say until when: --until DATE or --for LENGTH")
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        end = _instant(app, task_id, until, at) if until else _after(app, task_id, span or "", at)
        app.database.write(
            lambda connection: task_verbs.snooze(connection, app.advance, task_id, end, by, at), urgent=True
        )
    line(f"task {task_id} is put off until {when(end)}")


def _instant(app: App, task_id: int, text: str, at: datetime) -> datetime:
    """A day begins where the rep is, and so does an hour: it is the rep's own diary."""
    zone = local_zone() or _rep_zone(app, task_id)
    return instant(text, at, zone, zone)


def _after(app: App, task_id: int, text: str, at: datetime) -> datetime:
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


def _edited(app: App, task_id: int, at: datetime) -> Draft:
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


def _report(app: App, row: TaskRow, what: str, at: datetime) -> None:
    """What was recorded, and what comes of it."""
    current = app.database.read(lambda connection: task(connection, row.id))
    if current.state == "open":
        line(f"task {row.id} is put off until {when(current.due_at)}")
        return
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
    line(f"task {row.id} {what}{said}; {then}")


COMMANDS: dict[str, click.Command] = {"tasks": command, "done": done, "skip": skip, "snooze": snooze}
