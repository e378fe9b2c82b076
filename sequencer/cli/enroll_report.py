"""What `enroll` says: who is refused, when each person is written to and why then, which days are too full.

Apart from cli/enroll.py, which parses and writes. Names are capped on the terminal; `--json` has all of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

import click
from rich.text import Text

from sequencer.app import App
from sequencer.cli.enroll_delays import delay_lines, gap_lines, limit_words, unplaced_lines
from sequencer.cli.plain_text import counted, plain
from sequencer.cli.session import when
from sequencer.cli.show import cell, line, table
from sequencer.config import Config
from sequencer.core.decide import decide
from sequencer.core.foresight import Load
from sequencer.core.ledger import Kind
from sequencer.core.outlook import Expected
from sequencer.core.reason import SENTENCE, Gate, Reason
from sequencer.engine.absence import absence_place
from sequencer.engine.candidates import name_of
from sequencer.engine.enrolling import Door, Enrolment, Refusal, Seat
from sequencer.engine.leaving import daemon_gates
from sequencer.engine.rehearsal import Late, Prospective, Rehearsal
from sequencer.engine.why_words import expected_words, gate_words, mend_words

__all__ = ["enrolment_json", "starts_line", "tell_daemon", "tell_late", "tell_refused", "tell_rehearsal"]

GROUPS_SHOWN_MAX = 12
NAMES_SHOWN_MAX = 5
DAYS_SHOWN_MAX = 20
STARTS_SHOWN_MAX = 5

# The worst first: what nobody may override, what somebody has to mend, what is taken, what only time heals.
_WORST_FIRST = (
    Reason.SUPPRESSED, Reason.BAD_ADDRESS, Reason.NO_ADDRESS, Reason.ALREADY_ENROLLED, Reason.EXCLUSIVE,
    Reason.COOL_OFF, Reason.REENROLL,
)  # fmt: skip
_TOUCHES: dict[Kind, str] = {"mailbox": "mails from", "call": "calls of", "connect": "connects of"}
_OVERRIDE = ': --override --as REP --reason "…" enrols them all the same'
_REFUSED = {
    Reason.SUPPRESSED: "may not be contacted; nobody can override this",
    Reason.BAD_ADDRESS: "have no address that works",
    Reason.NO_ADDRESS: "have no address to write to",
    Reason.ALREADY_ENROLLED: "already in this sequence",
    Reason.EXCLUSIVE: "already in another exclusive sequence",
    Reason.COOL_OFF: "answered a short while ago" + _OVERRIDE,
    Reason.REENROLL: "were in this sequence a short while ago" + _OVERRIDE,
}


def tell_rehearsal(
    app: App, door: Door, enrolment: Enrolment, rehearsal: Rehearsal, late: Late | None, now: datetime
) -> None:
    """The whole report of a dry run, on standard output."""
    if enrolment.refused:
        tell_refused(enrolment.refused, err=False)
        click.echo()
    if rehearsal.prospects:
        _tell_dates(app.config, door, rehearsal, now)
        _tell_load(rehearsal, now)
        for each in (*unplaced_lines(door, rehearsal), *gap_lines(rehearsal), *delay_lines(app.config, rehearsal)):
            line(each, "yellow")
        _tell_spread(rehearsal)
        tell_late(app.config, late, err=False)
        _tell_stops(app, door, rehearsal, now)
    people = counted(len(rehearsal.prospects), "person", "people")
    click.echo(f"dry run, nothing was written: {people} would be enrolled, {len(enrolment.refused):,} refused")
    if rehearsal.prospects:
        click.echo("the same command without --dry-run enrols them")


def tell_refused(refused: Sequence[Refusal], err: bool) -> None:
    """Who is not let in, by reason, the worst first."""
    if not refused:
        return
    click.echo(f"refused {counted(len(refused), 'person', 'people')}:", err=err)
    by_reason: dict[Reason, list[Refusal]] = defaultdict(list)
    for each in refused:
        by_reason[each.reason].append(each)
    for reason in sorted(by_reason, key=_WORST_FIRST.index):
        some = by_reason[reason]
        click.echo(f"  {len(some):,} {_REFUSED[reason]}", err=err)
        for each in some[:NAMES_SHOWN_MAX]:
            click.echo(f"    {plain(f'{name_of(each.prospect)}: {each.sentence}')}", err=err)
        if len(some) > NAMES_SHOWN_MAX:
            click.echo(f"    and {len(some) - NAMES_SHOWN_MAX:,} more (--json has all)", err=err)


def tell_late(config: Config, late: Late | None, err: bool) -> None:
    """Whose first touch waits for the rep's return."""
    if late is None:
        return
    who, place = late.absence.rep, absence_place(config, late.absence)
    waits = counted(late.people, "first touch waits", "first touches wait")
    click.echo(
        f"note: {waits} until {who} is back on {late.back:%a %d %b}: {who} is away"
        f" from {late.absence.first:%d %b} to {late.absence.last:%d %b} ({place})",
        err=err,
    )


def _tell_dates(config: Config, door: Door, rehearsal: Rehearsal, now: datetime) -> None:
    """Everybody's dates in their own zone; people with the same dates are told together."""
    groups: dict[tuple[object, ...], list[Prospective]] = defaultdict(list)
    for one in rehearsal.prospects:
        groups[one.facts.zone.key, one.seat.mailbox, _local(one), one.seat.start].append(one)
    ordered = sorted(groups.values(), key=lambda some: [each.at for each in some[0].touches[:1]])
    for some in ordered[:GROUPS_SHOWN_MAX]:
        _tell_group(config, door, some, now)
    if rest := ordered[GROUPS_SHOWN_MAX:]:
        number = sum(map(len, rest))
        last = max((one.touches[0].at for some in rest for one in some[:1] if one.touches), default=None)
        until = f", the last begins {when(last)}" if last else ""
        click.echo(f"and {counted(number, 'more person', 'more people')} with other dates{until} (--json has all)\n")


def _local(one: Prospective) -> tuple[tuple[str, str], ...]:
    return tuple((expected_words(each), f"{each.at.astimezone(one.facts.zone):%F %R}") for each in _shown(one))


def _shown(one: Prospective) -> list[Expected]:
    """Touches as a rep counts them: a mail that is approved first is one, variants are alike here."""
    return [replace(each, detail="" if each.kind == "email" else each.detail) for each in one.touches]


def _tell_group(config: Config, door: Door, some: Sequence[Prospective], now: datetime) -> None:
    first = some[0]
    names = ", ".join(name_of(one.seat.prospect) for one in some[:NAMES_SHOWN_MAX])
    more = f" and {len(some) - NAMES_SHOWN_MAX:,} more" if len(some) > NAMES_SHOWN_MAX else ""
    shown = _shown(first)
    head = f"{expected_words(shown[0])} {_in_both_zones(first, shown[0].at)}" if shown else "no date"
    from_ = f", from {first.seat.mailbox}" if first.seat.mailbox and len(door.mailboxes) > 1 else ""
    line(f"{head}: {counted(len(some), 'person', 'people')}{from_}", "bold")
    click.echo(f"  {plain(names)}{more}")
    if shown[1:]:
        click.echo("  then " + ", ".join(f"{expected_words(each)} {_theirs(first, each.at)}" for each in shown[1:]))
    click.echo(f"  {plain(_because(config, door, first, now))}")
    zones = list(dict.fromkeys(one.facts.zone_detail for one in some))
    click.echo(f"  their time: {plain(' or '.join(zones))}\n")


def _theirs(one: Prospective, at: datetime) -> str:
    return f"{at.astimezone(one.facts.zone):%a %d %b %H:%M}"


def _in_both_zones(one: Prospective, at: datetime) -> str:
    """The person's own time, with the reader's where that differs."""
    theirs, here = _theirs(one, at), when(at)
    city = one.facts.zone.key.rpartition("/")[2].replace("_", " ")
    return f"{theirs} in {city}" + (f" ({here} here)" if here != theirs else "")


def _because(config: Config, door: Door, one: Prospective, now: datetime) -> str:
    """Why the first touch is then."""
    if not one.touches:
        gate = one.outlook.stopped_by
        address = one.seat.prospect.address or "EMAIL"
        return f"why: {mend_words(gate.frees_by, address)}" if gate else "why: the sequence has no touch for them"
    delay = next((each for each in one.delays if each.step == one.touches[0].step), None)
    if delay:
        return f"why then: {limit_words(config, one, delay.gate.reason)}"
    if one.seat.start:
        return f"why then: spread over {one.seat.start.days} days by {door.by}"
    gates = decide(door.bundle.sequence, one.progress, one.facts, now).gates
    gate = next((each for each in gates if not each.passed), None)
    window = door.bundle.sequence.settings.window or config.policy_section.window
    name = window if isinstance(window, str) else "the sequence's own"
    hours = f"their hours ({name})"
    match gate:
        case None:
            return f"why then: {hours} are open now"
        case Gate(reason=Reason.WINDOW_CLOSED):
            return f"why then: {hours} open then"
        case Gate(reason=Reason.HOLIDAY, detail=holiday):
            return f"why then: {hours} open then, after a holiday where they are ({holiday})"
    return f"why then: {gate_words(replace(gate, frees_at=None), when)}"


def _tell_load(rehearsal: Rehearsal, now: datetime) -> None:
    """A calendar: a row a day, a column a mailbox and a kind of work."""
    columns = list(dict.fromkeys((load.slot.kind, load.slot.key) for load in rehearsal.loads if load.new))
    days: dict[date, dict[tuple[Kind, str], Load]] = defaultdict(dict)
    for load in rehearsal.loads:
        if load.new:
            days[max(load.slot.day, now.date())][load.slot.kind, load.slot.key] = load
    columns.sort(key=lambda column: (list(_TOUCHES).index(column[0]), column[1]))
    rows = [
        (f"{day:%a %d %b}", *(_cell(days[day].get(column)) for column in columns))
        for day in sorted(days)[:DAYS_SHOWN_MAX]
    ]
    if not rows:
        return
    heads = [f"{_TOUCHES[kind]} {key}{' (week)' if kind == 'connect' else ''}" for kind, key in columns]
    table(("day", *heads), rows)
    if len(days) > DAYS_SHOWN_MAX:
        click.echo(f"and {len(days) - DAYS_SHOWN_MAX:,} more days until {max(days):%a %d %b %Y} (--json has all)")
    inside = f"{rehearsal.counted:,} people inside are counted too" if rehearsal.counted else "nobody else is inside"
    if rehearsal.inside > rehearsal.counted:
        inside = f"of {rehearsal.inside:,} people inside the first {rehearsal.counted:,} are counted too"
    click.echo(f"(expected / room, if nobody answers; {inside})\n")


def _cell(load: Load | None) -> Text | str:
    if load is None:
        return ""
    inside = f" ({load.already:,} inside)" if load.already else ""
    text = f"{load.new + load.already:,}/{load.capacity:,}{inside}"
    return cell(f"{text} over by {load.over:,}", "bold yellow") if load.over else text


def _tell_spread(rehearsal: Rehearsal) -> None:
    over = any(load.over and load.new for load in rehearsal.loads)
    if rehearsal.days:
        click.echo(starts_line(one.seat for one in rehearsal.prospects))
        if over:
            line("some days are still too full: fewer people, more days, or --spread without a number", "yellow")
    elif over:
        click.echo("add --spread: everybody starts on the first day that has room (--spread 5d: over 5 business days)")


def starts_line(seats: Iterable[Seat]) -> str:
    """How many start on which day of theirs."""
    days = Counter(seat.start.day if seat.start else None for seat in seats)
    ordered = sorted(days.items(), key=lambda item: item[0] or date.min)
    said = [f"{number:,} {f'on {day:%a %d %b}' if day else 'on the first day'}" for day, number in ordered]
    more = f", and on {len(said) - STARTS_SHOWN_MAX:,} more days" if len(said) > STARTS_SHOWN_MAX else ""
    return f"starts: {', '.join(said[:STARTS_SHOWN_MAX])}{more}"


def _tell_stops(app: App, door: Door, rehearsal: Rehearsal, now: datetime) -> None:
    """What keeps everybody from being written to, and mailboxes that are left out."""
    for address, why in door.left_out.items():
        line(f"not used: {address} {why}", "yellow")
    for stop in rehearsal.stops:
        if stop.scope == "restored":
            line(f'nothing goes yet: {SENTENCE[Reason.RESTORED]}; "sequencer db reconcile" mends it', "yellow")
            continue
        what, resume = ("all sending", "--all") if stop.scope == "all" else ("the sequence", f"--sequence {stop.key}")
        line(f'nothing goes yet: {what} is paused; "sequencer resume {resume}" lets it go on', "yellow")
    tell_daemon(app, now, err=False)


def tell_daemon(app: App, now: datetime, err: bool) -> None:
    """That nobody is there to send, where that is so."""
    for gate in app.database.read(lambda connection: daemon_gates(connection, now)):
        if not gate.passed:
            click.secho(plain(f"nothing goes yet: the daemon: {gate_words(gate, when)}"), fg="yellow", err=err)


def enrolment_json(
    door: Door, enrolment: Enrolment, rehearsal: Rehearsal | None = None, late: Late | None = None
) -> dict[str, object]:
    """All of it; instants in ISO 8601, UTC, and beside them the person's zone."""
    futures = {one.seat.prospect.id: one for one in rehearsal.prospects} if rehearsal else {}
    seats = [futures[seat.prospect.id].seat if futures else seat for seat in enrolment.enrolled]
    found: dict[str, object] = {
        "sequence": door.bundle.sequence.id,
        "version": door.version,
        "enrolled": [{**_seat_json(seat), **_future_json(futures.get(seat.prospect.id))} for seat in seats],
        "refused": [
            {
                "email": each.prospect.address,
                "prospect": each.prospect.id,
                "reason": each.reason,
                "sentence": each.sentence,
            }
            for each in enrolment.refused
        ],
        "refused_by_reason": Counter(each.reason for each in enrolment.refused),
        "mailboxes_left_out": dict(door.left_out),
        "waits_for_rep": {"rep": late.absence.rep, "people": late.people, "back": late.back} if late else None,
    }
    if rehearsal:
        found |= {
            "spread_days": rehearsal.days,
            "inside": rehearsal.inside,
            "inside_counted": rehearsal.counted,
            "load": [_load_json(load) for load in rehearsal.loads],
        }
    return found


def _seat_json(seat: Seat) -> dict[str, object]:
    return {
        "prospect": seat.prospect.id,
        "email": seat.prospect.address,
        "mailbox": seat.mailbox,
        "rep": seat.rep,
        "enrollment": seat.enrollment or None,
        "starts": seat.start.day if seat.start else None,
        "overridden": [each.reason for each in seat.over],
    }


def _future_json(one: Prospective | None) -> dict[str, object]:
    if one is None:
        return {}
    return {
        "zone": one.facts.zone.key,
        "touches": [
            {
                "step": each.step,
                "kind": each.detail if each.kind == "task" else each.kind,
                "at": each.at,
                "local": each.at.astimezone(one.facts.zone),
            }
            for each in one.touches
        ],
        "delays": [{"step": each.step, "wanted": each.wanted, "reason": each.gate.reason} for each in one.delays],
    }


def _load_json(load: Load) -> dict[str, object]:
    slot = load.slot
    return {
        "what": f"{_TOUCHES[slot.kind]} {slot.key}",
        "kind": slot.kind,
        "key": slot.key,
        "day": slot.day,
        "new": load.new,
        "already": load.already,
        "capacity": load.capacity,
        "over": load.over,
    }
