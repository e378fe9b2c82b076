"""`enroll`: people into a sequence, or with --dry-run what that would bring (cli/enroll_report.py)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import click

from sequencer.app import App
from sequencer.cli.enroll_report import (
    enrolment_json,
    starts_line,
    tell_daemon,
    tell_late,
    tell_refused,
    tell_rehearsal,
)
from sequencer.cli.options import as_option, json_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import acting, now, opened, print_json
from sequencer.core.span import Span
from sequencer.core.spread import SPREAD_DAYS_MAX
from sequencer.engine.candidates import candidates
from sequencer.engine.enrolling import (
    ENROLLED_PER_TRANSACTION_MAX,
    Door,
    Enrolment,
    Refusal,
    Seat,
    Start,
    admit,
    open_door,
)
from sequencer.engine.enrolling import enroll as enroll_some
from sequencer.engine.rehearsal import Late, Rehearsal, late_by_absence, rehearse, would_be
from sequencer.errors import InputError

NO_SPREAD, AS_LONG_AS_IT_TAKES = 0, None


@click.command(epilog="Example: sequencer enroll vp-engineering --list q4 --dry-run --as ana")
@click.argument("sequence", metavar="SEQ")
@click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="This person; may be given several times.")
@click.option("--list", "list_name", metavar="NAME", help="Everybody on this list.")
@click.option("--where", metavar="EXPR", help='Everybody of whom this is true, as in: prospect.country == "ES"')
@click.option(
    "--dry-run", is_flag=True, help="Write nothing: show who is refused, the dates, and the load of each day."
)
@click.option(
    "--spread", is_flag=False, flag_value="", metavar="[DAYS]",
    help="Let people start on later days so that no day is too full; with DAYS (5d) over so many business days.",
)  # fmt: skip
@click.option("--mailbox", metavar="ADDRESS", help="Write from this mailbox. Default: the rep's with most room.")
@click.option("--step", metavar="ID", help="Begin at this step instead of the first one.")
@click.option(
    "--override", is_flag=True, help="Enrol although the person answered or was in it lately; needs --as and --reason."
)
@click.option("--reason", metavar="TEXT", help="Why --override is right; kept with each person.")
@as_option
@json_option
@click.pass_context
def enroll(
    ctx: click.Context,
    sequence: str,
    emails: tuple[str, ...],
    list_name: str | None,
    where: str | None,
    dry_run: bool,
    spread: str | None,
    mailbox: str | None,
    step: str | None,
    override: bool,
    reason: str | None,
    as_name: str | None,
    as_json: bool,
) -> None:
    """Put people into a sequence. Whoever may not enter is named with the reason; the others are enrolled.

    Exit 1: nobody was let in.
    """
    if sum([bool(emails), list_name is not None, where is not None]) != 1:
        raise InputError("say whom to enrol, by one of --email ADDRESS, --list NAME and --where EXPR")
    days, why = _spread_days(spread), _override_reason(override, reason, as_name)
    with opened(ctx) as app:
        by, at = acting(app.config, as_name), now()
        door = app.database.read(
            lambda connection: open_door(
                connection, app.advance, sequence, by, by, step=step, override=why, mailbox=mailbox
            )
        )
        ids = app.database.read(
            lambda connection: candidates(connection, emails=emails, list_name=list_name, where=where)
        )
        if dry_run:
            let_in = _rehearse(app, door, ids, at, days, as_json)
        else:
            let_in = _enroll(app, door, ids, at, days, as_json)
    if not let_in:
        ctx.exit(1)


def _spread_days(text: str | None) -> int | None:
    """0: no spread; None: over as many days as it takes."""
    if text is None:
        return NO_SPREAD
    if not text:
        return AS_LONG_AS_IT_TAKES
    try:
        span = Span.parse(text)
    except ValueError:
        raise InputError(f'--spread: "{text}" is no number of days: write --spread 5d, or --spread alone') from None
    if span.unit not in ("d", "bd") or not 1 <= span.amount <= SPREAD_DAYS_MAX:
        raise InputError(f"--spread: write business days from 1d to {SPREAD_DAYS_MAX}d, as in --spread 5d")
    return span.amount


def _override_reason(override: bool, reason: str | None, as_name: str | None) -> str:
    given = (reason or "").strip()
    if override and not (as_name and given):
        raise InputError('--override needs a name and a reason: --override --as REP --reason "asked me to write again"')
    if given and not override:
        raise InputError("--reason is for --override: say both, or neither")
    return given


def _enroll(app: App, door: Door, ids: Sequence[int], at: datetime, days: int | None, as_json: bool) -> int:
    starts: Mapping[int, Start] = {}
    if days != NO_SPREAD:
        starts = _planned(app, door, ids, at, days)[1].starts
    enrolled: list[Seat] = []
    refused: list[Refusal] = []
    for first in range(0, len(ids), ENROLLED_PER_TRANSACTION_MAX):
        part = ids[first : first + ENROLLED_PER_TRANSACTION_MAX]
        some = app.database.write(partial(enroll_some, advance=app.advance, door=door, ids=part, now=at, starts=starts))
        enrolled += some.enrolled
        refused += some.refused
    enrolment = Enrolment(tuple(enrolled), tuple(refused))
    late = _late(app, door, enrolled, at)
    if as_json:
        print_json(enrolment_json(door, enrolment, late=late))
        return len(enrolled)
    if enrolled:
        boxes = Counter(seat.mailbox for seat in enrolled if seat.mailbox)
        from_ = " and ".join(f"{box} ({number:,})" if len(boxes) > 1 else box for box, number in boxes.items())
        people = counted(len(enrolled), "person", "people")
        click.echo(
            f"enrolled {people} in {door.bundle.sequence.id}, for {door.rep}" + (f" from {from_}" if from_ else "")
        )
        if starts:
            click.echo(starts_line(enrolled))
        overridden = sum(bool(seat.over) for seat in enrolled)
        if overridden:
            click.echo(
                f"{counted(overridden, 'refusal was', 'refusals were')} overridden by {door.by}; it stands on each"
                " person's timeline"
            )
        address = enrolled[0].prospect.address or "EMAIL"
        click.echo(f'"sequencer why {address}" says when the first touch goes, and why then')
        tell_daemon(app, at, err=True)
    tell_late(app.config, late, err=True)
    tell_refused(refused, err=True)
    return len(enrolled)


def _planned(app: App, door: Door, ids: Sequence[int], at: datetime, days: int | None) -> tuple[Enrolment, Rehearsal]:
    enrolment = app.database.read(lambda connection: admit(connection, app.config, door, ids, at))
    return enrolment, app.database.read(
        lambda connection: rehearse(connection, app.advance, door, enrolment.enrolled, at, days)
    )


def _late(app: App, door: Door, seats: Sequence[Seat], at: datetime) -> Late | None:
    """Who waits for the rep's return; nobody, without a question asked, for a rep who is never away."""
    if not seats or door.rep not in app.config.away_by_rep:
        return None
    prospects = app.database.read(
        lambda connection: would_be(connection, app.advance, door.bundle, seats, at, door.version)
    )
    return late_by_absence(door.bundle, prospects, at)


def _rehearse(app: App, door: Door, ids: Sequence[int], at: datetime, days: int | None, as_json: bool) -> int:
    enrolment, rehearsal = _planned(app, door, ids, at, days)
    late = late_by_absence(door.bundle, rehearsal.prospects, at)
    if as_json:
        print_json(enrolment_json(door, enrolment, rehearsal, late))
    else:
        tell_rehearsal(app, door, enrolment, rehearsal, late, at)
    return len(enrolment.enrolled)


COMMANDS: dict[str, click.Command] = {"enroll": enroll}
