"""What an enrolment would bring: each person's dates, and the load of each day on mailboxes and reps.

It is here because nobody should learn on Tuesday that they asked for 61 mails where 50 fit. Dates are core/outlook.py's
and core/foresight.py's, days to start on core/spread.py's; this reads what they need. It writes nothing.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from collections.abc import Sequence as Several
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import Connection

from sequencer.content.definition import Bundle
from sequencer.core.absence import Stretch
from sequencer.core.condition import parse
from sequencer.core.facts import Facts, account_fields, prospect_fields
from sequencer.core.foresight import Delay, Entrant, Futures, Load, foresee
from sequencer.core.gates import absence_then
from sequencer.core.ledger import Ledger
from sequencer.core.outlook import Expected, Outlook, outlook
from sequencer.core.people import Absence, OuterPause
from sequencer.core.progress import Progress
from sequencer.core.progress import enroll as first_progress
from sequencer.core.sequence import BranchStep, EmailStep, Sequence
from sequencer.core.spread import Starts, spread
from sequencer.core.window import local_date
from sequencer.engine.advance import Advance
from sequencer.engine.enrolling import Door, Seat, Start, enrolled_event
from sequencer.engine.mailbox_turns import ledger_of, touched_before
from sequencer.engine.project import limited_domain
from sequencer.engine.situation import Situation, facts_of, load
from sequencer.store import contacts, enrollments, people, scopes
from sequencer.store.rows import chunks

LIVE_COUNTED_MAX = 5_000
BY = "rehearsal"


@dataclass(frozen=True, slots=True)
class Prospective:
    """What somebody who is let in may expect; `facts` and `progress` are those of an enrollment that is not there.

    `alike`: who shares it has the same dates. `wanted`: the first touch if there were room for everybody. `delays`:
    what has to wait for room.
    """

    seat: Seat
    facts: Facts
    progress: Progress
    outlook: Outlook
    alike: int = 0
    wanted: Expected | None = None
    delays: tuple[Delay, ...] = ()

    @property
    def touches(self) -> tuple[Expected, ...]:
        return tuple(each for each in self.outlook.expected if each.kind in ("email", "task"))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`inside`: how many live enrollments share these mailboxes or this rep; `counted`: of how many the load knows.

    `days`: over how many business days the starts are spread, 0 if nobody asked for it. `stops`: pauses above people.
    """

    prospects: tuple[Prospective, ...]
    loads: tuple[Load, ...]
    inside: int
    counted: int
    days: int = 0
    stops: tuple[OuterPause, ...] = ()

    @property
    def starts(self) -> dict[int, Start]:
        """Who begins on a later day, by person."""
        return {each.seat.prospect.id: each.seat.start for each in self.prospects if each.seat.start}


@dataclass(frozen=True, slots=True)
class Late:
    """An absence for which the first touch of so many `people` waits, and the rep's first day `back`."""

    absence: Absence
    people: int
    back: date


def late_by_absence(bundle: Bundle, prospects: Several[Prospective], now: datetime) -> Late | None:
    """The absence that puts off the first touch of most of these people; None when none does."""
    kept: Counter[Stretch] = Counter()
    for each in prospects:
        step = bundle.sequence.step(each.progress.step)
        stretch = absence_then(step, each.progress, each.facts, now)
        if stretch and (isinstance(step, EmailStep) or stretch.cover is None):
            kept[stretch] += 1
    for stretch, count in kept.most_common(1):
        zone = prospects[0].facts.rep.timezone
        return Late(stretch.absence, count, local_date(zone, stretch.back))
    return None


def would_be(
    connection: Connection, advance: Advance, bundle: Bundle, seats: Several[Seat], now: datetime, version: int = 0
) -> list[Prospective]:
    """Each one's expected future in `bundle` from now on, if nobody answers and no limit is in the way.

    It is worked out once for all who are alike, so of variants it shows one that is likely for the first of them.
    """
    persons = {seat.prospect.id: seat.prospect for seat in seats}
    accounts = people.load_accounts(connection, {p.account_id for p in persons.values() if p.account_id})
    rules = people.suppressions_of(connection, persons.values())
    asked, groups = _fields_asked(bundle.sequence), dict[Hashable, int]()
    futures: dict[int, Outlook] = {}
    found = []
    for seat in seats:
        person = seat.prospect
        facts = facts_of(
            advance.around.config, bundle, str(seat.enrollment or f"new-{person.id}"), person,
            accounts.get(person.account_id or ""), seat.rep, seat.mailbox, suppressions=rules.get(person.id, ()),
        )  # fmt: skip
        progress = first_progress(enrolled_event(bundle.sequence.id, version, seat, BY), now)
        alike = groups.setdefault(_alike(facts, seat, asked), len(groups))
        if alike not in futures:
            futures[alike] = outlook(bundle.sequence, progress, facts, now)
        found.append(Prospective(seat, facts, progress, futures[alike], alike))
    return found


def _fields_asked(sequence: Sequence) -> list[str]:
    """The fields on which the sequence's conditions depend, as `prospect.stage`."""
    sources = [rule.when for rule in sequence.rules]
    for step in sequence.steps:
        sources += [step.when] if step.when else []
        sources += [step.branch] if isinstance(step, BranchStep) else []
    return sorted({name for source in sources for name in parse(source).fields})


def _alike(facts: Facts, seat: Seat, asked: Collection[str]) -> Hashable:
    """People who are alike in this have the same dates; only their variants may differ."""
    known = {"prospect": prospect_fields(facts.prospect), "account": account_fields(facts.account)} if asked else {}
    values = tuple(known[owner].get(name) for owner, _, name in (field.partition(".") for field in asked))
    person = facts.prospect
    reachable = (person.phone is None, person.address is None, person.country)
    suppressed = person.id if facts.suppressions else 0
    return (facts.zone, suppressed, reachable, seat.rep, seat.mailbox, seat.step, seat.start, values)


def rehearse(
    connection: Connection, advance: Advance, door: Door, seats: Several[Seat], now: datetime, days: int | None = 0
) -> Rehearsal:
    """The dates of these people with every limit counted, among all who are inside, and the load of each day.

    `days`: their starts are spread over so many business days, None: over as many as it takes, 0: not at all.
    """
    house = _House(connection, advance, door, now)
    newcomers = would_be(connection, advance, door.bundle, seats, now, door.version)
    wanted = [next(iter(one.touches), None) for one in newcomers]
    futures, inside, starts = Futures(now), house.inside(), Starts((), 0)
    if days != 0:
        ledger = house.ledger(newcomers)
        foresee(inside, ledger, now, futures)
        starts = spread(house.entrants(newcomers), ledger, futures, days)
        spread_over = [
            replace(one.seat, start=Start(at, local_date(one.facts.zone, at), starts.days) if at else None)
            for one, at in zip(newcomers, starts.at, strict=True)
        ]
        newcomers = would_be(connection, advance, door.bundle, spread_over, now, door.version)
        wanted = [next(iter(one.touches), None) for one in newcomers]
        futures = Futures(now)
    foreseen = foresee([*inside, *house.entrants(newcomers)], house.ledger(newcomers), now, futures)
    prospects = (
        replace(one, outlook=foreseen.futures[at], delays=foreseen.delays[at], wanted=first)
        for at, (one, first) in enumerate(zip(newcomers, wanted, strict=True), len(inside))
    )
    return Rehearsal(tuple(prospects), foreseen.loads, house.live, len(inside), starts.days, house.stops())


def entrants_inside(connection: Connection, situations: Iterable[Situation], now: datetime) -> list[Entrant]:
    """Those who are enrolled already, as core/foresight.py sees them, in the same order."""
    ones = list(situations)
    touched = contacts.recent_touches(connection, [one.enrollment.prospect_id for one in ones], now)
    return [
        Entrant(
            one.bundle.sequence, one.enrollment.progress, one.facts, ("inside", one.enrollment.id),
            limited_domain(one.facts.prospect.address or ""), touched_before(connection, one, touched), new=False,
        )
        for one in ones
    ]  # fmt: skip


@dataclass(slots=True)
class _House:
    """What is there already: who is inside, what is used up today."""

    connection: Connection
    advance: Advance
    door: Door
    now: datetime
    live: int = field(init=False, default=0)

    def inside(self) -> list[Entrant]:
        """Everybody who shares a mailbox or the rep, the first 5,000 of them."""
        ids = enrollments.live_for(self.connection, [box.address for box in self.door.mailboxes], self.door.rep)
        self.live, found = len(ids), []
        for part in chunks(ids[:LIVE_COUNTED_MAX]):
            situations = load(self.connection, self.advance.around, part, self.now)
            found += entrants_inside(self.connection, situations.values(), self.now)
        return found

    def entrants(self, newcomers: Several[Prospective]) -> list[Entrant]:
        touched = contacts.recent_touches(self.connection, [one.seat.prospect.id for one in newcomers], self.now)
        return [
            Entrant(
                self.door.bundle.sequence, one.progress, one.facts,
                (one.alike, tuple(touched.get(one.seat.prospect.id, ()))),
                limited_domain(one.seat.prospect.address or ""), tuple(touched.get(one.seat.prospect.id, ())),
            )
            for one in newcomers
        ]  # fmt: skip

    def ledger(self, newcomers: Several[Prospective]) -> Ledger:
        """A new one with what today has used up."""
        accounts = {one.seat.prospect.account_id or "" for one in newcomers} - {""}
        domains = {limited_domain(one.seat.prospect.address or "") or "" for one in newcomers} - {""}
        steps = self.door.bundle.sequence.steps
        return ledger_of(self.connection, self.advance.around, self.door.rep, steps, accounts, domains, self.now)

    def stops(self) -> tuple[OuterPause, ...]:
        """Pauses above people that keep these from being written to."""
        paused = scopes.paused_scopes(self.connection)
        above = (scopes.RESTORED, scopes.EVERYTHING, ("sequence", self.door.bundle.sequence.id))
        return tuple(paused[scope] for scope in above if scope in paused)
