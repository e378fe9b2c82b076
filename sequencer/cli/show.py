"""How the people's commands look: tables with coloured cells, safe text, JSON of the engine's values.

In a pipe a table is lines of tab-separated cells without colour. Whatever came from outside loses its control
characters here (cli/plain_text.py). It knows no command.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from sequencer.cli.plain_text import plain, plain_lines
from sequencer.cli.session import console, local_zone, when

Cell = str | Text
WHOLE_WORD_CHARS = 10  # words up to this length are never broken, however narrow the terminal


def cell(text: str, style: str = "") -> Text:
    """A cell in a colour."""
    return Text(plain(text), style)


def line(text: str, style: str = "") -> None:
    """One line, coloured on a terminal."""
    console().print(Text(plain(text), style), soft_wrap=True)


def block(text: str, indent: str = "  ") -> None:
    """A text of several lines, moved to the right."""
    for each in plain_lines(text).splitlines():
        click.echo(f"{indent}{each}".rstrip())


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], empty: str = "") -> None:
    """A table that fits the terminal's width; in a pipe tab-separated. `empty` is the sentence for no rows."""
    if not rows:
        if empty:
            click.echo(empty)
        return
    cells = [[each if isinstance(each, Text) else cell(each) for each in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [[Text(column) for column in columns], *cells]:
            click.echo("\t".join(each.plain for each in row))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        words = " ".join(row[number].plain for row in cells).split()
        widest = max((cell_len(word) for word in words), default=0)
        shown.add_column(column, overflow="fold", min_width=min(widest, WHOLE_WORD_CHARS))
    for row in cells:
        shown.add_row(*row)
    console().print(shown)


def theirs(zone: ZoneInfo | None) -> Callable[[datetime], str]:
    """Writes an instant for the reader, with the person's own time beside it where that is another one."""

    def write(at: datetime) -> str:
        here = at.astimezone(local_zone())
        differs = zone is not None and here.utcoffset() != at.astimezone(zone).utcoffset()
        return when(at, {"their": zone} if zone and differs else None)

    return write


def as_values(value: Any) -> Any:
    """The engine's values as JSON has them: instants in ISO 8601, UTC; codes as their words."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case ZoneInfo():
            return value.key
        case Mapping():
            return {str(key): as_values(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [as_values(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_values(getattr(value, field.name)) for field in fields(value)}
    return value
