"""`audit`: who changed what and when, and a check that nobody has tampered with that list."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import click

from sequencer.cli.options import json_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import local_zone, opened_to_see, print_json, when
from sequencer.cli.show import as_values, line, table
from sequencer.errors import InputError
from sequencer.store import audit
from sequencer.store.audit import AuditRow

LISTED_MAX = 200
_HEAD = re.compile("0:|[0-9]+:[0-9a-f]{64}")


@click.group(
    "audit", invoke_without_command=True,
    epilog="Example:  sequencer audit --since 2026-11-01 --by ana\n\n"
    "          sequencer audit --about bo@acme.test",
)  # fmt: skip
@click.option("--since", metavar="DATE", help="From this day on: 2026-11-01, or 2026-11-01 14:30 (your time).")
@click.option("--by", metavar="REP", help="What this rep, or this login name, did.")
@click.option("--verb", metavar="COMMAND", help="Only this command, as in: opt-out.")
@click.option("--about", metavar="EMAIL", help="Only what names this address; rows keep its keyed hash alone.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, since: str | None, by: str | None, verb: str | None, about: str | None, as_json: bool
) -> None:
    """Who changed what, the newest first. Every command that changes something writes one row, which stays for ever.

    Rows keep codes, numbers and, for an address or a text, #HASH: the same address has the same hash.
    """
    if ctx.invoked_subcommand is not None:
        return
    begin = _day(since) if since else None
    with opened_to_see(ctx) as app:
        named = f"#{audit.pseudonym(app.key, about)}" if about else None
        shown = LISTED_MAX if not as_json else None
        found = app.database.read(
            lambda c: list(islice((row for row in audit.rows(c, begin, by, verb) if _names(row, named)), shown))
        )
    if as_json:
        print_json(as_values(found))
        return
    rows = [(str(each.id), when(each.at), each.by, each.via, each.verb, ", ".join(_words(each))) for each in found]
    filtered = since or by or verb or about
    none = "no row is like that" if filtered else "nothing was changed yet"
    table(("row", "when", "who", "via", "command", "what"), rows, none, spare=("via",))
    if len(found) == LISTED_MAX:
        line(f"the newest {LISTED_MAX}: narrow it with --since, --by, --verb or --about, or --json has all")


def _day(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f'--since "{text}" is no date: write it as in 2026-11-01 or 2026-11-01 14:30') from None
    return read if read.tzinfo else read.replace(tzinfo=local_zone()).astimezone()


def _names(row: AuditRow, named: str | None) -> bool:
    if named is None:
        return True
    values = (each if isinstance(each, list) else [each] for each in row.asked.values())
    return any(named in each for each in values)


def _words(row: AuditRow) -> Iterator[str]:
    for name, value in row.asked.items():
        said = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield name if value is True else f"{name} {said}"


@command.command("verify", epilog="Example:  sequencer audit verify")
@click.option("--head", "noted", metavar="ROW:HASH", default="", help="What an earlier verify printed: is it there?")
@json_option
@click.pass_context
def verify(ctx: click.Context, noted: str, as_json: bool) -> None:
    """Check the chain: a row that was changed, taken out or put in is named. Exit 1 when there is one.

    Somebody who may write to the database could make the whole chain anew. Keep what this prints somewhere else and
    give it back with --head later: then that shows, too.
    """
    noted = noted.strip()
    if noted and not _HEAD.fullmatch(noted):
        raise InputError(f'--head "{noted}" is nothing that verify prints: a row, a colon and a hash, as in 12:f222…')
    with opened_to_see(ctx) as app:
        found = app.database.read(lambda connection: audit.verify(connection, noted))
    if as_json:
        print_json(as_values(found))
    else:
        for wrong in found.wrong:
            line(wrong, "red")
        if not found.wrong:
            line(f"{counted(found.count, 'row')}, and none was changed, taken out or put in", "green")
            line(f"the last one: {found.head}")
    if found.wrong:
        ctx.exit(1)


COMMANDS: dict[str, click.Command] = {"audit": command}
