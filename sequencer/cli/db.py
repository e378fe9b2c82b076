"""`db`: the database itself."""

from pathlib import Path

import click

from sequencer.app import daemons_max, epoch_path, open_app
from sequencer.cli.audit_row import command_of
from sequencer.cli.options import as_option, json_option
from sequencer.cli.session import acting, config_of, now, opened
from sequencer.config import Config
from sequencer.engine import amnesia
from sequencer.errors import InputError
from sequencer.store import audit, epoch_file
from sequencer.store.database import refusals, sqlite_file
from sequencer.store.migrate import migrate, refuse_newer, revision


@click.group(epilog="Example: sequencer db upgrade")
def db() -> None:
    """The database: bring it up to date, go back to a copy, let sends go on after that."""


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


@db.command(epilog="Example: sequencer db restore yesterday.db")
@click.argument("copy", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_context
def restore(ctx: click.Context, copy: Path) -> None:
    """Make FILE, a copy from "sequencer backup", the database again; the present one is kept beside it.

    Stop the daemon first. What was sent since the copy was made is not in it, so all sends are held until
    "sequencer db reconcile" has looked into the Sent folders.
    """
    from sequencer.daemon import only_daemon
    from sequencer.store.backup import put_back, refuse_another, schema_of, sqlite_only

    config = config_of(ctx)
    file = sqlite_only(config.database_url)
    refuse_newer(schema_of(copy), str(copy))
    if not (outside := epoch_path(config).parent).is_dir():
        raise InputError(f"there is no folder {outside}, in which epoch_file lies: mount it first")
    aside = file.with_name(f"{file.name}.replaced-{now():%Y%m%d-%H%M%S}")
    with only_daemon(config.database_url):
        was_there = file.exists()
        refuse_another(copy, file)
        put_back(copy, file, aside)
        click.echo(f"{file} is the copy {copy} now" + (f"; the one before it: {aside}" if was_there else ""))
        held, mend = _look_back(ctx, config)
    if held:
        click.echo(f"{held}\n{mend}")
    else:
        click.echo("nothing was sent since the copy was made: the daemon goes on where it stopped")


def _look_back(ctx: click.Context, config: Config) -> tuple[str, str]:
    """What is held and what mends it, as from the first command on; ("", "") where nothing is."""
    app, at = open_app(config), now()
    try:
        command, path = command_of(ctx, app, at), epoch_path(config)
        with epoch_file.opened(path, app.key, daemons_max=daemons_max(config)) as outside:
            app.database.write(lambda connection: amnesia.notice(connection, outside, app.key, at))
        app.database.write(lambda connection: audit.append(connection, command))
        return app.database.read(amnesia.restored_words)
    finally:
        app.close()


@db.command(
    epilog="\b\nExample: sequencer db reconcile --as ana\n         sequencer db reconcile --trust bo@ourco.test"
)
@click.option(
    "--trust", multiple=True, metavar="MAILBOX",
    help="What was not found as sent did not leave this mailbox (or all). It may be written again.",
)  # fmt: skip
@click.option(
    "--doubt", multiple=True, metavar="MAILBOX",
    help='What may have left this mailbox (or all) waits for your word in "sequencer uncertain".',
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only look, and say what that would do.")
@as_option
@json_option
@click.pass_context
def reconcile(
    ctx: click.Context, trust: tuple[str, ...], doubt: tuple[str, ...], dry_run: bool, as_name: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """After a restore or a copy: find what had left meanwhile in the Sent folders, then let sends go on.

    Mails that are found count as sent. What may have left and is not found waits among the uncertain ones. Of a mailbox
    that cannot tell, you say which it is: --trust or --doubt. The daemon may run meanwhile. Exit 1: still held.
    """
    from sequencer.cli.reconcile_report import reconcile_and_tell

    with opened(ctx) as app:
        by = acting(app.config, as_name)
        return 0 if reconcile_and_tell(app, trust, doubt, by, dry_run=dry_run, as_json=as_json) else 1


COMMANDS: dict[str, click.Command] = {"db": db}
