"""`preview`: what one person would read, from the files as they are now."""

import click

from sequencer.cli.check import sequence_ids, tell
from sequencer.cli.options import as_option, json_option
from sequencer.cli.plain_text import plain, plain_lines
from sequencer.cli.session import acting, now, opened, print_json
from sequencer.cli.show import line, theirs
from sequencer.core.reason import SENTENCE
from sequencer.engine.applying import check as check_all
from sequencer.engine.candidates import candidates, name_of
from sequencer.engine.previewing import Part, Preview
from sequencer.engine.previewing import preview as preview_sequence
from sequencer.engine.why_words import mend_words
from sequencer.store import people


@click.command(epilog="Example: sequencer preview vp-engineering --prospect jo@acme.test --as ana")
@click.argument("sequence", metavar="SEQ")
@click.option("--prospect", required=True, metavar="EMAIL", help="For whom.")
@as_option
@json_option
@click.pass_context
def preview(ctx: click.Context, sequence: str, prospect: str, as_name: str | None, as_json: bool) -> None:
    """Show every mail, script and note of SEQ as one person would get it, and when, if they were enrolled now.

    Read from the files, so an edit shows before it is applied. Exit 1: something cannot be written for this person.
    """
    with opened(ctx) as app:
        rep, at = acting(app.config, as_name), now()
        checked = check_all(app.config, sequence_ids(app.config, [sequence]))
        if checked.errors:
            tell(checked.errors, [])
            ctx.exit(2)
        (person_id,) = app.database.read(lambda connection: candidates(connection, emails=[prospect]))
        person = app.database.read(lambda connection: people.load_prospects(connection, [person_id]))[person_id]
        shown = app.database.read(
            lambda connection: preview_sequence(connection, app.advance, checked.bundles[0], person, rep, at)
        )
    if as_json:
        print_json(_as_json(shown))
    else:
        _print(shown)
    if any(part.problem for part in shown.parts):
        ctx.exit(1)


def _print(shown: Preview) -> None:
    sender = shown.mailbox or "no mailbox"
    click.echo(plain(f"{name_of(shown.prospect)}, from {sender} ({shown.rep}); hours in {shown.zone}"))
    their_time = theirs(shown.hours_in)
    for part in shown.parts:
        date = their_time(part.at) if part.at else "not on the expected path"
        click.echo()
        line(f"{part.step}: {part.what} — {date}", "bold")
        if part.problem:
            line(f"cannot be written: {part.problem}", "red")
        if part.subject is not None:
            click.echo(f"  Subject: {plain(part.subject)}\n")
        for each in plain_lines(part.text).splitlines():
            click.echo(f"  {each}".rstrip())
    gate = shown.outlook.stopped_by
    if gate is not None and gate.reason is not None:
        click.echo()
        mend = f"; {mend_words(gate.frees_by, shown.prospect.address or 'EMAIL')}" if gate.frees_by else ""
        click.echo(plain(f"It would stop there: {SENTENCE[gate.reason]}{mend}"))


def _as_json(shown: Preview) -> dict[str, object]:
    def values(part: Part) -> dict[str, object]:
        return {
            "step": part.step,
            "kind": part.kind,
            "what": part.what,
            "at": part.at,
            "subject": part.subject,
            "text": part.text,
            "problem": part.problem,
        }

    return {
        "email": shown.prospect.address,
        "rep": shown.rep,
        "mailbox": shown.mailbox,
        "zone": shown.zone,
        "parts": list(map(values, shown.parts)),
    }


COMMANDS: dict[str, click.Command] = {"preview": preview}
