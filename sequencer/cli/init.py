"""`init`: an installation in a folder, made of the shipped example, with a database and its key."""

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from sequencer.app import example_folder, open_app
from sequencer.cli.audit_row import command_of
from sequencer.cli.session import now
from sequencer.config import load
from sequencer.errors import InputError
from sequencer.store import audit

CONFIG = "config.toml"
EXAMPLE = (CONFIG, "sequences", "templates")
SEQUENCE, LIST, REP = "vp-engineering", "first", "ana"


@click.command(epilog="Example: sequencer init outreach")
@click.argument("folder", default=".", type=click.Path(path_type=Path), metavar="[DIR]")
@click.pass_context
def init(ctx: click.Context, folder: Path) -> None:
    """Start an installation in DIR: the example's config, sequences, templates and people, and a database.

    Nothing that is there already is overwritten.
    """
    config_file = folder / CONFIG
    if config_file.exists():
        load(config_file)
    try:
        made, kept = _copy(example_folder(), folder)
    except OSError as error:
        raise InputError(f"cannot write to {error.filename or folder}: {error.strerror}") from None
    _begin(ctx, config_file)
    for path in kept if made else ():
        click.echo(f"kept     {path} (it was there)")
    if not made:
        click.echo(f"Nothing to create in {folder}: its {len(kept)} files were there and are as they were.")
    for path in made:
        click.echo(f"created  {path}")
    invented = f" config.toml names mailboxes that do not exist: put your own in {config_file}"
    invented += ', and "sequencer doctor" says what is left to mend.'
    click.echo(f"The database is ready.{invented if config_file in made else ''}")
    click.echo("Then type:")
    for command in _next(folder):
        click.echo(f"  {command}")


def _begin(ctx: click.Context, config_file: Path) -> None:
    """Make the database; the audit of one that is new begins with this."""
    app, at = open_app(load(config_file)), now()
    command = command_of(ctx, app, at)
    app.database.write(
        lambda connection: None if next(audit.rows(connection), None) else audit.append(connection, command)
    )
    app.close()


def _copy(example: Path, folder: Path) -> tuple[list[Path], list[Path]]:
    """Returns (made, kept)."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a folder")
    made, kept = [], []
    if not folder.exists():
        folder.mkdir(0o700, parents=True)  # people's names and the references to passwords: nobody else's
    for name in _files(example):
        target = folder / name
        if target.exists():
            kept.append(target)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(example / name, target)
        if name == Path(CONFIG):
            target.chmod(0o600)
        made.append(target)
    return made, kept


def _files(example: Path) -> Iterator[Path]:
    for name in EXAMPLE:
        found = [example / name] if (example / name).is_file() else sorted((example / name).rglob("*"))
        yield from (path.relative_to(example) for path in found if path.is_file() and not path.name.startswith("."))


def _next(folder: Path) -> Iterator[str]:
    if folder != Path():
        yield f"cd {shlex.quote(str(folder))}"
    yield "sequencer check"
    yield f"sequencer apply --as {REP}"
    yield f"sequencer import sequences/people.csv --list {LIST}"
    yield f"sequencer enroll {SEQUENCE} --list {LIST} --dry-run --as {REP}"


COMMANDS: dict[str, click.Command] = {"init": init}
