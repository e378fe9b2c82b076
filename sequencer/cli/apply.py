"""`apply`: what the files say becomes what the daemon runs."""

import click

from sequencer.cli.check import counted, sequence_ids, tell
from sequencer.cli.session import acting, as_option, json_option, now, opened, print_json
from sequencer.cli.show import table
from sequencer.engine.applying import Change
from sequencer.engine.applying import apply as apply_bundles
from sequencer.engine.applying import check as check_all
from sequencer.store import enrollments


@click.command(epilog="Example: sequencer apply vp-engineering --as ana")
@click.argument("sequences", nargs=-1, metavar="[SEQ]...")
@as_option
@json_option
@click.pass_context
def apply(ctx: click.Context, sequences: tuple[str, ...], as_name: str | None, as_json: bool) -> None:
    """Make the daemon run the sequences as they are in the files; without SEQ all of them.

    People inside follow the new version. It is refused while somebody stands on a step that the edit changes, removes
    or moves. One error in any of these files applies nothing.
    """
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        checked = check_all(app.config, sequence_ids(app.config, sequences))
        if checked.errors:
            tell(checked.errors, [])
            click.echo("nothing was applied", err=True)
            ctx.exit(2)
        at = now()
        changes = app.database.write(
            lambda connection: apply_bundles(connection, app.advance, checked.bundles, by, at), urgent=True
        )
        inside = app.database.read(enrollments.live_counts)
    if as_json:
        print_json([_as_json(change) for change in changes])
        return
    table(
        ("sequence", "", "version", "people inside"),
        [_line(change) for change in changes],
        f"there is no sequence in {app.config.sequences_folder}: put a .yaml file there",
    )
    gone = {name: number for name, number in inside.items() if name not in {c.bundle.sequence.id for c in changes}}
    for name, number in gone.items() if not sequences else ():
        click.echo(
            f"note: {name} has no file any more; {counted(number, 'person stays', 'people stay')} on its last version"
        )


def _line(change: Change) -> tuple[str, str, str, str]:
    return change.bundle.sequence.id, change.kind, str(change.version), str(change.people)


def _as_json(change: Change) -> dict[str, object]:
    sequence = change.bundle.sequence
    return {"sequence": sequence.id, "change": change.kind, "version": change.version, "people": change.people}


COMMANDS: dict[str, click.Command] = {"apply": apply}
