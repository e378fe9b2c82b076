"""`pause`, `resume`, `finish`, `move`, `opt-out`: stopping somebody, something or everything, and going on."""

import getpass
import os
from collections.abc import Callable
from datetime import datetime
from typing import cast

import click
from sqlalchemy import Connection

from sequencer.app import App
from sequencer.cli.effect_words import also, finish_words, live_words
from sequencer.cli.options import as_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import acting, local_zone, now, opened, opened_to_stop, when
from sequencer.cli.show import line, theirs
from sequencer.cli.until import instant, length
from sequencer.config import Config
from sequencer.core.people import Channel
from sequencer.core.reason import SENTENCE, FinishReason
from sequencer.core.timing import pause_end
from sequencer.engine import list_stops, moving, outer_stops, stops
from sequencer.engine.effect import Effect
from sequencer.engine.outer_stops import ScopeName
from sequencer.engine.situation import Situation, load
from sequencer.engine.verbs import Face
from sequencer.engine.why import standing_of
from sequencer.engine.why_words import mend_words, sentence
from sequencer.errors import InputError


def _scope_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--all", "everything", is_flag=True, help="Everything instead of a person."),
        click.option("--mailbox", metavar="ADDRESS", help="A mailbox instead of a person."),
        click.option("--sequence", metavar="SEQ", help="A sequence instead of a person."),
    ):
        function = option(function)
    return function


_list_option = click.option("--list", "list_name", metavar="LIST", help="Everybody on a list instead of one person.")


def _scope(
    email: str | None, list_name: str | None, sequence: str | None, mailbox: str | None, everything: bool
) -> tuple[ScopeName, str] | None:
    """What is meant; None for the person at `email` or a list. Raises InputError unless exactly one thing is named."""
    named: list[tuple[ScopeName, str]] = []
    named += [("sequence", sequence)] if sequence else []
    named += [("mailbox", mailbox)] if mailbox else []
    named += [("all", "")] if everything else []
    if len(named) + (email is not None) + (list_name is not None) != 1:
        raise InputError("name one: EMAIL, --list LIST, --sequence SEQ, --mailbox ADDRESS or --all")
    return named[0] if named else None


def whoever(config: Config, name: str | None) -> str:
    """Who stops: a stop never waits for somebody to say who they are, nor for a config.toml that knows them."""
    if not config.reps:
        return name or os.environ.get("SEQUENCER_REP") or getpass.getuser()
    if name is None and not os.environ.get("SEQUENCER_REP") and len(config.reps_by_name) != 1:
        return getpass.getuser()
    return acting(config, name)


stopper_option = click.option(
    "--as", "as_name", metavar="REP", help="Who stops. Default: $SEQUENCER_REP, the only rep, or your login name."
)


@click.command("pause", epilog="Example:  sequencer pause bo@acme.test --for 5d")
@click.argument("email", metavar="[EMAIL]", required=False)
@click.option("--until", metavar="DATE", help="Go on at the start of this day, where the person is.")
@click.option("--for", "span", metavar="LENGTH", help="Go on after 5d, 3bd, 4h.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for --sequence, --mailbox and --all.")
@_list_option
@_scope_options
@stopper_option
@click.pass_context
def pause(
    ctx: click.Context, email: str | None, until: str | None, span: str | None, reason: str, list_name: str | None,
    sequence: str | None, mailbox: str | None, everything: bool, as_name: str | None,
) -> None:  # fmt: skip
    """Stop somebody, a list, a sequence, a mailbox or, with --all, everything: the panic button."""
    scope, at = _scope(email, list_name, sequence, mailbox, everything), now()
    if until and span:
        raise InputError("one of --until and --for, not both")
    if scope and (until or span):
        raise InputError("a sequence, a mailbox or everything is paused until somebody resumes it: leave the date out")
    if reason and not scope:
        raise InputError(
            '--reason is for --sequence, --mailbox and --all; of a person, "sequencer done --note" keeps notes'
        )
    with opened_to_stop(ctx) if everything else opened(ctx) as app:
        by = whoever(app.config, as_name)
        if scope:
            _pause_scope(app, scope, by, reason, at)
            return
        end = _end(until, span, at)
        if list_name is not None:
            how = f"until {until}, where they are" if until else f"for {span}" if span else ""
            _pause_list(app, list_name, by, at, end, how)
            return
        face, paused = app.database.write(
            lambda connection: stops.pause_person(connection, app.advance, email or "", by, at, end), urgent=True
        )
    for one in paused:
        until_when = f"until {theirs(face.zone)(one.pause.until)}" if one.pause.until else "until somebody resumes"
        if end and one.pause.until is None:
            until_when += ", because a pause without a date stands already"
        wired = "; a mail to them is on the wire at this moment and cannot be called back" if one.on_the_wire else ""
        line(f"{face.name} is paused in {one.sequence_id} {until_when}{wired}")


def _pause_list(
    app: App, name: str, by: str, at: datetime, end: Callable[[Situation], datetime] | None, how: str
) -> None:
    effect = list_stops.pause_list(app.database, app.advance, name, by, at, end)
    how = how or f'until somebody says "sequencer resume --list {name}"'
    line("; ".join([f"{live_words(effect)} {_are(effect)} paused {how}", *also(effect)]))


def _are(effect: Effect) -> str:
    return "is" if len(effect.people) == 1 else "are"


def _end(until: str | None, span: str | None, at: datetime) -> Callable[[Situation], datetime] | None:
    if until:
        return lambda one: instant(until, at, one.facts.zone, local_zone() or one.facts.zone)
    if span:
        wanted = length(span)
        return lambda one: pause_end(wanted, one.facts, at)
    return None


def _pause_scope(app: App, scope: tuple[ScopeName, str], by: str, reason: str, at: datetime) -> None:
    standing, new = app.database.write(
        lambda connection: outer_stops.pause_scope(connection, app.config, *scope, by, reason, at), urgent=True
    )
    if not new:
        line(f"{_name(scope)} was paused already, by {standing.by} since {when(standing.at)}")
        return
    line(f"{_name(scope)} is paused: nothing leaves until somebody says {_resume(scope)}")
    below = app.database.read(lambda connection: outer_stops.stands_below(connection, *scope))
    waits = f"{counted(below.people, 'person waits', 'people wait')} in {counted(below.sequences, 'sequence')}"
    if not below.people:
        waits = "nobody is under way"
    line(f"{waits}, {counted(below.queued, 'queued mail stays', 'queued mails stay')} here")
    if below.wired:
        left = counted(below.wired, "mail was", "mails were")
        line(f"{left} handed to the server just before and cannot be called back", "yellow")


def _name(scope: tuple[ScopeName, str]) -> str:
    return "all sending" if scope[0] == "all" else f"{scope[0]} {scope[1]}"


def _resume(scope: tuple[ScopeName, str]) -> str:
    return f'"sequencer resume --{scope[0]}{f" {scope[1]}" if scope[1] else ""}"'


@click.command("resume", epilog="Example:  sequencer resume bo@acme.test")
@click.argument("email", metavar="[EMAIL]", required=False)
@click.option("--address-works", is_flag=True, help="Their address works after all: write to it again.")
@_list_option
@_scope_options
@as_option
@click.pass_context
def resume(
    ctx: click.Context, email: str | None, address_works: bool, list_name: str | None, sequence: str | None,
    mailbox: str | None, everything: bool, as_name: str | None,
) -> None:  # fmt: skip
    """Let it go on: take somebody's pauses and holds, or lift the pause of a list, a sequence, a mailbox or everything.

    Nobody bursts out: caps, gaps and hours hold as ever. Of a list only pauses that a person put are lifted.
    """
    scope, at = _scope(email, list_name, sequence, mailbox, everything), now()
    if address_works and email is None:
        raise InputError("--address-works is said of one person: name EMAIL")
    with opened(ctx) as app:
        if scope:
            if as_name is None and not os.environ.get("SEQUENCER_REP"):
                raise InputError(f"say who lifts it: --as {' | '.join(app.config.reps_by_name)}")
            _resume_scope(app, scope, acting(app.config, as_name), at)
            return
        by = acting(app.config, as_name)
        if list_name is not None:
            _resume_list(app, list_name, by, at)
            return
        face, resumed = app.database.write(
            lambda connection: stops.resume_person(
                connection, app.advance, email or "", by, at, address_works=address_works
            ),
            urgent=True,
        )
        for one in resumed:
            _print_resumed(face, one)
            line(f"  {_where(app, face, one.enrollment_id, at)}")


def _resume_list(app: App, name: str, by: str, at: datetime) -> None:
    effect, going = list_stops.resume_list(app.database, app.advance, name, by, at)
    people = counted(going, "person", "people")
    line(f"{people} of {len(effect.people):,} {'goes' if going == 1 else 'go'} on, under the usual caps")
    if effect.held:
        stay = counted(effect.held, "enrollment stays", "enrollments stay")
        line(f'{stay} held, or paused for another reason: "sequencer status" and "sequencer why EMAIL" say why')


def _print_resumed(face: Face, one: stops.Resumed) -> None:
    taken = [*(SENTENCE[pause.reason] for pause in one.pauses), *(SENTENCE[hold.reason] for hold in one.holds)]
    if taken:
        line(f"{face.name} goes on in {one.sequence_id}; lifted: {'; '.join(taken)}")
    elif not one.left:
        line(f"{face.name} was neither paused nor held in {one.sequence_id}")
    for hold, mend in one.left:
        line(
            f"{face.name} stays held in {one.sequence_id}: {SENTENCE[hold.reason]}; {mend_words(mend, face.address)}",
            "yellow",
        )


def _where(app: App, face: Face, enrollment_id: int, at: datetime) -> str:
    def read(connection: Connection) -> str:
        situation = load(connection, app.around, [enrollment_id], at)[enrollment_id]
        one = standing_of(connection, app.around, situation, at)
        return sentence(one, face.name, theirs(one.zone), face.address)

    return app.database.read(read)


def _resume_scope(app: App, scope: tuple[ScopeName, str], by: str, at: datetime) -> None:
    lifted = app.database.write(
        lambda connection: outer_stops.resume_scope(connection, app.config, *scope, by, at), urgent=True
    )
    people = f"{lifted.people} {'person goes' if lifted.people == 1 else 'people go'} on, under the usual caps"
    if lifted.pause and lifted.pause.braked:
        line(f"{_name(scope)} goes on; the brake had stopped it {when(lifted.pause.at)}: {lifted.pause.reason}")
        line(f"{people}; bounces and complaints are counted anew from now on")
    elif lifted.pause:
        line(f"{_name(scope)} goes on; it was paused by {lifted.pause.by} since {when(lifted.pause.at)}; {people}")
    if lifted.mended:
        line(f"{scope[1]} counts as mended; it had stopped with: {lifted.mended}")
    if lifted.clock_reset:
        line("the clock counts as right again")
    if not (lifted.pause or lifted.mended or lifted.clock_reset):
        line(f"{_name(scope)} was not paused")


@click.command("finish", epilog="Example:  sequencer finish bo@acme.test --reason disqualified")
@click.argument("email", metavar="[EMAIL]", required=False)
@_list_option
@click.option(
    "--reason", type=click.Choice([reason.value for reason in stops.FINISH_REASONS]), default="removed",
    show_default=True, help="Why it ends.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Of a list: only say what that would do.")
@stopper_option
@click.pass_context
def finish(
    ctx: click.Context, email: str | None, list_name: str | None, reason: str, dry_run: bool, as_name: str | None
) -> None:  # fmt: skip
    """End the sequences of somebody, or of everybody on a list; what is queued is called back."""
    at, why = now(), FinishReason(reason)
    if (email is None) == (list_name is None):
        raise InputError("name one: EMAIL or --list LIST")
    if dry_run and email:
        raise InputError(f'--dry-run is for --list: "sequencer why {email}" says where somebody is')
    with opened(ctx) as app:
        by = whoever(app.config, as_name)
        if list_name is not None:
            effect = list_stops.finish_list(app.database, app.advance, list_name, why, by, at, dry=dry_run)
            line(f"{finish_words(effect, dry=dry_run)} ({reason})")
            return
        face, ended = app.database.write(
            lambda connection: stops.finish_person(connection, app.advance, email or "", why, by, at), urgent=True
        )
    line(f"{face.name} is finished in {', '.join(ended)} ({reason})")


@click.command("move", epilog="Example:  sequencer move bo@acme.test --to nurture:intro")
@click.argument("email", metavar="EMAIL")
@click.option("--to", "target", metavar="SEQ[:STEP]", required=True, help="Where to; without a step: its first one.")
@click.option("--from", "left", metavar="SEQ", help="Which sequence to leave, for somebody who is in several.")
@as_option
@click.pass_context
def move(ctx: click.Context, email: str, target: str, left: str | None, as_name: str | None) -> None:
    """Move somebody to another sequence or step, in the same mailbox."""
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        moved = app.database.write(
            lambda connection: moving.move(connection, app.advance, email, target, by, at, left), urgent=True
        )
        line(f"{moved.face.name} has left {moved.left} and begins {moved.sequence_id} at {moved.step}")
        line(f"  {_where(app, moved.face, moved.enrollment_id, at)}")


@click.command("opt-out", epilog="Example:  sequencer opt-out bo@acme.test")
@click.argument("address", metavar="ADDRESS")
@click.option("--channel", type=click.Choice(["email", "call", "linkedin"]), help="Only this channel. Default: all.")
@stopper_option
@click.pass_context
def opt_out(ctx: click.Context, address: str, channel: str | None, as_name: str | None) -> None:
    """Never contact somebody again: all addresses, all channels, all sequences, at once."""
    at = now()
    with opened(ctx) as app:
        by = whoever(app.config, as_name)
        wanted = cast(Channel | None, channel)
        done = app.database.write(
            lambda connection: stops.opt_out(connection, app.advance, address, by, at, wanted), urgent=True
        )
    how = f"by {channel}" if channel else "on any channel"
    again = " (this was recorded before)" if done.already else ""
    if done.face is None:
        line(f"nobody here has {done.address}; the address is never contacted {how}, also after an import{again}")
        return
    ended = f"; finished in {', '.join(done.finished)}" if done.finished else ""
    wired = "; a mail to them is on the wire at this moment and cannot be called back" if done.on_the_wire else ""
    line(f"{done.face.name} is never contacted again {how}, at any of their addresses{again}{ended}{wired}")


COMMANDS: dict[str, click.Command] = {
    "pause": pause, "resume": resume, "finish": finish, "move": move, "opt-out": opt_out,
}  # fmt: skip
