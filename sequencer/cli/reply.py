"""`reply`: a rep answers a person's mail without leaving the terminal."""

from typing import TextIO

import click

from sequencer.cli.editor import Edited, edit
from sequencer.cli.options import NUMBER, as_option, json_option
from sequencer.cli.session import acting, now, opened, print_json
from sequencer.cli.show import line
from sequencer.engine import answering
from sequencer.engine.leaving import daemon_gates
from sequencer.errors import InputError


@click.command(
    "reply",
    epilog='Example:  sequencer reply 13\n\n          echo "Tuesday at 10 suits me." | sequencer reply 13 --text -',
)
@click.argument("task_id", metavar="ID", type=NUMBER)
@click.option("--subject", default="", help="Another subject than the thread's.")
@click.option(
    "--text",
    "source",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="The answer from a file; - reads it from the pipe.",
)
@as_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    task_id: int,
    subject: str,
    source: TextIO | None,
    as_name: str | None,
    as_json: bool,
) -> None:
    """Answer the mail of an `answer` task, in its thread. Opens $EDITOR with the mail quoted; the task is done when
    your answer has gone."""
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        blank = app.database.read(lambda connection: answering.blank(connection, app.advance, task_id, at))
        if source is None:
            written = write(blank, subject)
            subject, text = written.subject, written.body
        else:
            text = source.read()
        answer = app.database.write(
            lambda connection: answering.reply(connection, app.advance, app.key, task_id, subject, text, by, at),
            urgent=True,
        )
        idle = [gate for gate in app.database.read(lambda connection: daemon_gates(connection, at)) if not gate.passed]
    if as_json:
        print_json({"task": task_id, "to": answer.address, "subject": answer.subject, "message_id": answer.message_id})
        return
    line(f'"{answer.subject}" to {blank.face.name} <{answer.address}> is queued; it leaves from {answer.mailbox}')
    if idle:
        line(f"no daemon runs, so it waits: {idle[0].frees_by}", "yellow")


def write(blank: answering.Blank, subject: str = "") -> Edited:
    """The answer as the rep writes it in their editor. Raises InputError when nothing was written."""
    written = edit(subject or blank.subject, blank.text, ", so no answer is sent and the task stays open")
    if written.body.strip() == blank.text.strip():
        raise InputError("you wrote nothing above the quoted mail: no answer is sent and the task stays open")
    return written


COMMANDS: dict[str, click.Command] = {"reply": command}
