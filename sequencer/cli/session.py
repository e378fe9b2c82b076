"""What every command shares: the opened installation, who acts, the time, and how things are printed."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from sequencer.app import App, open_app, recorded
from sequencer.cli.audit_row import command_of
from sequencer.cli.plain_text import json_text, plain
from sequencer.clock import SystemClock
from sequencer.config import Config, load, parse
from sequencer.errors import ConfigError, InputError

if TYPE_CHECKING:
    from rich.console import Console

_DATABASE = re.compile(r"^\[database\][ \t]*$(.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


def config_of(ctx: click.Context) -> Config:
    """config.toml as the command line names it. Raises ConfigError."""
    return load(Path(ctx.obj))


@contextmanager
def opened(ctx: click.Context) -> Iterator[App]:
    """The installation, closed at the end. What the command changes is in the audit with the change itself."""
    with opened_to_see(ctx) as app:
        yield recorded(app, command_of(ctx, app, now()))


@contextmanager
def opened_to_see(ctx: click.Context) -> Iterator[App]:
    """The same for what changes nothing by itself, or says of each change what it was."""
    app = open_app(config_of(ctx))
    try:
        yield app
    finally:
        app.close()


@contextmanager
def opened_to_stop(ctx: click.Context) -> Iterator[App]:
    """The same for the panic button: a config.toml with errors does not stop the daemon, so it may not stop a stop.

    Of such a file only the database is read. Raises what is wrong with it where the database is not there.
    """
    try:
        config = config_of(ctx)
    except ConfigError as error:
        found = _database_alone(Path(ctx.obj))
        if found is None:
            raise
        config = found
        click.echo(plain(f"sequencer: only the database was read: {next(iter(error.errors))}"), err=True)
    app = open_app(config)
    try:
        yield recorded(app, command_of(ctx, app, now()))
    finally:
        app.close()


def _database_alone(path: Path) -> Config | None:
    """Config with nothing but [database]; None unless that database is there already."""
    from sequencer.store.database import sqlite_file

    if not path.is_file():
        return None
    section = _DATABASE.search(path.read_text(errors="replace"))
    try:
        config = parse(f"[database]{section[1]}" if section else "")
    except ConfigError:
        return None
    config._file, config._folder = path.resolve(), path.resolve().parent
    file = sqlite_file(config.database_url)
    return config if file is None or file.is_file() else None


def now() -> datetime:
    """The instant at which the command acts; read once a command. Aware UTC."""
    return SystemClock().now()


def acting(config: Config, name: str | None) -> str:
    """Who acts: --as, else $SEQUENCER_REP, else the only rep. Raises InputError."""
    wanted = name or os.environ.get("SEQUENCER_REP")
    names = list(config.reps_by_name)
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None:
        raise InputError(f"say who you are: --as {' | '.join(names) or 'REP'} (or set SEQUENCER_REP)")
    if wanted not in names:
        raise InputError(f'there is no rep "{wanted}" in config.toml: {", ".join(names)}')
    return wanted


def console() -> "Console":
    """Standard output: colours vanish in a pipe."""
    from rich.console import Console  # the daemon prints nothing and need not carry it

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: Any) -> None:
    """One JSON document on standard output; instants in ISO 8601, UTC."""
    click.echo(json_text(value))


def local_zone() -> ZoneInfo | None:
    """The reader's zone, None when the system does not say."""
    name = os.environ.get("TZ") or ""
    link = Path("/etc/localtime")
    if not name and link.is_symlink():
        name = str(link.resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def when(at: datetime | None, beside: Mapping[str, ZoneInfo] | None = None) -> str:
    """An instant in the reader's zone, with the same instant elsewhere beside it: `Tue 24 Nov 09:40 (Denver 01:40)`."""
    if at is None:
        return "—"
    here = at.astimezone(local_zone())
    text = f"{here:%a %d %b %H:%M}"
    others = [f"{name} {at.astimezone(zone):%a %H:%M}" for name, zone in (beside or {}).items()]
    return f"{text} ({', '.join(others)})" if others else text
