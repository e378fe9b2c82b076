"""`inbox set`, `accept`, `refuse` and `replay`: a person has the last word on what a mail is."""

import sys
from collections.abc import Callable
from datetime import date
from difflib import get_close_matches
from typing import Any

import click
from sqlalchemy import Connection

from sequencer.app import App
from sequencer.cli.correction_words import class_word, correction_values, print_correction
from sequencer.cli.options import NUMBER, as_option, json_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import acting, now, opened, print_json
from sequencer.cli.show import line
from sequencer.cli.until import length
from sequencer.engine.correcting import WORDS, Correction, Said, Word, accept, correct, foreseen, word_of
from sequencer.engine.rereading import Difference, Replay, replay
from sequencer.errors import InputError
from sequencer.mail.judgement import VERSION, Judgement
from sequencer.store import inbox as store

SHOWN_IDS_MAX = 20

_yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")
_dry_option = click.option("--dry-run", is_flag=True, help="Only say what that would change.")


@click.command("set", epilog="Example:  sequencer inbox set 1 auto-reply --until 2027-01-07 --dry-run")
@click.argument("mail_id", metavar="ID", type=NUMBER)
@click.argument("word", metavar="CLASS")
@click.option(
    "--until",
    metavar="DATE",
    help="Of auto-reply their first day back, of not-now when to ask again. Default: what the mail says.",
)
@click.option("--person", default="", metavar="EMAIL", help="Whose it is, where nothing in the mail tells.")
@_dry_option
@_yes_option
@as_option
@json_option
@click.pass_context
def set_command(
    ctx: click.Context, mail_id: int, word: str, until: str | None, person: str, dry_run: bool, yes: bool,
    as_name: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Say what a mail really is; what it did wrongly is taken back.

    Shows first what changes, then asks. CLASS, an answer: interested, meeting, question, not-now, referral,
    not-interested, opt-out, other. A machine's: auto-reply, left (works there no more), hard-bounce, soft-bounce,
    delay, complaint. Neither: no-answer, not-ours (nothing of it is kept).
    """
    said = Said(_class(word), _day(until), person)
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        _carry_out(app, lambda c: correct(c, app.advance, mail_id, said, by, at), dry_run, yes, as_json)


def _class(text: str) -> Word:
    wanted = text.strip().lower().replace("-", "_")
    found = next((word for word in WORDS if word == wanted), None)
    if found is None:
        close = get_close_matches(wanted, WORDS, 1, 0.6)
        hint = f"did you mean {_typed(close[0])}?" if close else ", ".join(map(_typed, WORDS))
        raise InputError(f'a mail is no "{text}": {hint}')
    return found


def _typed(word: str) -> str:
    return word.replace("_", "-")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(f'"{text}" is no date: write it as in 2027-01-07') from None


@click.command("accept", epilog="Example:  sequencer inbox accept 2 --person bo@acme.test --dry-run")
@click.argument("mail_id", metavar="ID", type=NUMBER)
@click.option("--person", default="", metavar="EMAIL", help="Whose it is. Default: the person it was parked for.")
@_dry_option
@_yes_option
@as_option
@json_option
@click.pass_context
def accept_command(
    ctx: click.Context, mail_id: int, person: str, dry_run: bool, yes: bool, as_name: str | None, as_json: bool
) -> None:
    """A parked mail is theirs: it acts now, and its sender's address is theirs from now on.

    A refusal that is nobody's forbids its sender's address.
    """
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        _carry_out(app, lambda c: accept(c, app.advance, mail_id, person, by, at), dry_run, yes, as_json)


@click.command("refuse", epilog="Example:  sequencer inbox refuse 2 --dry-run")
@click.argument("mail_id", metavar="ID", type=NUMBER)
@_dry_option
@_yes_option
@as_option
@json_option
@click.pass_context
def refuse_command(
    ctx: click.Context, mail_id: int, dry_run: bool, yes: bool, as_name: str | None, as_json: bool
) -> None:
    """A parked mail is nobody's: it does nothing, and nothing of what it says is kept."""
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        row = app.database.read(lambda connection: store.inbound(connection, mail_id))
        if row.state != "parked":
            raise InputError(f'mail {mail_id} is not parked: "sequencer inbox set {mail_id} not-ours" lets it go')
        said = Said("not_ours")
        _carry_out(app, lambda c: correct(c, app.advance, mail_id, said, by, at), dry_run, yes, as_json)


def _carry_out(app: App, work: Callable[[Connection], Correction], dry_run: bool, yes: bool, as_json: bool) -> None:
    """Foresee, ask, do: what is done is what was shown, or nothing."""
    shown = foreseen(app.database, work)
    if as_json and (dry_run or not yes):
        print_json(correction_values(shown, applied=False))
    elif not as_json:
        line(_head(shown), "bold")
        print_correction(shown)
    if dry_run:
        if not as_json:
            line("nothing was changed")
        return
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise InputError("nothing was changed: nobody is here to answer, so say --yes")
        if not click.confirm("Do it?"):
            line("nothing was changed")
            return

    def done_as_shown(connection: Connection) -> Correction:
        done = work(connection)
        if done.gist != shown.gist:
            raise InputError("something moved meanwhile, so nothing was changed: look at it once more")
        return done

    done = app.database.write(done_as_shown, urgent=True)
    if as_json:
        print_json(correction_values(done, applied=True))
    else:
        line(f'done; "sequencer inbox show {done.mail}" tells how it stands')


def _head(one: Correction) -> str:
    if one.was == one.now:
        return f"mail {one.mail} stays what it was taken for ({class_word(one.now)}); no later rules change that"
    lost = "; nothing of what it says is kept, so this cannot be taken back" if one.now == "not_ours" else ""
    if one.was == "parked":
        return f"mail {one.mail} acts as what was read in it: {class_word(one.now)}"
    return f"mail {one.mail} was taken for: {class_word(one.was)}; it is: {class_word(one.now)}{lost}"


@click.command("replay", epilog="Example:  sequencer inbox replay --since 90d")
@click.option("--since", default="90d", show_default=True, metavar="LENGTH", help="How far back: 90d, 24h.")
@click.option("--apply", is_flag=True, help="Let each mail act as it is read now.")
@as_option
@json_option
@click.pass_context
def replay_command(ctx: click.Context, since: str, apply: bool, as_name: str | None, as_json: bool) -> None:
    """What the rules of today would have read differently, and what that would change; changes nothing by itself.

    What a person has set stays as they said.
    """
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name) if apply else as_name or ""
        done = replay(app.database, app.advance, at - length(since).elapsed, by, at, apply=apply)
    if as_json:
        print_json(_replay_values(done, apply))
        return
    for each in done.differences:
        _print_difference(each)
    _print_sum(done, since, apply)


def _print_difference(each: Difference) -> None:
    who = each.mail.face.name if each.mail.face else each.mail.sender or "a sender that is not known"
    line(f"mail {each.mail.row.id} from {who}: was {class_word(each.was)}, is {_now(each.now)}", "bold")
    if each.problem:
        line(f"  {each.problem}", "yellow")
    if each.correction:
        print_correction(each.correction, "  ")


def _now(judged: Judgement | str) -> str:
    if isinstance(judged, str):
        return f"unreadable ({judged})"
    day = f", {judged.return_date:%a %d %b %Y}" if judged.return_date else ""
    because = f" (because of {'; '.join(judged.evidence[:3])})" if judged.evidence else ""
    return f"{class_word(word_of(judged))}{day}{because}"


def _print_sum(done: Replay, since: str, apply: bool) -> None:
    if not done.judged:
        line(f"no mail of the last {since} is there to be judged again")
    elif not done.differences:
        line(f"{counted(done.judged, 'mail')} of the last {since} judged again: every one is read as before")
    elif apply:
        line(f"\n{counted(len(done.differences), 'mail')} of {done.judged:,} read anew; the rest is read as before")
    else:
        differ = "is" if len(done.differences) == 1 else "are"
        line(
            f"\n{len(done.differences):,} of {counted(done.judged, 'mail')} {differ} read differently by version "
            f'{VERSION} of the rules; nothing was changed: "sequencer inbox replay --apply" lets all of them act as '
            'they are read now, "inbox set" one of them'
        )
    if done.left:
        line(f"{counted(done.left, 'mail')} left alone: a person said what {'it is' if done.left == 1 else 'they are'}")
    if done.gone:
        ids = ", ".join(map(str, done.gone[:SHOWN_IDS_MAX])) + (" …" if done.gone[SHOWN_IDS_MAX:] else "")
        line(f"{counted(len(done.gone), 'mail')} cannot be judged again, because nothing is kept of them: {ids}")
    if done.passed:
        line(f"{counted(done.passed, 'mail')} turned out not to be ours, and nothing was kept")


def _replay_values(done: Replay, apply: bool) -> dict[str, Any]:
    return {
        "judged": done.judged, "set_by_a_person": done.left, "bytes_gone": done.gone, "not_ours": done.passed,
        "version": VERSION, "applied": apply,
        "differences": [
            {
                "id": each.mail.row.id, "from": each.mail.sender,
                "person": each.mail.face.id if each.mail.face else None,
                "was": each.was, "is": word_of(each.now) if isinstance(each.now, Judgement) else "unreadable",
                "read_by_version": each.mail.row.classifier, "problem": each.problem,
                "change": correction_values(each.correction, applied=apply) if each.correction else None,
            }
            for each in done.differences
        ],
    }  # fmt: skip


COMMANDS = (set_command, accept_command, refuse_command, replay_command)
