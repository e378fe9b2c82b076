"""What every command shares: the opened installation, who acts, the time, and how things are printed."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from sequencer.app import App, open_app
from sequencer.clock import SystemClock
from sequencer.config import Config, load
from sequencer.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])


def config_of(ctx: click.Context) -> Config:
    """config.toml as the command line names it. Raises ConfigError."""
    return load(Path(ctx.obj))


@contextmanager
def opened(ctx: click.Context) -> Iterator[App]:
    """The installation, closed at the end."""
    app = open_app(config_of(ctx))
    try:
        yield app
    finally:
        app.close()


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


def as_option(command: F) -> F:
    """`--as REP`."""
    return click.option("--as", "as_name", metavar="REP", help="Who acts. Default: $SEQUENCER_REP, or the only rep.")(
        command
    )


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")(command)


def console() -> "Console":
    """Standard output: colours vanish in a pipe."""
    from rich.console import Console  # the daemon prints nothing and need not carry it

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: Any) -> None:
    """One JSON document on standard output; instants in ISO 8601, UTC."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


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
