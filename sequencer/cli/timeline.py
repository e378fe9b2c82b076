"""`timeline`: all that happened with somebody."""

import click

from sequencer.cli.options import json_option
from sequencer.cli.session import opened, print_json, when
from sequencer.cli.show import Cell, as_values, cell, line, table, theirs
from sequencer.engine.timeline import timeline


@click.command("timeline", epilog="Example:  sequencer timeline bo@acme.test")
@click.argument("email", metavar="EMAIL")
@click.option("--all", "everything", is_flag=True, help="Show the bookkeeping too.")
@json_option
@click.pass_context
def command(ctx: click.Context, email: str, everything: bool, as_json: bool) -> None:
    """All that happened with somebody, over every sequence, in order."""
    with opened(ctx) as app:
        found = app.database.read(
            lambda connection: timeline(connection, email, lambda at: str(as_values(at)) if as_json else when(at))
        )
    lines = [each for each in found.lines if everything or as_json or not each.quiet]
    if as_json:
        print_json({"person": found.face.id, "name": found.face.name, "events": as_values(lines)})
        return
    face, at = found.face, theirs(found.face.zone)
    line(f"{face.name}{f', {face.company}' if face.company else ''} · {face.address}", "bold")
    rows: list[list[Cell]] = [
        [at(each.at), cell(each.sequence_id, "dim"), cell(each.text, "dim" if each.quiet else "")] for each in lines
    ]
    table(["when", "sequence", "what"], rows, "nothing has happened with them yet")


COMMANDS: dict[str, click.Command] = {"timeline": command}
