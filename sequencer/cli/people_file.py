"""How `import` shows a people file: what its columns mean, what was probably meant, and the file of refused rows."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from sequencer.cli.plain_text import counted, plain
from sequencer.cli.show import cell, table
from sequencer.content.csv_rows import CsvRow, Form, rows
from sequencer.content.headings import REASON, Column
from sequencer.content.neutral import neutralised, restored
from sequencer.content.people_csv import Survey
from sequencer.errors import DefinitionError

NAMED_MAX = 8
SAMPLE_CHARS_MAX = 40


def preview(file: Path, found: Survey) -> None:
    """Each column with its field and an example of what stands in it."""
    click.echo(f"{_whose(file, found)}, {counted(found.rows, 'row', 'rows')}\n")
    known = [each for each in found.headings.columns if each.fate in ("recognised", "mapped")]
    own = _of(found, "own")
    lines = [
        (each.heading, cell(_field(each, found), style), _sample(each, found))
        for columns, style in ((known, "green"), (own, "cyan"))
        for each in columns
    ]
    table(("column", "field", "for example"), lines)
    click.echo()
    if own:
        click.echo(plain(f"kept as fields of your own: {', '.join(each.field for each in own)}"))
    if left_out := _of(found, "left out"):
        click.echo(plain(f"left out: {', '.join(each.heading for each in left_out)}"))


def tell_columns(file: Path, found: Survey) -> None:
    """The same in one line."""
    own, left_out = _of(found, "own"), len(_of(found, "left out"))
    used = len(found.headings.columns) - len(own) - left_out
    parts = [f"{counted(used, 'column', 'columns')} recognised"]
    if own:
        more = ", …" if len(own) > NAMED_MAX else ""
        named = ", ".join(each.field for each in own[:NAMED_MAX])
        parts.append(f"{len(own)} kept as {'a field' if len(own) == 1 else 'fields'} of your own ({named}{more})")
    if left_out:
        parts.append(f"{left_out} left out")
    click.echo(plain(f"{_whose(file, found)}: {', '.join(parts)} (--dry-run shows each)"))


def tell_doubts(found: Survey) -> None:
    """Columns whose heading is hardly what was meant."""
    for each in found.headings.columns:
        if each.meant:
            mend = f'did you mean {each.meant}? --map "{each.heading}={each.meant}"'
            click.echo(plain(f'note: column "{each.heading}" is kept as {each.field} — {mend}'), err=True)
        elif each.is_nameless:
            mend = f'--map "{each.heading}=field" gives it a name'
            click.echo(plain(f'note: column "{each.heading}" is left out: {mend}'), err=True)


def _whose(file: Path, found: Survey) -> str:
    layout = f"{found.headings.layout} export" if found.headings.layout else "a list"
    return f"{file}: {layout} ({found.form})"


def _of(found: Survey, fate: str) -> list[Column]:
    return [each for each in found.headings.columns if each.fate == fate]


def _field(column: Column, found: Survey) -> str:
    """Where several columns mean one field, the others stand behind the preferred one."""
    first = found.headings.columns[found.headings.places[column.field][0]]
    if first is column:
        return column.spoken
    return f"{column.spoken}, after {first.heading}"


def _sample(column: Column, found: Survey) -> str:
    text = " ".join(found.samples[found.headings.columns.index(column)].split())
    return text if len(text) <= SAMPLE_CHARS_MAX else f"{text[: SAMPLE_CHARS_MAX - 1]}…"


def columns_as_json(found: Survey) -> dict[str, object]:
    return {
        "layout": found.headings.layout or None,
        "form": str(found.form),
        "rows": found.rows,
        "columns": [
            {
                "column": each.heading,
                "field": each.spoken or None,
                "fate": each.fate,
                "meant": each.meant or None,
                "example": _sample(each, found) or None,
            }
            for each in found.headings.columns
        ],
    }


def write_rejects(source: Path, target: Path, found: Survey, reasons: Mapping[int, str]) -> None:
    """The refused rows as they stood, with the reason behind them; the file appears whole or not at all.

    With the mark and the delimiter by which the spreadsheet that wrote the source opens it, and no cell a formula.
    """
    unfinished = target.with_name(f"{target.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8-sig", newline="") as stream:
            os.fchmod(
                stream.fileno(), source.stat().st_mode & 0o666 | 0o600
            )  # read by nobody who may not read the source
            writer = csv.writer(stream, delimiter=found.form.delimiter)
            writer.writerows(map(neutralised, row) for row in _rejected(source, found.form, reasons))
        os.replace(unfinished, target)
    except OSError as error:
        click.echo(f"the refused rows could not be written to {target}: {error.strerror}; see --rejects", err=True)


def _rejected(source: Path, form: Form, reasons: Mapping[int, str]) -> Iterator[list[str]]:
    with source.open("rb") as stream:
        lines = rows(str(source), stream, form)
        header = next(lines)
        if not isinstance(header, CsvRow):
            raise DefinitionError(str(source), header.line, header.reason)
        names = list(header.cells)
        # A rejects file that was imported again has the column already, and its cells are neutral.
        is_mended = names[-1:] == [REASON]
        names = names[:-1] if is_mended else names
        yield [*names, REASON]
        for row in lines:
            if row.line not in reasons:
                continue
            if isinstance(row, CsvRow):
                cells = map(restored, row.cells) if is_mended else row.cells
                yield [*_padded(cells, len(names)), reasons[row.line]]
            else:
                yield [*_padded((), len(names)), f"line {row.line} of {source.name}: {reasons[row.line]}"]


def _padded(cells: Iterable[str], width: int) -> list[str]:
    return [*cells, *[""] * width][:width]
