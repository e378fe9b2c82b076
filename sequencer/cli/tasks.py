"""`tasks`, `done`, `skip`, `snooze`: a rep's day."""

import os
import sys
from datetime import datetime
from typing import Any

import click

from sequencer.cli.editor import SUBJECT
from sequencer.cli.options import NUMBER, as_option, json_option
from sequencer.cli.plain_text import plain
from sequencer.cli.session import acting, local_zone, now, opened, opened_to_see, print_json, when
from sequencer.cli.show import Cell, as_values, block, cell, line, table, theirs
from sequencer.cli.task_doing import after, answer_state, edited, followed, instant_of
from sequencer.clock import SystemClock
from sequencer.core.absence import Stretch
from sequencer.core.facts import account_fields, prospect_fields
from sequencer.engine import task_verbs
from sequencer.engine.absence import absence_of
from sequencer.engine.mail_words import judgement_of
from sequencer.engine.task_list import ListedTask, ShownTask, Upcoming, shown_task, task_list, upcoming
from sequencer.errors import InputError
from sequencer.mail.judgement import Judgement

_HIDDEN = ("first_name", "last_name", "email", "phone", "linkedin", "timezone")


@click.group("tasks", invoke_without_command=True, epilog="Example:  sequencer tasks --rep ana")
@click.option("--rep", "--as", "rep", metavar="REP", help="Whose. Default: $SEQUENCER_REP, or the only rep.")
@click.option("--all", "everybody", is_flag=True, help="Every rep's, as a table.")
@click.option("--plain", "as_table", is_flag=True, help="A table on a terminal too.")
@json_option
@click.pass_context
def command(ctx: click.Context, rep: str | None, everybody: bool, as_table: bool, as_json: bool) -> None:
    """What a rep has to do now, the first thing first.

    On a terminal a list with one key per outcome; ? in it explains the keys. In a pipe, and with --plain, a table.
    """
    if ctx.invoked_subcommand is not None:
        return
    if not (everybody or as_table or as_json) and _at_a_terminal():
        from sequencer.cli.desk import run

        with opened_to_see(ctx) as app:
            run(app, acting(app.config, rep), SystemClock())
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
        spare=("sequence · step", "company"),
    )
    if found:
        click.echo('\n"sequencer tasks show ID" has the text, "sequencer done ID --outcome …" records what came of it')


def _away_line(rep: str, stretch: Stretch) -> str:
    meanwhile = f"{stretch.cover} has these tasks" if stretch.cover else "nobody covers"
    return f"{rep} is away until {stretch.absence.until}: {meanwhile} meanwhile"


def _at_a_terminal() -> bool:
    """One that can move its cursor, on both sides."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _row(each: ListedTask, at: datetime, shows_rep: bool) -> list[Cell]:
    shut = each.opens_at is not None
    style = "dim" if shut else ""
    due = (
        f"opens {_soon(each.opens_at, at)}"
        if each.opens_at
        else _soon(each.row.due_at, at) + (" late" if each.late else "")
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
@click.argument("task_id", metavar="ID", type=NUMBER)
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


def _print_answer(found: ShownTask) -> None:
    written = found.written
    if written:
        line(f"\n{answer_state(found)}", "red" if written.state in ("failed", "uncertain", "person") else "")
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
@click.argument("task_id", metavar="ID", type=NUMBER)
@click.option(
    "--outcome", default="", metavar="OUTCOME", help="What came of it; needed where there is more than `done`."
)
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
        again = instant_of(app, task_id, until, at) if until else None
        draft = edited(app, task_id, at) if edit else None
        said = task_verbs.Said(outcome, by, again, note, draft)
        row = app.database.write(
            lambda connection: task_verbs.done(connection, app.advance, task_id, said, at), urgent=True
        )
        if row.state != "open":
            line(f"task {row.id} was done before; recorded: they are connected on LinkedIn")
            return
        line(followed(app, row, "is done", at))


@click.command("skip", epilog="Example:  sequencer skip 12")
@click.argument("task_id", metavar="ID", type=NUMBER)
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
        line(followed(app, row, "is skipped", at))


@click.command("snooze", epilog="Example:  sequencer snooze 12 --for 2d")
@click.argument("task_id", metavar="ID", type=NUMBER)
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
        end = instant_of(app, task_id, until, at) if until else after(app, task_id, span or "", at)
        app.database.write(
            lambda connection: task_verbs.snooze(connection, app.advance, task_id, end, by, at), urgent=True
        )
    line(f"task {task_id} is put off until {when(end)}")


COMMANDS: dict[str, click.Command] = {"tasks": command, "done": done, "skip": skip, "snooze": snooze}
