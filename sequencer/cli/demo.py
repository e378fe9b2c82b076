"""`demo`: the whole engine on a temporary installation, over real SMTP, in a simulated world."""

import asyncio
import logging
import tempfile
from contextlib import nullcontext
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.status import Status
from rich.text import Text

from sequencer.cli.options import json_option
from sequencer.cli.session import console, print_json
from sequencer.cli.show import line
from sequencer.cli.why import print_why, why_values
from sequencer.world.record import Entry, Record
from sequencer.world.report import Explained, Report, explain, report
from sequencer.world.scene import Script, play
from sequencer.world.timeline import Line, Timeline, Tone

PEOPLE_MAX = 40
WEEKS_MAX = 26
ZONE = ZoneInfo("Europe/Madrid")
STYLES: dict[Tone, str] = {
    "sent": "cyan", "answer": "bold green", "stop": "bold magenta", "trouble": "red", "person": "yellow",
    "quiet": "dim",
}  # fmt: skip
OUTCOMES = {
    "people": "people enrolled", "reached": "reached by mail", "replied": "replied", "meetings": "meetings booked",
    "connected": "talked to on the phone", "opted_out": "opted out", "bounced": "bounced or unknown",
    "away": "were away", "completed": "came to the end without an answer", "inside": "still in the sequence",
}  # fmt: skip
ACTIVITY = {
    "mails": "mails accepted", "answers": "answers", "calls": "calls", "linkedin": "LinkedIn touches",
    "other_tasks": "other tasks done", "deferred": "put off by a server", "refused": "refused by a server",
    "uncertain": "mails uncertain for a while", "settled_by_person": "of these settled by a rep",
}  # fmt: skip


@click.command("demo", epilog="Example:  sequencer demo --people 12 --seed 7")
@click.option("--people", "people", default=PEOPLE_MAX, type=click.IntRange(1, PEOPLE_MAX), show_default=True,
              help="How many of the example's people take part.")  # fmt: skip
@click.option("--weeks", default=6, type=click.IntRange(1, WEEKS_MAX), show_default=True, help="Virtual weeks.")
@click.option("--seed", default=1, type=int, show_default=True, help="Another world; the same seed repeats itself.")
@click.option("--quiet", is_flag=True, help="Only the closing report.")
@json_option
def command(people: int, weeks: int, seed: int, quiet: bool, as_json: bool) -> int:
    """Watch the whole engine at work: real database, real SMTP and mailboxes, simulated people and reps.

    Weeks pass in seconds, on a clock that jumps only when nothing is in flight. Nothing leaves this machine.
    Exit 0: every guarantee held. Exit 1: one was broken.
    """
    logging.getLogger("sequencer").setLevel(logging.ERROR)
    script = Script(seed=seed, people=people, weeks=weeks)
    done = _run(script, _Screen(console(), hidden=quiet or as_json))
    if as_json:
        explained = why_values(done.explained.why) if done.explained else None
        print_json({**done.values(), "why": explained})
    else:
        _print(done)
    return 0 if done.held else 1


def _run(script: Script, screen: "_Screen") -> Report:
    looks: list[Explained | None] = []
    with tempfile.TemporaryDirectory(prefix="sequencer-demo-") as folder, screen.status:
        played = asyncio.run(
            play(
                script, Path(folder), Record(told=screen.show), met=screen.timeline.meet,
                halfway=lambda app, now: looks.append(explain(app, now)),
            )
        )  # fmt: skip
        played.app.close()
    return report(played, looks[0])


class _Screen:
    """The live timeline: a heading for each day, a line for each thing that happens."""

    def __init__(self, output: Console, hidden: bool) -> None:
        self.timeline = Timeline(ZONE)
        self.status: Status | nullcontext[None] = nullcontext()
        if output.is_terminal and not hidden:
            self.status = output.status("building an installation")
        self._output, self._hidden = output, hidden
        self._day = ""
        self._mails = self._answers = 0

    def show(self, entry: Entry) -> None:
        shown = self.timeline.line(entry)
        if shown is None or self._hidden:
            return
        day = f"{shown.at:%a %d %b}"
        if day != self._day:
            self._day = day
            self._output.print(Text(f"\n{day}", style="bold"))
        self._output.print(_row(shown))
        self._count(shown)

    def _count(self, shown: Line) -> None:
        self._mails += shown.tone == "sent"
        self._answers += shown.tone in ("answer", "stop")
        if isinstance(self.status, Status):
            self.status.update(f"{shown.at:%a %d %b %H:%M} · {self._mails} mails · {self._answers} answers")


def _row(shown: Line) -> Text:
    row = Text(f"  {shown.at:%H:%M}  ", style="dim")
    row.append(f"{shown.kind:<9}", style=STYLES[shown.tone])
    row.append(shown.text, style="" if shown.tone != "quiet" else "dim")
    return row


def _print(done: Report) -> None:
    click.echo()
    line(f"{done.weeks} {'week' if done.weeks == 1 else 'weeks'} later", "bold")
    values = done.values()
    for counts, words in ((values["outcomes"], OUTCOMES), (values["activity"], ACTIVITY)):
        for key, what in words.items():
            click.echo(f"{counts[key]:>6}  {what}")
        click.echo()
    line("Guarantees, checked against what the world saw and against the rows", "bold")
    for each in done.guarantees:
        mark = Text("✓", style="green") if each.held else Text("✗", style="bold red")
        console().print(mark, Text(f"{each.guarantee}: {each.counted}"))
        for broken in each.broken:
            console().print(Text(f"    {broken}", style="red"))
    if done.explained is not None:
        click.echo()
        then = f"{done.explained.at.astimezone(ZONE):%a %d %b %H:%M}"
        line(f"$ sequencer why {done.explained.why.face.address}        (as it stood halfway, {then})", "dim")
        print_why(done.explained.why, file_lines=True)
    click.echo()
    again = f"sequencer demo --people {done.outcomes.people} --weeks {done.weeks} --seed {done.seed}"
    line(f"{done.instants} jumps of the clock; trace {done.trace[:16]}, the same at every {again}", "dim")


COMMANDS: dict[str, click.Command] = {"demo": command}
