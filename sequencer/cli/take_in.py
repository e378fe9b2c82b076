"""`import` of an export: what it brings into this installation, and who waits there for a word."""

from pathlib import Path
from typing import Any

import click

from sequencer.cli.plain_text import counted
from sequencer.cli.session import now, opened, print_json
from sequencer.cli.show import line
from sequencer.cli.stops import whoever
from sequencer.content.archive import Archive
from sequencer.engine import taking_in
from sequencer.engine.taking_in import TakenIn
from sequencer.errors import InputError
from sequencer.store.migrate import revisions

SHOWN = {
    "prospects": ("person", "people"), "accounts": ("account", ""), "list_members": ("place on a list", "on lists"),
    "suppressions": ("rule against contact", "rules against contact"), "erased": ("erased address", "erased addresses"),
    "versions": ("applied version", ""), "enrollments": ("enrollment", ""), "events": ("event", ""),
    "tasks": ("task", ""), "sends": ("mail", ""), "inbound": ("mail received", "mails received"),
}  # fmt: skip


def take_in(ctx: click.Context, path: Path, options: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Take the export at `path` in; `options` of a CSV file mean nothing here."""
    if wrong := [name for name, value in options.items() if value]:
        raise InputError(f"{path} is an export: {', '.join(wrong)} is for a CSV file")
    archive, at = Archive(path), now()
    with opened(ctx) as app:
        by = whoever(app.config, None)
        if dry_run:
            found = app.database.read(lambda connection: taking_in.plan(connection, archive, revisions()))
        else:
            found = app.database.write(
                lambda connection: taking_in.take_in(connection, app.advance, archive, revisions(), by, at)
            )
    if as_json:
        print_json({"dry_run": dry_run, "rows": dict(found.rows), "paused": found.paused, "made_at": found.made_at})
        return
    _tell(path, found, dry_run)


def _tell(path: Path, found: TakenIn, dry_run: bool) -> None:
    parts = [counted(found.rows[name], *words) for name, words in SHOWN.items() if found.rows.get(name)]
    said = "dry run, nothing was written: " if dry_run else ""
    line(f"{path}: {said}{', '.join(parts) or 'nothing is in it'}; written {found.made_at[:16].replace('T', ' ')} UTC")
    if found.paused:
        line(
            f"{counted(found.paused, 'enrollment is', 'enrollments are')} paused here: stop the other installation,"
            ' then "sequencer resume EMAIL" or "sequencer resume --list LIST" lets them go on',
            "yellow",
        )
    if not dry_run:
        line("config.toml and the passwords are this installation's own: compare them with the export's config.toml")
