"""`import`: people from a CSV file; what its columns mean is told, what is refused goes to a file with its reason."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sequencer.app import App
from sequencer.channels.mail_domain import MailDomains
from sequencer.cli.options import json_option
from sequencer.cli.people_file import columns_as_json, preview, tell_columns, tell_doubts, write_rejects
from sequencer.cli.plain_text import counted, plain
from sequencer.cli.session import now, opened, print_json
from sequencer.cli.take_in import take_in
from sequencer.content.archive import is_archive
from sequencer.content.people_csv import Survey, read, survey
from sequencer.engine.importing import Report, import_rows
from sequencer.errors import InputError
from sequencer.store import people

SHOWN_MAX = 10
LIST_NAME_CHARS_MAX = 60


@click.command("import", epilog="Example: sequencer import people.csv --list q4 --dry-run")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv|EXPORT")
@click.option("--list", "list_name", metavar="NAME", help="Put everybody of the file on this list.")
@click.option("--update", is_flag=True, help="Let the file change people who are known already.")
@click.option(
    "--map", "maps", multiple=True, metavar='"COLUMN=FIELD"',
    help='What a column means, where that is not seen by itself; "COLUMN=-" leaves it out. May be given several times.',
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Write nothing: show what each column means, and what would come of it.")
@click.option("--check-mx", is_flag=True, help="Ask the DNS, and refuse addresses whose domain takes no mail.")
@click.option(
    "--rejects", type=click.Path(path_type=Path), metavar="FILE",
    help="Where refused rows go.  [default: FILE.rejected.csv]",
)  # fmt: skip
@json_option
@click.pass_context
def import_(
    ctx: click.Context,
    file: Path,
    list_name: str | None,
    update: bool,
    maps: tuple[str, ...],
    dry_run: bool,
    check_mx: bool,
    rejects: Path | None,
    as_json: bool,
) -> None:
    """Bring people in from a CSV file. Exports of Apollo, Sales Navigator, LeadIQ, ZoomInfo, HubSpot and Salesforce are
    recognised by their columns, and so are the usual names: email, first name, title, company, phone, country, …; any
    other column is kept under its name. --dry-run shows what each column means.

    Without --update, people who are known already keep what they have. Refused rows are written to a file with the
    reason; mend them there and import that file. The same file twice changes nothing.

    What "sequencer export" wrote, a folder or .zip, is taken into a new installation whole; whoever is under way
    arrives paused.
    """
    if is_archive(file):
        given = {"--list": list_name, "--update": update, "--map": maps, "--check-mx": check_mx, "--rejects": rejects}
        take_in(ctx, file, given, dry_run=dry_run, as_json=as_json)
        return
    name = _list_name(list_name)
    rejects = rejects or file.with_suffix(".rejected.csv")
    if rejects.resolve() == file.resolve():
        raise InputError(f"--rejects {rejects} is the file that is read: name another")
    domains = _mail_domains() if check_mx else None
    # All of it is read before anything is written: a file that cannot be used leaves nothing behind.
    found = _survey(file, maps)
    with opened(ctx) as app:
        report = _import(app, file, found, maps, name, update, dry_run, domains, quiet=as_json)
        members = app.database.read(lambda connection: len(people.list_members(connection, name))) if name else 0
    if report.refused and not dry_run:
        write_rejects(file, rejects, found, dict(report.refused))
    if as_json:
        print_json({**columns_as_json(found), **_as_json(report, rejects, dry_run)})
    else:
        (preview if dry_run else tell_columns)(file, found)
        tell_doubts(found)
        on_list = f'; list "{name}" has {members:,}' if name and not dry_run else ""
        _tell(file, report, None if dry_run else rejects, on_list)
        if domains is not None and domains.unanswered:
            several = counted(domains.unanswered, "domain", "domains")
            click.echo(f"note: the DNS gave no answer about {several}; their addresses were not judged", err=True)
    if not report.taken:
        ctx.exit(2)


def _list_name(name: str | None) -> str:
    if name is None:
        return ""
    text = name.strip()
    if not text or len(text) > LIST_NAME_CHARS_MAX or not text.isprintable():
        raise InputError(f"--list: a list's name has 1 to {LIST_NAME_CHARS_MAX} characters on one line")
    return text


def _mail_domains() -> MailDomains:
    from dns.resolver import NoResolverConfiguration

    from sequencer.channels.mail_domain import system_resolver

    try:
        return MailDomains(system_resolver())
    except NoResolverConfiguration:
        raise InputError("--check-mx: this machine names no DNS server (/etc/resolv.conf)") from None


def _survey(file: Path, maps: Sequence[str]) -> Survey:
    if file.exists() and not file.is_file():
        raise InputError(f"{file} is no file: save what it gives as a file first")
    try:
        found = survey(file, maps)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None
    if not found.rows:
        raise InputError(f"{file} names columns and no people: each further line is one person")
    return found


def _import(
    app: App,
    file: Path,
    found: Survey,
    maps: Sequence[str],
    list_name: str,
    update: bool,
    dry_run: bool,
    domains: MailDomains | None,
    *,
    quiet: bool,
) -> Report:
    console = Console(stderr=True)
    columns = (TextColumn("reading" if dry_run else "importing"), BarColumn(), MofNCompleteColumn())
    bring = partial(import_rows, app.database, app.advance, read(file, maps=maps))
    if domains is not None:
        bring = partial(bring, without_mail=domains)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=found.rows)
        return bring(
            list_name=list_name,
            update=update,
            dry_run=dry_run,
            now=now(),
            on_rows=lambda number: bar.advance(task, number),
        )


def _tell(file: Path, report: Report, rejects: Path | None, on_list: str) -> None:
    """`rejects` None: a dry run."""
    would = "dry run, nothing was written: " if rejects is None else ""
    counts = f"{report.added:,} new, {report.updated:,} changed, {report.unchanged:,} as they were"
    click.echo(f"{file}: {would}{counts}, {len(report.refused):,} refused{on_list}")
    if report.freed:
        click.echo(f"{counted(report.freed, 'enrollment that was held goes', 'enrollments that were held go')} on")
    if report.differing:
        known = counted(report.differing, "known person has", "known people have")
        click.echo(f"note: {known} other values in the file; --update takes them over", err=True)
    if report.unplaced:
        several = counted(report.unplaced, "new person", "new people")
        mend = "a column timezone (Europe/Madrid), or a phone number with +, tells it"
        click.echo(f"note: the time zone of {several} is not known, so the mailbox's will count; {mend}", err=True)
    _tell_lines(report.notes, report.note_count, "note: line {}: {}")
    _tell_lines(report.refused, len(report.refused), "line {}: {}")
    if report.refused and rejects is not None:
        click.echo(f"refused rows, with their reasons: {rejects}", err=True)


def _tell_lines(lines: Sequence[tuple[int, str]], number: int, words: str) -> None:
    for line, text in lines[:SHOWN_MAX]:
        click.echo(plain(words.format(line, text)), err=True)
    if number > SHOWN_MAX:
        click.echo(f"… and {number - SHOWN_MAX:,} more", err=True)


def _as_json(report: Report, rejects: Path, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "differing": report.differing,
        "freed": report.freed,
        "unplaced": report.unplaced,
        "refused": [{"line": line, "reason": reason} for line, reason in report.refused],
        "notes": [{"line": line, "note": note} for line, note in report.notes],
        "note_count": report.note_count,
        "rejects": str(rejects) if report.refused and not dry_run else None,
    }


COMMANDS: dict[str, click.Command] = {"import": import_}
