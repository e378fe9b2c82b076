"""`backup`: a copy of the database while everything goes on."""

from pathlib import Path

import click

from sequencer.cli.session import config_of
from sequencer.clock import SystemClock
from sequencer.store.backup import back_up, sqlite_only

MEGABYTE = 1_000_000


@click.command("backup", epilog="Example: sequencer backup monday.db")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over a FILE that is there.")
@click.pass_context
def backup(ctx: click.Context, target: Path, force: bool) -> None:
    """Copy the database to FILE while the daemon goes on working, and check the copy.

    Only you can read FILE: it holds people and their mail. Keep it on another machine. config.toml, sequences and
    templates are files of yours and not in it.
    """
    clock = SystemClock()
    began = clock.monotonic()
    file = sqlite_only(config_of(ctx).database_url)
    if not file.is_file():
        raise click.UsageError(f"there is no database {file}: sequencer init makes it")
    copied = back_up(file, target, overwrite=force)
    click.echo(f"{copied.path}: {copied.size / MEGABYTE:.1f} MB in {clock.monotonic() - began:.1f} s, checked")
    click.echo(f'to go back to it: stop the daemon, then "sequencer db restore {target}"')


COMMANDS: dict[str, click.Command] = {"backup": backup}
