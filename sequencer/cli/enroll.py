"""`enroll`: people into a sequence, or with --dry-run what that would bring."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import click

from sequencer.app import App
from sequencer.cli.check import counted
from sequencer.cli.plain_text import plain
from sequencer.cli.session import acting, as_option, json_option, now, opened, print_json, when
from sequencer.cli.show import table
from sequencer.core.outlook import Expected
from sequencer.core.reason import SENTENCE
from sequencer.engine.absence import absence_place
from sequencer.engine.candidates import candidates, name_of
from sequencer.engine.enrolling import (
    ENROLLED_PER_TRANSACTION_MAX,
    Door,
    Enrolment,
    Refusal,
    Seat,
    admit,
    open_door,
)
from sequencer.engine.enrolling import enroll as enroll_some
from sequencer.engine.rehearsal import DayLoad, Late, Prospective, late_by_absence, load_of, would_be
from sequencer.engine.why_words import mend_words
from sequencer.errors import InputError

SHOWN_MAX = 20


@click.command(epilog="Example: sequencer enroll vp-engineering --list q4 --dry-run --as ana")
@click.argument("sequence", metavar="SEQ")
@click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="This person; may be given several times.")
@click.option("--list", "list_name", metavar="NAME", help="Everybody on this list.")
@click.option("--where", metavar="EXPR", help='Everybody of whom this is true, as in: prospect.country == "ES"')
@click.option(
    "--dry-run", is_flag=True, help="Write nothing: show who is refused, the dates, and the load of each day."
)
@click.option("--step", metavar="ID", help="Begin at this step instead of the first one.")
@click.option(
    "--override", metavar="REASON", help="Enrol although the person answered or was in it lately; needs --as."
)
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
    step: str | None,
    override: str | None,
    as_name: str | None,
    as_json: bool,
) -> None:
    """Put people into a sequence. Whoever may not enter is named with the reason; the others are enrolled.

    Exit 1: nobody was let in.
    """
    if sum([bool(emails), list_name is not None, where is not None]) != 1:
        raise InputError("say whom to enrol, by one of --email ADDRESS, --list NAME and --where EXPR")
    if override is not None and not (as_name and override.strip()):
        raise InputError('--override needs a reason and a name: --override "asked me to write again" --as REP')
    with opened(ctx) as app:
        by, at = acting(app.config, as_name), now()
        door = app.database.read(
            lambda connection: open_door(
                connection, app.advance, sequence, by, by, step=step, override=(override or "").strip()
            )
        )
        ids = app.database.read(
            lambda connection: candidates(connection, emails=emails, list_name=list_name, where=where)
        )
        if dry_run:
            let_in = _rehearse(app, door, ids, at, as_json)
        else:
            let_in = _enroll(app, door, ids, at, as_json)
    if not let_in:
        ctx.exit(1)


def _enroll(app: App, door: Door, ids: Sequence[int], at: datetime, as_json: bool) -> int:
    enrolled: list[Seat] = []
    refused: list[Refusal] = []
    for first in range(0, len(ids), ENROLLED_PER_TRANSACTION_MAX):
        part = ids[first : first + ENROLLED_PER_TRANSACTION_MAX]
        some = app.database.write(partial(enroll_some, advance=app.advance, door=door, ids=part, now=at))
        enrolled += some.enrolled
        refused += some.refused
    enrolment = Enrolment(tuple(enrolled), tuple(refused))
    late = _late(app, door, enrolled, at)
    if as_json:
        print_json(_as_json(door, enrolment, late=late))
        return len(enrolled)
    if enrolled:
        boxes = Counter(seat.mailbox for seat in enrolled if seat.mailbox)
        from_ = " and ".join(f"{box} ({number:,})" if len(boxes) > 1 else box for box, number in boxes.items())
        people = counted(len(enrolled), "person", "people")
        click.echo(
            f"enrolled {people} in {door.bundle.sequence.id}, for {door.rep}" + (f" from {from_}" if from_ else "")
        )
        overridden = sum(seat.over is not None for seat in enrolled)
        if overridden:
            click.echo(
                f"{counted(overridden, 'refusal was', 'refusals were')} overridden by {door.by}; noted with each person"
            )
    _tell_late(app, late)
    _tell_refused(refused)
    return len(enrolled)


def _rehearse(app: App, door: Door, ids: Sequence[int], at: datetime, as_json: bool) -> int:
    enrolment = app.database.read(lambda connection: admit(connection, app.config, door, ids, at))
    prospects = app.database.read(
        lambda connection: would_be(connection, app.advance, door.bundle, enrolment.enrolled, at, door.version)
    )
    loads = app.database.read(lambda connection: load_of(connection, app.advance, door, prospects, at))
    late = late_by_absence(door.bundle, prospects, at)
    if as_json:
        print_json(_as_json(door, enrolment, prospects, loads, late))
        return len(prospects)
    rows = [(name_of(each.seat.prospect), *_dates(each), each.seat.mailbox) for each in prospects[:SHOWN_MAX]]
    columns = ("person", "first touch", "then", "from")
    # Where all go from one mailbox, the load below names it.
    width = len(columns) if len(door.mailboxes) > 1 else len(columns) - 1
    table(columns[:width], [row[:width] for row in rows], "nobody would be enrolled")
    if len(prospects) > SHOWN_MAX:
        click.echo(f"… and {len(prospects) - SHOWN_MAX:,} more (--json has all)")
    click.echo()
    if loads:
        table(("day", "touches", "new", "already", "capacity", ""), [_load_row(load) for load in loads], "")
        click.echo()
    _tell_late(app, late)
    _tell_refused(enrolment.refused)
    people = counted(len(prospects), "person", "people")
    click.echo(f"dry run, nothing was written: {people} would be enrolled, {len(enrolment.refused):,} refused")
    return len(prospects)


def _late(app: App, door: Door, seats: Sequence[Seat], at: datetime) -> Late | None:
    """Who waits for the rep's return; nobody, without a question asked, for a rep who is never away."""
    if not seats or door.rep not in app.config.away_by_rep:
        return None
    prospects = app.database.read(
        lambda connection: would_be(connection, app.advance, door.bundle, seats, at, door.version)
    )
    return late_by_absence(door.bundle, prospects, at)


def _tell_late(app: App, late: Late | None) -> None:
    if late is None:
        return
    who, place = late.absence.rep, absence_place(app.config, late.absence)
    waits = counted(late.people, "first touch waits", "first touches wait")
    click.echo(
        f"note: {waits} until {who} is back on {late.back:%a %d %b}: {who} is away"
        f" from {late.absence.first:%d %b} to {late.absence.last:%d %b} ({place})",
        err=True,
    )


def _touches(each: Prospective) -> list[Expected]:
    return [expected for expected in each.outlook.expected if expected.kind in ("email", "task")]


def _dates(each: Prospective) -> tuple[str, str]:
    """The first touch with the person's own time beside it, and the days of the others; reviews left out."""
    touches = _touches(each)
    if not touches:
        gate = each.outlook.stopped_by
        return "—", mend_words(gate.frees_by, each.seat.prospect.address or "EMAIL") if gate else "no touch"
    zone = each.facts.zone
    city = zone.key.rpartition("/")[2].replace("_", " ")
    days = {str(one.step): f"{one.at.astimezone(zone):%d %b}" for one in touches}
    first = touches[0]
    return when(first.at, {city: zone}), ", ".join(f"{step} {day}" for step, day in days.items() if step != first.step)


def _load_row(load: DayLoad) -> tuple[str, str, str, str, str, str]:
    too_many = load.new + load.already - load.capacity
    mark = "" if load.fits else f"{too_many} too many: they go later"
    return f"{load.day:%a %d %b}", load.what, f"+{load.new}", str(load.already), str(load.capacity), mark


def _tell_refused(refused: Sequence[Refusal]) -> None:
    if not refused:
        return
    click.echo(f"refused {counted(len(refused), 'person', 'people')}:", err=True)
    for each in refused[:SHOWN_MAX]:
        click.echo(f"  {plain(f'{name_of(each.prospect)}: {each.sentence}')}", err=True)
    if len(refused) > SHOWN_MAX:
        click.echo(f"  … and {len(refused) - SHOWN_MAX:,} more (--json has all); of all of them", err=True)
        for reason, number in Counter(each.reason for each in refused).most_common():
            click.echo(f"  {number:,}: {SENTENCE[reason]}", err=True)


def _as_json(
    door: Door,
    enrolment: Enrolment,
    prospects: Sequence[Prospective] = (),
    loads: Sequence[DayLoad] = (),
    late: Late | None = None,
) -> dict[str, object]:
    futures = {each.seat.prospect.id: each for each in prospects}

    def seats() -> Iterator[dict[str, object]]:
        for seat in enrolment.enrolled:
            entry: dict[str, object] = {
                "prospect": seat.prospect.id,
                "email": seat.prospect.address,
                "mailbox": seat.mailbox,
                "rep": seat.rep,
                "enrollment": seat.enrollment or None,
            }
            if seat.prospect.id in futures:
                touches = _touches(futures[seat.prospect.id])
                entry["touches"] = [
                    {"step": each.step, "kind": each.detail if each.kind == "task" else each.kind, "at": each.at}
                    for each in touches
                ]
            yield entry

    return {
        "sequence": door.bundle.sequence.id,
        "version": door.version,
        "enrolled": list(seats()),
        "refused": [
            {
                "email": each.prospect.address,
                "prospect": each.prospect.id,
                "reason": each.reason,
                "sentence": each.sentence,
            }
            for each in enrolment.refused
        ],
        "load": [
            {"what": each.what, "day": each.day, "new": each.new, "already": each.already, "capacity": each.capacity}
            for each in loads
        ],
        "waits_for_rep": {"rep": late.absence.rep, "people": late.people, "back": late.back} if late else None,
    }


COMMANDS: dict[str, click.Command] = {"enroll": enroll}
