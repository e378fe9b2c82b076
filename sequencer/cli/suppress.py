"""`suppress` and `unsuppress`: rules that forbid contact with an address, a domain, an account or a file of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click

from sequencer.app import App
from sequencer.cli.effect_words import finish_words
from sequencer.cli.options import as_option, json_option
from sequencer.cli.plain_text import counted, plain
from sequencer.cli.session import acting, now, opened, print_json, when
from sequencer.cli.show import as_values, line, table
from sequencer.cli.stops import stopper_option, whoever
from sequencer.content.suppression_list import Unread, read
from sequencer.core.people import Channel
from sequencer.engine import suppressing
from sequencer.engine.suppression_targets import Target, address_or_domain, targets_of
from sequencer.engine.verbs import person_word
from sequencer.errors import InputError

UNREAD_SHOWN_MAX = 10
LISTED_MAX = 200

_channel_option = click.option(
    "--channel", type=click.Choice(["email", "call", "linkedin"]), help="Only this channel. Default: all."
)
_free_mail_option = click.option("--free-mail", is_flag=True, help="Also a whole free-mail domain, such as gmail.com.")


@dataclass(frozen=True, slots=True)
class _Named:
    """What the command line names: its rules, how it is called in a sentence, lines that could not be read."""

    targets: Sequence[Target]
    words: str
    from_file: bool = False


@click.command(
    "suppress",
    epilog="Example:  sequencer suppress acme.test --reason customer\n\n"
    "          sequencer suppress unsubscribed.csv\n\n          sequencer suppress --list",
)
@click.argument("target", metavar="[ADDRESS|DOMAIN|ACCOUNT|FILE]", required=False)
@_channel_option
@click.option("--reason", default="", metavar="TEXT", help="Why: shown wherever the rule stops somebody.")
@click.option("--list", "shown", is_flag=True, help="Show the rules that stand, or those with the word given.")
@click.option("--dry-run", is_flag=True, help="Only say what that would stop.")
@_free_mail_option
@json_option
@stopper_option
@click.pass_context
def suppress(
    ctx: click.Context, target: str | None, channel: str | None, reason: str, shown: bool, dry_run: bool,
    free_mail: bool, as_json: bool, as_name: str | None,
) -> None:  # fmt: skip
    """Forbid contact with an address, a domain, an account, or all in a file: one a line, or a CSV with a column email.

    Whoever is live under the rule finishes, or goes on by the channels that are left. For somebody who asked not to be
    contacted use "sequencer opt-out": that stands for the person, and only their own word lifts it.
    """
    at = now()
    with opened(ctx) as app:
        if shown:
            _list(app, target or "", as_json)
            return
        if target is None:
            raise InputError("name an address, a domain, an account or a file, or say --list")
        named, by = _named(app, target, free_mail), whoever(app.config, as_name)
        done = suppressing.suppress(
            app.database, app.advance, named.targets, cast(Channel | None, channel),
            reason or f"suppressed by {by}", by, at, dry=dry_run,
        )  # fmt: skip
    if as_json:
        counts = {"people": len(done.effect.people), "finished": dict(done.effect.finished)}
        print_json({"rules": done.rules, "new": done.new, **counts, "called_back": done.effect.called_back})
        return
    how = f"by {channel}" if channel else "on any channel"
    again = "" if done.new else " (this was so before)"
    rules = f" ({counted(done.rules, 'rule')}, {done.new:,} new)" if named.from_file else ""
    never = "would never be" if dry_run else "never"
    line(f"{named.words}{rules}: {never} contacted {how}{again}; {finish_words(done.effect, dry=dry_run)}")
    if dry_run:
        line("nothing was changed")


@click.command("unsuppress", epilog='Example:  sequencer unsuppress former.test --reason "no customer now" --as ana')
@click.argument("target", metavar="ADDRESS|DOMAIN|ACCOUNT|FILE")
@_channel_option
@click.option("--reason", required=True, metavar="TEXT", help="Why contact is allowed again; it is kept.")
@click.option(
    "--opted-in", is_flag=True, help="The person themself asked to hear from you again: lifts an opt-out too."
)
@as_option
@click.pass_context
def unsuppress(
    ctx: click.Context, target: str, channel: str | None, reason: str, opted_in: bool, as_name: str | None
) -> None:  # fmt: skip
    """Lift rules that forbid contact. Nobody is enrolled again by it; a named person answers for it."""
    at = now()
    if not reason.strip():
        raise InputError("say why with --reason: it is kept beside the rule")
    with opened(ctx) as app:
        by, named = acting(app.config, as_name), _named(app, target, free_mail=True)
        done = suppressing.lift(
            app.database, app.advance, named.targets, cast(Channel | None, channel), reason, by, at, opted_in=opted_in
        )
    if named.from_file:
        line(f"{named.words}: {counted(len(done.lifted), 'rule')} lifted by {by}: {reason}")
    else:
        line(f"{named.words} may be contacted again: {counted(len(done.lifted), 'rule')} lifted by {by}: {reason}")
    if done.kept:
        line(
            f"  {counted(len(done.kept), 'opt-out')} stand: only the person's own word lifts one (--opted-in)", "yellow"
        )
    for rule in done.still[:UNREAD_SHOWN_MAX]:
        channels = f" by {rule.channel}" if rule.channel else ""
        line(f"contact{channels} is still forbidden by the rule on {rule.kind} {rule.value}: {rule.reason}", "yellow")


def _named(app: App, text: str, free_mail: bool) -> _Named:
    """The rules that the command line asks for; what a file has wrong is said line by line."""
    path = Path(text)
    if path.is_file():
        return _in_file(path, text, free_mail)
    if path.suffix.lower() in (".csv", ".txt", ".tsv") or "/" in text.removeprefix("https://").removeprefix("http://"):
        raise InputError(f"{text}: there is no such file")
    targets = app.database.read(lambda c: targets_of(c, text, free_mail=free_mail))
    return _Named(targets, " and ".join(each.words for each in targets))


def _in_file(path: Path, text: str, free_mail: bool) -> _Named:
    targets: dict[Target, None] = {}
    wrong: list[tuple[int, str]] = []
    with path.open("rb") as stream:
        for each in read(text, stream):
            if isinstance(each, Unread):
                wrong.append((each.line, each.reason))
                continue
            try:
                targets[address_or_domain(each.text, free_mail=free_mail)] = None
            except InputError as error:
                wrong.append((each.line, str(error)))
    for number, reason in wrong[:UNREAD_SHOWN_MAX]:
        click.echo(plain(f"{text}:{number}: {reason}"), err=True)
    if len(wrong) > UNREAD_SHOWN_MAX:
        click.echo(plain(f"{text}: and {len(wrong) - UNREAD_SHOWN_MAX:,} more lines like these"), err=True)
    if not targets:
        raise InputError(f"{text}: no address and no domain in it")
    skipped = f", {counted(len(wrong), 'line')} left out" if wrong else ""
    return _Named(tuple(targets), f"{path.name}{skipped}", from_file=True)


def _list(app: App, needle: str, as_json: bool) -> None:
    rules = app.database.read(lambda connection: suppressing.listed(connection, needle))
    if as_json:
        print_json(as_values(rules))
        return
    none = f'no rule has "{needle}" in it' if needle else "no rule forbids contact with anybody"
    table(
        ["whom", "channel", "why", "by", "since"],
        [
            [
                f"{each.who} <{each.what}>" if each.who else each.what,
                each.rule.channel or "all",
                f"opted out: {each.rule.reason}" if each.rule.refusal else each.rule.reason,
                person_word(each.by),
                when(each.rule.at),
            ]
            for each in rules[:LISTED_MAX]
        ],
        none,
    )
    if len(rules) > LISTED_MAX:
        line(f"and {len(rules) - LISTED_MAX:,} older ones: narrow it with a word, or --json has all")


COMMANDS: dict[str, click.Command] = {"suppress": suppress, "unsuppress": unsuppress}
