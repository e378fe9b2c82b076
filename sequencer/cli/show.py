"""How the people's commands look: tables with coloured cells, safe text, JSON of the engine's values.

In a pipe a table is lines of tab-separated cells without colour. Whatever came from outside loses its control
characters here (cli/plain_text.py). It knows no command.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sequencer.cli.plain_text import plain, plain_lines
from sequencer.cli.session import console, local_zone, when

Cell = str | Text
WHOLE_WORD_CHARS = 10  # words up to this length are never broken, however narrow the terminal
COMFORTABLE_CHARS = 16  # a column that gets so much reads well
GAP = 2
CROWDED = 0.75  # a table whose longest words take more of the width than this is no table to read


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


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], empty: str = "", spare: Sequence[str] = ()) -> None:
    """A table that fits the terminal's width; in a pipe tab-separated. `empty` is the sentence for no rows.

    A narrow terminal goes without the `spare` columns, the first of them first; what still does not fit is printed
    as one block a row.
    """
    if not rows:
        if empty:
            click.echo(empty)
        return
    cells = [[each if isinstance(each, Text) else cell(each) for each in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [[Text(column) for column in columns], *cells]:
            click.echo("\t".join(each.plain for each in row))
        return
    output = console()
    by_column = {column: [row[number] for row in cells] for number, column in enumerate(columns)}
    for column in spare:
        wanted = (max(cell_len(name), _comfortable_width(texts)) for name, texts in by_column.items())
        if sum(wanted) + GAP * (len(by_column) - 1) > output.width:
            del by_column[column]
    if sum(map(_words_width, by_column.values())) + GAP * (len(by_column) - 1) > output.width * CROWDED:
        _print_blocks(output, columns, cells)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column, texts in by_column.items():
        shown.add_column(column, overflow="fold", min_width=_words_width(texts))
    for kept in zip(*by_column.values(), strict=True):
        shown.add_row(*kept)
    output.print(shown)


def _words_width(texts: Iterable[Text]) -> int:
    """The least width of a column: its longest word, unless that may be broken."""
    longest = max((cell_len(word) for text in texts for word in text.plain.split()), default=0)
    return min(longest, WHOLE_WORD_CHARS)


def _comfortable_width(texts: Iterable[Text]) -> int:
    return min(max(text.cell_len for text in texts), COMFORTABLE_CHARS)


def _print_blocks(output: Console, columns: Sequence[str], cells: Sequence[Sequence[Text]]) -> None:
    for number, row in enumerate(cells):
        block = Table(box=None, pad_edge=False, show_header=False)
        block.add_column(style="dim", no_wrap=True)
        block.add_column(overflow="fold")
        for column, each in zip(columns, row, strict=True):
            if each.plain:
                block.add_row(column, each)
        if number:
            output.print()
        output.print(block)


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
