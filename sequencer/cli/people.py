"""`import`: people from a CSV file; what is refused goes to a file with its reason."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sequencer.app import App
from sequencer.cli.check import counted
from sequencer.cli.session import json_option, now, opened, print_json
from sequencer.content.csv_rows import CsvRow, rows
from sequencer.content.people_csv import Refused, Row, read
from sequencer.engine.importing import Report, import_rows
from sequencer.errors import InputError
from sequencer.store import people

REASON = "refused_because"
SHOWN_MAX = 10
LIST_NAME_CHARS_MAX = 60


@click.command("import", epilog="Example: sequencer import people.csv --list q4")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv")
@click.option("--list", "list_name", metavar="NAME", help="Put everybody of the file on this list.")
@click.option("--update", is_flag=True, help="Let the file change people who are known already.")
@click.option(
    "--rejects", type=click.Path(path_type=Path), metavar="FILE",
    help="Where refused rows go.  [default: FILE.rejected.csv]",
)  # fmt: skip
@json_option
@click.pass_context
def import_(
    ctx: click.Context, file: Path, list_name: str | None, update: bool, rejects: Path | None, as_json: bool
) -> None:
    """Bring people in from a CSV file. Columns: email, and what there is of first_name, last_name, title, company,
    domain, phone, linkedin, timezone, country; any other column is kept under its name.

    Without --update, people who are known already keep what they have. Refused rows are written to a file with the
    reason; mend them there and import that file. The same file twice changes nothing.
    """
    name = _list_name(list_name)
    rejects = rejects or file.with_suffix(".rejected.csv")
    if rejects.resolve() == file.resolve():
        raise InputError(f"--rejects {rejects} is the file that is read: name another")
    # All of it is read before anything is written: a file that cannot be used leaves nothing behind.
    found = _read(file)
    with opened(ctx) as app:
        report = _import(app, found, name, update, quiet=as_json)
        members = app.database.read(lambda connection: len(people.list_members(connection, name))) if name else 0
    if report.refused:
        _write_rejects(file, rejects, report.refused)
    if as_json:
        print_json(_as_json(report, rejects))
    else:
        _tell(file, report, rejects, f'; list "{name}" has {members:,}' if name else "")
    if not report.taken:
        ctx.exit(2)


def _list_name(name: str | None) -> str:
    if name is None:
        return ""
    text = name.strip()
    if not text or len(text) > LIST_NAME_CHARS_MAX or not text.isprintable():
        raise InputError(f"--list: a list's name has 1 to {LIST_NAME_CHARS_MAX} characters on one line")
    return text


def _read(file: Path) -> list[Row | Refused]:
    try:
        found = list(map(_without_reason, read(file)))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None
    if not found:
        raise InputError(f"{file} names columns and no people: each further line is one person")
    return found


def _without_reason(row: Row | Refused) -> Row | Refused:
    """A mended rejects file is imported as it is: the column that we added is no field of the person."""
    if isinstance(row, Refused) or REASON not in row.fields:
        return row
    return replace(row, fields={name: text for name, text in row.fields.items() if name != REASON})


def _import(app: App, found: Sequence[Row | Refused], list_name: str, update: bool, *, quiet: bool) -> Report:
    console = Console(stderr=True)
    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=len(found))
        return import_rows(
            app.database,
            app.advance,
            found,
            list_name=list_name,
            update=update,
            now=now(),
            on_rows=lambda number: bar.advance(task, number),
        )


def _tell(file: Path, report: Report, rejects: Path, on_list: str) -> None:
    counts = f"{report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged"
    click.echo(f"{file}: {counts}, {len(report.refused):,} refused{on_list}")
    if report.freed:
        click.echo(f"{counted(report.freed, 'enrollment that was held goes', 'enrollments that were held go')} on")
    if report.differing:
        known = counted(report.differing, "known person has", "known people have")
        click.echo(f"note: {known} other values in the file; --update takes them over", err=True)
    _tell_lines(report.notes, "note: line {}: {}")
    _tell_lines(report.refused, "line {}: {}")
    if report.refused:
        click.echo(f"refused rows, with their reasons: {rejects}", err=True)


def _tell_lines(lines: Sequence[tuple[int, str]], words: str) -> None:
    for line, text in lines[:SHOWN_MAX]:
        click.echo(words.format(line, text), err=True)
    if len(lines) > SHOWN_MAX:
        click.echo(f"… and {len(lines) - SHOWN_MAX:,} more", err=True)


def _write_rejects(source: Path, target: Path, refused: Sequence[tuple[int, str]]) -> None:
    """The refused rows as they stood, with the reason behind them; the file appears whole or not at all."""
    unfinished = target.with_name(f"{target.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(_rejected(source, dict(refused)))
        os.replace(unfinished, target)
    except OSError as error:
        click.echo(f"the refused rows could not be written to {target}: {error.strerror}; see --rejects", err=True)


def _rejected(source: Path, reasons: dict[int, str]) -> Iterator[list[str]]:
    with source.open("rb") as stream:
        lines = rows(str(source), stream)
        header = next(lines)
        names = list(header.cells) if isinstance(header, CsvRow) else []
        # A rejects file that was imported again has the column already.
        names = names[:-1] if names[-1:] == [REASON] else names
        yield [*names, REASON]
        for row in lines:
            if row.line not in reasons:
                continue
            if isinstance(row, CsvRow):
                yield [*_padded(row.cells, len(names)), reasons[row.line]]
            else:
                yield [*_padded((), len(names)), f"line {row.line} of {source.name}: {reasons[row.line]}"]


def _padded(cells: Iterable[str], width: int) -> list[str]:
    return [*cells, *[""] * width][:width]


def _as_json(report: Report, rejects: Path) -> dict[str, object]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "differing": report.differing,
        "freed": report.freed,
        "refused": [{"line": line, "reason": reason} for line, reason in report.refused],
        "notes": [{"line": line, "note": note} for line, note in report.notes],
        "rejects": str(rejects) if report.refused else None,
    }


COMMANDS: dict[str, click.Command] = {"import": import_}
