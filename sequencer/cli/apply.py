"""`apply`: what the files say becomes what the daemon runs."""

from typing import assert_never

import click

from sequencer.cli.check import sequence_ids, tell
from sequencer.cli.options import as_option, json_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import acting, now, opened, print_json
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
    if not changes:
        click.echo(f"there is no sequence in {app.config.sequences_folder}: put a .yaml file there", err=True)
    for change in changes:
        click.echo(_sentence(change))
        for old, new in change.replaced:
            place = change.bundle.sequence.step_place(new)
            click.echo(
                f'note: {place}: step "{new}" stands where "{old}" stood, and is another step to the people inside; '
                f'to keep people through a rename, write "renamed_from: {old}" in the step before you apply it',
                err=True,
            )
    gone = {name: number for name, number in inside.items() if name not in {c.bundle.sequence.id for c in changes}}
    for name, number in gone.items() if not sequences else ():
        click.echo(
            f"note: {name} has no file any more; {counted(number, 'person stays', 'people stay')} on its last version"
        )


def _sentence(change: Change) -> str:
    """`vp-engineering: version 2 (was 1); 35 people inside follow it from now on`."""
    name = change.bundle.sequence.id
    match change.kind:
        case "new":
            return f"{name}: version 1, new; people can be enrolled"
        case "unchanged":
            inside = counted(change.people, "person is", "people are") if change.people else "nobody is"
            return f"{name}: unchanged, version {change.version}; {inside} inside"
        case "changed":
            follow = f"{counted(change.people, 'person inside follows', 'people inside follow')} it from now on"
            after = follow if change.people else "nobody is inside"
            return f"{name}: version {change.version} (was {change.version - 1}); {after}"
        case _:
            assert_never(change.kind)


def _as_json(change: Change) -> dict[str, object]:
    sequence = change.bundle.sequence
    return {"sequence": sequence.id, "change": change.kind, "version": change.version, "people": change.people}


COMMANDS: dict[str, click.Command] = {"apply": apply}
