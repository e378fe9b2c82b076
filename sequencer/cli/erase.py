"""`erase`: delete all that is known of somebody, and name what is out of reach."""

from collections.abc import Sequence
from pathlib import Path

import click

from sequencer.app import App
from sequencer.cli.options import as_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import acting, now, opened
from sequencer.cli.show import line
from sequencer.engine import erasing
from sequencer.engine.erasing import Erasure
from sequencer.mail.address import written_forms
from sequencer.store import sweep
from sequencer.store.database import sqlite_file
from sequencer.store.mentions import FILES_MAX

NAMED_MAX = 10


@click.command("erase", epilog="Example:  sequencer erase bo@acme.test --as ana --dry-run")
@click.argument("email", metavar="EMAIL")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_option
@click.pass_context
def erase(ctx: click.Context, email: str, dry_run: bool, yes: bool, as_name: str | None) -> None:
    """Delete all that is known of somebody, for good: names, addresses, fields, notes, mails and answers.

    Their sequences end, queued mail is called back. A keyed hash of each address stays, so that no import brings them
    back, and numbers stay for reports. "sequencer export EMAIL" gives them their copy first.
    """
    at = now()
    with opened(ctx) as app:
        planned = app.database.read(lambda connection: erasing.plan(connection, email))
        _tell(planned)
        if dry_run:
            line("nothing was changed")
            return
        by = acting(app.config, as_name)
        if not yes:
            click.confirm("This cannot be undone. Erase them?", abort=True)
        done = app.database.write(
            lambda connection: erasing.erase(connection, app.advance, app.key, email, by, at), urgent=True
        )
        emails = [address.email for address in done.face.prospect.addresses]
        line(f"erased: {', '.join(emails)}; a keyed hash stays, so that no import brings them back", "green")
        if not sweep.sweep(app.config.database_url, emails):
            line(
                "another program still reads the database, so its log keeps old pages for a while: stop the daemon"
                " for a moment, or the log is overwritten in time",
                "yellow",
            )
        _tell_what_is_left(app, emails)


def _tell(planned: Erasure) -> None:
    face, traces = planned.face, planned.traces
    line(f"{face.name} <{face.address}>, all of it:", "bold")
    addresses = ", ".join(address.email for address in face.prospect.addresses)
    line(f"- addresses: {addresses}; fields: {', '.join(sorted(face.prospect.fields)) or 'none'}")
    mails = f"{counted(traces.sent, 'mail')} sent to them, {counted(traces.received, 'mail')} of theirs"
    line(f"- {mails}, {counted(traces.notes, 'note')}, {counted(planned.open_tasks, 'open task')}")
    if planned.lists:
        line(f"- on the {'list' if len(planned.lists) == 1 else 'lists'} {', '.join(planned.lists)}")
    if planned.live:
        line(f"- ends in {', '.join(planned.live)}")
    if planned.accounts:
        line(f"- and the account {' and '.join(planned.accounts)}, at which nobody else is known")


def _tell_what_is_left(app: App, emails: Sequence[str]) -> None:
    """What no command of ours may delete: a backup or a list is somebody's decision."""
    folder = app.config.path(".").resolve()
    forms = [form for email in emails for form in written_forms(email)]
    told = sweep.mentioning(folder, app.config.database_url, forms)
    _name("not touched, and an address still stands in them:", told.found, folder)
    _name("could not be looked into (packed, locked or damaged), look yourself:", told.closed, folder)
    if told.ended_early:
        line(
            f"only the first {FILES_MAX:,} files of {folder} were looked into, look into the others yourself", "yellow"
        )
    elsewhere = "backups and exports" if sqlite_file(app.config.database_url) else "the server's backups, exports"
    line(f"not touched either: {elsewhere} elsewhere, the reps' own mailboxes, and mail that others wrote about them")


def _name(heading: str, paths: Sequence[Path], folder: Path) -> None:
    if paths:
        line(heading, "yellow")
    for path in paths[:NAMED_MAX]:
        line(f"- {_short(path, folder)}")
    if len(paths) > NAMED_MAX:
        line(f"- and {len(paths) - NAMED_MAX:,} more")


def _short(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))


COMMANDS: dict[str, click.Command] = {"erase": erase}
