"""`status`: how the installation is doing, exceptions first."""

from datetime import datetime

import click

from sequencer.cli.options import json_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import now, opened, print_json, when
from sequencer.cli.show import Cell, as_values, cell, line, table
from sequencer.engine.absence_lines import AbsenceLine
from sequencer.engine.overview import MailboxLine, Overview, overview
from sequencer.engine.why_words import told

# red: something does not work; yellow: something waits for a person
_STANDS_STILL = ("restored", "daemon", "mailbox", "inbox", "brake")
_COLOURS = {"ok": "", "paused": "yellow", "braked": "bold red", "resting": "yellow", "broken": "bold red"}


@click.command("status", epilog="Example:  sequencer status")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """How the installation is doing: what needs you first, then mailboxes, then sequences."""
    at = now()
    with opened(ctx) as app:
        found = app.database.read(lambda connection: overview(connection, app.around, at))
    if as_json:
        print_json(as_values(found))
        return
    _print_troubles(found)
    for away in found.absences:
        line(_away_line(away))
    if found.mailboxes:
        click.echo()
    table(["mailbox", "state", "today", "queued", "next"], [_mailbox_row(each, at) for each in found.mailboxes])
    if found.sequences:
        click.echo()
    rows: list[list[Cell]] = [
        [
            each.sequence_id, f"v{each.version}" if each.version else "—", str(each.active), str(each.paused),
            cell(str(each.held), "yellow" if each.held else ""), str(each.finished),
        ]
        for each in found.sequences
    ]  # fmt: skip
    table(["sequence", "version", "active", "paused", "held", "finished"], rows)
    beat = f"last heartbeat {when(found.heartbeat_at)}" if found.heartbeat_at else "no daemon has run yet"
    click.echo(f"\n{beat} · {found.people} {'person' if found.people == 1 else 'people'} known")


def _print_troubles(found: Overview) -> None:
    for each in found.troubles:
        style = "bold red" if each.kind in _STANDS_STILL else "yellow"
        line(f"▲ {told(each.text, when)} — {told(each.mend, when)}", style)
    if found.troubles:
        return
    if not found.people:
        line(
            'Nobody is known yet: "sequencer import FILE.csv" brings people in, "sequencer apply" makes a sequence run.'
        )
    else:
        line('All is well: nothing needs mending. "sequencer tasks --all" shows what the reps have to do.', "green")


def _away_line(each: AbsenceLine) -> str:
    """`ana is away until 4 January, back on Tue 05 Jan; bo covers and has 3 tasks; 12 mails wait`."""
    tasks, mails = counted(each.tasks + each.answers, "task", "tasks"), counted(each.mails, "mail", "mails")
    whose = f"{each.cover} covers and has {tasks}; {mails}" if each.cover else f"nobody covers; {tasks} and {mails}"
    return f"{each.rep} is away until {each.until}, back on {each.back:%a %d %b}; {whose} wait for the return"


def _mailbox_row(each: MailboxLine, at: datetime) -> list[Cell]:
    upcoming = "—" if each.next_at is None else when(each.next_at) if each.next_at > at else "now"
    return [each.address, cell(each.state, _COLOURS[each.state]), f"{each.sent}/{each.cap}", str(each.queued), upcoming]


COMMANDS: dict[str, click.Command] = {"status": command}
