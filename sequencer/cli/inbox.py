"""`inbox`: what people answered, what was read out of it and what it did."""

from typing import Any

import click
from sqlalchemy import Connection

from sequencer.cli import inbox_correct
from sequencer.cli.options import NUMBER, json_option
from sequencer.cli.plain_text import plain
from sequencer.cli.session import opened, print_json
from sequencer.cli.show import Cell, as_values, block, cell, line, table, theirs
from sequencer.engine.mail_words import Mail, effect_words, mail, mails, next_words, whose_words
from sequencer.engine.verbs import person_word
from sequencer.store import inbox as store

SHOWN_DEFAULT = 50
WORDS_CHARS = 60


@click.group("inbox", invoke_without_command=True, epilog="Example:  sequencer inbox --parked")
@click.option("--parked", is_flag=True, help="Only mail that waits for a person to look at it.")
@click.option("--limit", default=SHOWN_DEFAULT, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@json_option
@click.pass_context
def command(ctx: click.Context, parked: bool, limit: int, as_json: bool) -> None:
    """What people answered, the newest first."""
    if ctx.invoked_subcommand is not None:
        return
    with opened(ctx) as app:
        found = app.database.read(lambda connection: mails(connection, store.latest(connection, limit, parked=parked)))
    if as_json:
        print_json([_values(each) for each in found])
        return
    empty = "No mail is parked." if parked else "Nobody has answered yet."
    table(["id", "came", "who", "says", "words", "did"], [_row(each) for each in found], empty, spare=["did"])
    if found:
        click.echo('\n"sequencer inbox show ID" has the whole of one; "inbox set ID CLASS" corrects what was read')
    if any(each.row.state == "parked" for each in found):
        click.echo(
            'a parked one waits for your word: "sequencer inbox accept ID" or "refuse ID"; show says which means what'
        )


def _row(each: Mail) -> list[Cell]:
    words = " ".join((each.text or each.subject).split())
    parked = each.row.state == "parked"
    return [
        str(each.row.id), _came(each), each.face.name if each.face else each.sender or "—",
        _says(each), words[:WORDS_CHARS] + ("…" if words[WORDS_CHARS:] else ""),
        cell(effect_words(each), "yellow" if parked else ""),
    ]  # fmt: skip


def _came(each: Mail) -> str:
    return theirs(each.face.zone if each.face else None)(each.row.received_at)


def _says(each: Mail) -> str:
    if each.judgement is None:
        return "—"
    return (each.judgement.answer or each.judgement.kind).replace("_", " ")


@command.command("show", epilog="Example:  sequencer inbox show 1")
@click.argument("mail_id", metavar="ID", type=NUMBER)
@json_option
@click.pass_context
def show(ctx: click.Context, mail_id: int, as_json: bool) -> None:
    """One mail: the person's own words, what was read out of it, what it did."""
    with opened(ctx) as app:
        one, whose = app.database.read(lambda connection: _read(connection, mail_id))
    if as_json:
        print_json(_values(one))
        return
    who = f"{one.face.name} <{one.face.address}>" if one.face else one.sender or "a sender that is not known"
    line(f"mail {one.row.id} from {who}", "bold")
    click.echo(f"{_came(one)} · {plain(one.row.inbox)} {plain(one.row.folder)}")
    click.echo(f"subject: {plain(one.subject) or '(none)'}")
    click.echo(f"read as: {_reading(one)}")
    if whose:
        click.echo(f"whose it is: {plain(whose)}")
    click.echo(f"what it did: {plain(effect_words(one))}")
    if todo := next_words(one):
        click.echo(f"what to do: {plain(todo)}")
    click.echo()
    block(one.text or "(none of the person's own words)")


def _read(connection: Connection, mail_id: int) -> tuple[Mail, str]:
    one = mail(connection, mail_id)
    return one, whose_words(connection, one)


def _reading(one: Mail) -> str:
    judgement = one.judgement
    if judgement is None:
        return "not read yet"
    parts = [judgement.kind.replace("_", " ")]
    parts += [judgement.answer.replace("_", " ")] if judgement.answer else []
    parts += [f"back on {judgement.return_date:%a %d %b %Y}"] if judgement.return_date else []
    parts += [f"about {', '.join(judgement.recipients)}"] if judgement.recipients else []
    parts += [f"names {', '.join(judgement.addresses)}"] if judgement.addresses else []
    because = f", because of {'; '.join(judgement.evidence[:3])}" if judgement.evidence else ""
    if one.row.set_by:
        return plain(f"{', '.join(parts)} (said by {person_word(one.row.set_by)}; no rules change that)")
    rules = f"; rules of version {one.row.classifier}" if one.row.classifier else ""
    return plain(f"{', '.join(parts)} ({judgement.confidence:.0%} sure{because}{rules})")


def _values(one: Mail) -> dict[str, Any]:
    return {
        "id": one.row.id, "received_at": as_values(one.row.received_at), "inbox": one.row.inbox,
        "folder": one.row.folder, "state": one.row.state, "from": one.sender, "subject": one.subject,
        "person": one.face.id if one.face else None, "sequence": one.sequence_id or None,
        "judgement": as_values(one.judgement), "text": one.text, "did": effect_words(one),
        "set_by": person_word(one.row.set_by) or None, "to_do": next_words(one) or None,
    }  # fmt: skip


for _each in inbox_correct.COMMANDS:
    command.add_command(_each)

COMMANDS: dict[str, click.Command] = {"inbox": command}
