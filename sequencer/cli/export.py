"""`export`: everything as files that another installation takes in, or one person's copy."""

from pathlib import Path

import click

from sequencer.cli.plain_text import counted
from sequencer.cli.session import now, opened
from sequencer.cli.show import line
from sequencer.engine import exporting
from sequencer.errors import InputError
from sequencer.store.migrate import revisions


@click.command(
    "export",
    epilog="Example:  sequencer export --to everything\n\n"
    "          sequencer export --to everything.zip\n\n          sequencer export bo@acme.test --to bo.zip",
)
@click.argument("email", metavar="[EMAIL]", required=False)
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), metavar="PATH",
    help="A new folder, or a .zip. Only you may read it.",
)  # fmt: skip
@click.pass_context
def export(ctx: click.Context, email: str | None, target: Path) -> None:
    """Write everything as files (CSV, YAML, JSON), or with EMAIL all that is known of one person: their own copy.

    "sequencer import PATH" takes the whole of it into a new installation; whoever is under way arrives there paused.
    """
    if str(target) == "-":
        raise InputError('an export is a folder or a .zip, not a stream: name it, as in "--to everything.zip"')
    at = now()
    with opened(ctx) as app:
        if email:
            face = exporting.export_person(app.database, email, target, at)
            line(f"{target}: all that is known of {face.name} <{face.address}>; README.md in it says what is where")
        else:
            counts = exporting.export_all(app.database, app.config, target, revisions()[-1], at)
            people, sequences = counts["prospects"], counts["enrollments"]
            line(f"{target}: {counted(people, 'person', 'people')}, {counted(sequences, 'enrollment')},"
                 f" {counted(counts['events'], 'event')}, {counted(counts['sends'], 'mail')}")  # fmt: skip
            line(f'it holds personal data: keep it safe; "sequencer import {target}" takes it into a new installation')
        app.database.write(lambda connection: None)  # whoever takes a copy of everything stands in the audit


COMMANDS: dict[str, click.Command] = {"export": export}
