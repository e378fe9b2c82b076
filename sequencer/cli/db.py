"""`db`: the database itself."""

import click

from sequencer.cli.session import config_of
from sequencer.store.database import refusals, sqlite_file
from sequencer.store.migrate import migrate, revision


@click.group(epilog="Example: sequencer db upgrade")
def db() -> None:
    """The database: bring it up to date."""


@db.command(epilog="Example: sequencer db upgrade")
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the database to this version's schema; a SQLite file that has to change is copied first.

    Every other command does the same to a SQLite file when it opens it. A PostgreSQL database is changed by this
    command alone: stop every daemon and keep a copy (pg_dump) first.
    """
    url = config_of(ctx).database_url
    with refusals():
        before = revision(url)
    after = migrate(url, asked=True)
    if before == after:
        click.echo(f"up to date: schema {after}")
        return
    click.echo(f"upgraded: schema {before or 'none'} -> {after}")
    file = sqlite_file(url)
    if before and file:
        click.echo(f"the database as it was: {file.with_name(f'{file.name}.before-{after}')}")


COMMANDS: dict[str, click.Command] = {"db": db}
