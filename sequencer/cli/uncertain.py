"""`uncertain`: mails of which nobody knows whether they arrived, and the three ways out."""

from collections.abc import Callable, Sequence

import click
from sqlalchemy import Connection

from sequencer.cli.options import NUMBER, as_option, json_option
from sequencer.cli.plain_text import plain
from sequencer.cli.session import acting, now, opened, print_json, when
from sequencer.cli.show import Cell, as_values, line, table, theirs
from sequencer.core.progress import Progress
from sequencer.engine.rescue import LOOKS
from sequencer.engine.settling import Unsettled, give_up, say_sent, send_again, unsettled
from sequencer.store import log

_MEANS = (
    "Nobody knows whether these arrived: the connection was lost after the whole mail was handed over, or the\n"
    "database was restored. None is ever sent again by itself. Look into the Sent folder or ask the person, then\n"
    'say "sequencer uncertain sent ID" (it arrived), "resend ID" (the same mail once more) or "skip ID" (leave it).'
)


@click.group("uncertain", invoke_without_command=True, epilog="Example:  sequencer uncertain")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Mails of which nobody knows whether they arrived; without a command: all of them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_command)


@command.command("list", epilog="Example:  sequencer uncertain list")
@json_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:
    """All of them, with what is being done about each."""
    with opened(ctx) as app:
        found = app.database.read(unsettled)
    if as_json:
        print_json([_values(each) for each in found])
        return
    table(
        ["id", "to", "step", "left", "subject", "what happened", "what next"],
        [_row(each) for each in found],
        "No mail is uncertain.",
        spare=["subject"],
    )
    if found:
        click.echo(f"\n{_MEANS}")


def _row(each: Unsettled) -> list[Cell]:
    row = each.row
    step = f"{row.sequence_id} · {row.step}"
    return [
        str(row.id), f"{each.face.name} <{row.address}>", step,
        theirs(each.face.zone)(row.sending_at) if row.sending_at else "—", row.subject,
        row.reply or "the connection was lost after the final dot", _next(each),
    ]  # fmt: skip


def _next(each: Unsettled) -> str:
    row = each.row
    if row.state == "person" or row.looks >= len(LOOKS):
        return "your word: no evidence was found"
    return f"evidence is looked for in the mailbox ({row.looks} of {len(LOOKS)} looks made)"


def _values(each: Unsettled) -> dict[str, object]:
    row = each.row
    return {
        "id": row.id, "person": each.face.id, "name": each.face.name, "address": row.address,
        "sequence": row.sequence_id, "step": row.step, "attempt": row.attempt, "state": row.state,
        "subject": row.subject, "message_id": row.message_id, "left_at": as_values(row.sending_at),
        "what_happened": row.reply, "looks": row.looks,
    }  # fmt: skip


@command.command("sent", epilog="Example:  sequencer uncertain sent 1 --as ana")
@click.argument("send_ids", metavar="ID...", type=NUMBER, nargs=-1, required=True)
@as_option
@click.pass_context
def sent(ctx: click.Context, send_ids: tuple[int, ...], as_name: str | None) -> None:
    """It did arrive: the sequence goes on from the moment at which it left."""
    for one, ended in _settled(ctx, say_sent, send_ids, as_name):
        line(f"{_what(one)} counts as sent {when(one.row.sending_at)}; {ended or 'the sequence goes on from there'}")


@command.command("resend", epilog="Example:  sequencer uncertain resend 1 --as ana")
@click.argument("send_ids", metavar="ID...", type=NUMBER, nargs=-1, required=True)
@as_option
@click.pass_context
def resend(ctx: click.Context, send_ids: tuple[int, ...], as_name: str | None) -> None:
    """Send the very same mail once more: if it did arrive, most mail programs show one of the two."""
    for one, _ in _settled(ctx, send_again, send_ids, as_name):
        same = ", with the same Message-ID" if one.row.message_id else ""
        line(f"{_what(one)} is queued again as attempt {one.row.attempt + 1}{same}")


@command.command("skip", epilog="Example:  sequencer uncertain skip 1 --as ana")
@click.argument("send_ids", metavar="ID...", type=NUMBER, nargs=-1, required=True)
@as_option
@click.pass_context
def skip(ctx: click.Context, send_ids: tuple[int, ...], as_name: str | None) -> None:
    """Leave it: the step is passed by, whether it arrived or not."""
    for one, ended in _settled(ctx, give_up, send_ids, as_name):
        line(f"{_what(one)} is left as it is; {ended or 'the sequence goes on with the next step'}")


def _settled(
    ctx: click.Context, settle: Callable[..., Unsettled], send_ids: Sequence[int], as_name: str | None
) -> list[tuple[Unsettled, str]]:
    """Each mail as it was, and why nothing goes on from there, "" where the sequence does. All are settled or none."""
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)

        def settle_all(connection: Connection) -> list[tuple[Unsettled, str]]:
            ones = [settle(connection, app.advance, each, by, at) for each in dict.fromkeys(send_ids)]
            known = log.load(connection, [one.row.enrollment_id for one in ones])
            return [(one, _ended(known[one.row.enrollment_id].progress)) for one in ones]

        return app.database.write(settle_all, urgent=True)


def _ended(progress: Progress) -> str:
    return "their sequence is finished" if progress.finished else ""


def _what(one: Unsettled) -> str:
    """A mail that a restored database never rendered has no subject."""
    mail = f'"{one.row.subject}"' if one.row.subject else "the mail"
    return plain(f"{mail} to {one.face.name} ({one.row.step})")


COMMANDS: dict[str, click.Command] = {"uncertain": command}
