"""What an enrolment would bring: each person's dates, and the load of each day on mailboxes and reps.

It is here because nobody should learn on Tuesday that they asked for 61 mails where 50 fit. It asks core/outlook.py as
everything does that looks ahead, and writes nothing.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from sequencer.content.definition import Bundle
from sequencer.core import events as e
from sequencer.core.absence import Stretch
from sequencer.core.capacity import effective_cap
from sequencer.core.condition import parse
from sequencer.core.facts import Facts, account_fields, prospect_fields
from sequencer.core.gates import absence_then
from sequencer.core.outlook import Outlook, outlook
from sequencer.core.people import Absence, Mailbox, Rep
from sequencer.core.progress import Progress
from sequencer.core.progress import enroll as first_progress
from sequencer.core.sequence import BranchStep, EmailStep, Sequence
from sequencer.core.window import local_date
from sequencer.engine.advance import Advance
from sequencer.engine.enrolling import Door, Seat
from sequencer.engine.situation import facts_of, load
from sequencer.errors import InvariantBroken
from sequencer.store import enrollments, people, sends
from sequencer.store.rows import chunks

LIVE_COUNTED_MAX = 500


@dataclass(frozen=True, slots=True)
class Prospective:
    """What somebody who is let in may expect; `facts` and `progress` are those of an enrollment that is not there."""

    seat: Seat
    facts: Facts
    progress: Progress
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class DayLoad:
    """Touches on one local day: `new` ones, those that people inside bring `already`, and how many fit."""

    what: str
    day: date
    new: int
    already: int
    capacity: int

    @property
    def fits(self) -> bool:
        return self.new + self.already <= self.capacity


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
    asked, futures = _fields_asked(bundle.sequence), dict[Hashable, Outlook]()
    found = []
    for seat in seats:
        person = seat.prospect
        facts = facts_of(
            advance.around.config, bundle, str(seat.enrollment or f"new-{person.id}"), person,
            accounts.get(person.account_id or ""), seat.rep, seat.mailbox, suppressions=rules.get(person.id, ()),
        )  # fmt: skip
        event = e.Enrolled(
            sequence=bundle.sequence.id, version=version, step=seat.step, rep=seat.rep, mailbox=seat.mailbox,
            by="rehearsal",
        )  # fmt: skip
        progress = first_progress(event, now)
        alike = _alike(facts, seat, asked)
        if alike not in futures:
            futures[alike] = outlook(bundle.sequence, progress, facts, now)
        found.append(Prospective(seat, facts, progress, futures[alike]))
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
    known = {"prospect": prospect_fields(facts.prospect), "account": account_fields(facts.account)}
    values = tuple(known[owner].get(name) for owner, _, name in (field.partition(".") for field in asked))
    person = facts.prospect
    reachable = (person.phone is None, person.address is None, person.country)
    suppressed = person.id if facts.suppressions else 0
    return (facts.zone, suppressed, reachable, seat.rep, seat.mailbox, seat.step, values)


def load_of(
    connection: Connection, advance: Advance, door: Door, prospects: Several[Prospective], now: datetime
) -> list[DayLoad]:
    """The days on which these people bring work, mailbox by mailbox, then the rep's calls.

    People inside are counted with what they expect too, the first 500 of them.
    """
    new = _Counts(door.rep)
    for each in prospects:
        new.add(each.facts, each.seat.rep, each.outlook)
    already = _Counts(door.rep)
    inside = enrollments.live_by_mailbox(connection, [box.address for box in door.mailboxes])
    for part in chunks(inside[:LIVE_COUNTED_MAX]):
        for situation in load(connection, advance.around, part, now).values():
            expected = _outlook_of(situation.bundle, situation.enrollment.progress, situation.facts, now)
            already.add(situation.facts, situation.enrollment.rep, expected)
    loads = [each for box in door.mailboxes for each in _mail_loads(connection, box, new.mails, already.mails, now)]
    rep = advance.around.config.reps_by_name[door.rep]
    return [*loads, *_call_loads(rep, new.calls, already.calls)]


def _outlook_of(bundle: Bundle, progress: Progress, facts: Facts, now: datetime) -> Outlook:
    try:
        return outlook(bundle.sequence, progress, facts, now)
    except InvariantBroken:
        return Outlook(())


class _Counts:
    """Mails by mailbox and its local day, calls of one rep by their local day."""

    def __init__(self, rep: str) -> None:
        self._rep = rep
        self.mails: Counter[tuple[str, date]] = Counter()
        self.calls: Counter[date] = Counter()

    def add(self, facts: Facts, rep: str, expected: Outlook) -> None:
        for each in expected.expected:
            if each.kind == "email" and facts.mailbox:
                self.mails[facts.mailbox.address, local_date(facts.mailbox.timezone, each.at)] += 1
            elif each.kind == "task" and each.detail == "call" and rep == self._rep:
                self.calls[local_date(facts.rep.timezone, each.at)] += 1


def _mail_loads(
    connection: Connection,
    box: Mailbox,
    new: Mapping[tuple[str, date], int],
    already: Mapping[tuple[str, date], int],
    now: datetime,
) -> Iterator[DayLoad]:
    """A ramping mailbox grows with each day on which it sends."""
    today = local_date(box.timezone, now)
    used = sends.used(connection, "mailbox", [box.address], today).get(box.address, 0)
    sending_days = sends.sending_days(connection, box.address, today)
    for day in _days(box.address, new, already):
        count = new.get((box.address, day), 0)
        before = already.get((box.address, day), 0) + (used if day == today else 0)
        if count:
            yield DayLoad(f"mails from {box.address}", day, count, before, effective_cap(box, sending_days))
        sending_days += 1


def _days(address: str, *counts: Iterable[tuple[str, date]]) -> list[date]:
    return sorted({day for each in counts for mailbox, day in each if mailbox == address})


def _call_loads(rep: Rep, new: Mapping[date, int], already: Mapping[date, int]) -> Iterator[DayLoad]:
    for day in sorted(new):
        yield DayLoad(f"calls of {rep.name}", day, new[day], already.get(day, 0), rep.calls_per_day)
