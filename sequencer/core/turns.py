"""When the next touch of one enrollment happens among all that share its mailbox and its rep: to the second.

core/outlook.py dates one enrollment as if it were alone, core/foresight.py says on which days many do not fit. Here
the queue is played from now on as dispatch will empty it: `admit` says who goes, one gap after the other, and whoever
has gone comes again with the next step. It assumes what outlook assumes, but of tasks: when a rep does one nobody
knows, so who waits for a task is not counted after it.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import islice

from sequencer.core.absence import away_at
from sequencer.core.capacity import Admission, Due, Usage, admit, effective_cap
from sequencer.core.facts import Facts
from sequencer.core.ledger import Ledger, Slot, slots_of
from sequencer.core.outlook import Coming, Course, course
from sequencer.core.people import Mailbox
from sequencer.core.progress import Progress
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import Sequence
from sequencer.core.timing import Hours, hours_of, leaves_before, opening_at_work
from sequencer.core.window import local_date, start_of_day
from sequencer.errors import InvariantBroken

__all__ = ["Turn", "Turns", "Waiter"]

PLAYED_DAYS_MAX = 60
TOGETHER_MAX = 500
WEEK = timedelta(days=7)
_NOT_QUEUED_YET = 1 << 40
_OF_THE_MAILBOX = frozenset({Reason.CAP, Reason.GAP, Reason.TURN})


@dataclass(frozen=True, slots=True)
class Waiter:
    """One live enrollment. `queued`: its mail that is in the queue: its row's number, and since when it is due.

    `domain`: the recipient's, None for free-mail. `touched`: instants of the last 7 days, all sequences.
    """

    key: int
    sequence: Sequence
    progress: Progress
    facts: Facts
    domain: str | None = None
    touched: tuple[datetime, ...] = ()
    queued: tuple[int, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """When the next touch happens, None when it has no turn within 60 days; `gate`: the first that made it wait.

    `usage`: what is used of the limits when it goes.
    """

    at: datetime | None
    gate: Gate | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(slots=True)
class _Place:
    """One waiter on the way through the queue."""

    waiter: Waiter
    course: Course
    coming: Coming
    number: int = _NOT_QUEUED_YET
    gate: Gate | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    hours: Hours | None = None

    @property
    def group(self) -> "_Group":
        return (self.coming.first_touch, self.waiter.sequence.id)


_Group = tuple[bool, str]


@dataclass(slots=True)
class _Box:
    """A mailbox's queue by number; `wake_at`: when to look at it again.

    `order`: of first touches and of others the numbers of each sequence, the oldest first, as `admit` takes them.
    `new`: the numbers for which nobody asked yet.
    """

    mailbox: Mailbox
    last_sent_at: datetime | None
    queue: dict[int, _Place] = field(default_factory=dict)
    order: dict[_Group, list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))
    new: set[int] = field(default_factory=set)
    wake_at: datetime | None = None

    def put(self, place: _Place) -> None:
        self.queue[place.number] = place
        self.new.add(place.number)
        insort(self.order[place.group], (place.coming.due_at, place.number))

    def take(self, number: int) -> _Place:
        place = self.queue.pop(number)
        self.new.discard(number)
        waiting = self.order[place.group]
        del waiting[bisect_left(waiting, (place.coming.due_at, number))]
        return place


class Turns:
    """`ledger`: what is used of every limit today; it is filled. `last_sent_at`: of each mailbox."""

    def __init__(
        self,
        waiters: Iterable[Waiter],
        ledger: Ledger,
        last_sent_at: Mapping[str, datetime | None],
        now: datetime,
    ) -> None:
        self._ledger, self._now, self._ends = ledger, now, now + timedelta(days=PLAYED_DAYS_MAX)
        self._boxes = {
            address: _Box(replace(box, connections=TOGETHER_MAX), last_sent_at.get(address))
            for address, box in ledger.mailboxes.items()
        }
        self._touches: dict[int, list[datetime]] = {}
        self._turns: dict[int, Turn] = {}
        self._waiting: dict[int, _Place] = {}
        self._coming: list[tuple[datetime, int, _Place]] = []
        self._number = _NOT_QUEUED_YET
        for waiter in waiters:
            self._join(waiter)
        heapify(self._coming)

    def turn_of(self, key: int) -> Turn | None:
        """The turn of one enrollment; None for one that waits for no turn. The queue is played no further than that."""
        if key not in self._waiting:
            return None
        while key not in self._turns:
            at = self._next_at()
            if at is None or at > self._ends:
                self._turns[key] = Turn(None, self._waiting[key].gate)
                break
            self._instant(at)
        return self._turns[key]

    def _join(self, waiter: Waiter) -> None:
        known = self._touches.setdefault(waiter.facts.prospect.id, [])
        known.extend((Counter(waiter.touched) - Counter(known)).elements())  # of another enrollment they are the same
        ahead = course(waiter.sequence, waiter.progress, waiter.facts, self._now)
        try:
            coming = next(ahead, None)
        except InvariantBroken:
            return
        if coming is None:
            return
        place = _Place(waiter, ahead, coming)
        if waiter.queued and coming.under_way and coming.entry.kind == "email":
            number, due_at = waiter.queued
            place.number, place.coming = number, replace(coming, due_at=due_at)
        if coming.under_way and coming.entry.kind == "task":
            self._counts_when_due(place)
            return
        if coming.entry.kind in ("email", "task"):
            self._waiting[waiter.key] = place
        self._await(place, coming.entry.at)

    def _counts_when_due(self, place: _Place) -> None:
        """A task that was put off takes room on the day until which it was."""
        if place.coming.entry.at > self._now:
            self._ledger.take(self._slots(place))

    def _await(self, place: _Place, at: datetime) -> None:
        """Put it where it belongs in time; what is neither a mail nor a task is passed on the way."""
        while place.coming.entry.kind not in ("email", "task"):
            if not self._go_on(place, None):
                return
            at = place.coming.entry.at
        if at <= self._ends:
            heappush(self._coming, (at, place.waiter.key, place))

    def _go_on(self, place: _Place, said: datetime | None) -> bool:
        """To the next thing of the course; False at its end."""
        try:
            place.coming = place.course.send(said)
        except (StopIteration, InvariantBroken):
            return False
        return True

    def _next_at(self) -> datetime | None:
        wakes = (box.wake_at for box in self._boxes.values() if box.wake_at is not None)
        return min([*wakes, *(at for at, _, _ in self._coming[:1])], default=None)

    def _instant(self, at: datetime) -> None:
        while self._coming and self._coming[0][0] <= at:
            _, _, place = heappop(self._coming)
            if place.coming.entry.kind == "task":
                self._task(place, at)
            else:
                self._queue(place, at)
        for box in self._boxes.values():
            if box.wake_at is not None and box.wake_at <= at:
                self._empty(box, at)

    def _task(self, place: _Place, at: datetime) -> None:
        """It opens if the rep has room for it; after it nobody knows more."""
        slot = next(self._slots(place), None)
        capacity = self._ledger.capacity(slot) if slot else None
        if slot is None or capacity is None or self._ledger.taken[slot] < capacity:
            self._ledger.take([slot] if slot else [])
            self._turns.setdefault(place.waiter.key, Turn(at, place.gate))
            place.course.close()
            return
        rep = self._ledger.reps[slot.key]
        floor = start_of_day(rep.timezone, slot.day + timedelta(days=7 if slot.kind == "connect" else 1))
        if self._go_on(place, floor) and place.coming.entry.at > at:
            detail = f"{capacity} of {capacity} for {rep.name}"
            place.gate = place.gate or Gate(
                "rep capacity", False, Reason.REP_DAY, detail, frees_at=place.coming.entry.at
            )
            self._await(place, place.coming.entry.at)

    def _slots(self, place: _Place) -> Iterator[Slot]:
        """What the touch that comes takes, of whoever does the rep's tasks then."""
        one, entry = place.waiter, place.coming.entry
        facts, stretch = one.facts, away_at(one.facts.away, entry.at)
        cover = self._ledger.reps.get(stretch.cover) if stretch and stretch.cover else None
        worker = cover or (facts.rep if stretch else self._ledger.reps.get(facts.rep.name, facts.rep))
        return slots_of(one.sequence, replace(facts, rep=worker), one.domain, entry)

    def _queue(self, place: _Place, at: datetime) -> None:
        box = self._boxes.get(place.waiter.facts.mailbox.address) if place.waiter.facts.mailbox else None
        if box is None:
            return
        if place.number >= _NOT_QUEUED_YET:
            self._number += 1
            place.number = self._number
        step = place.waiter.sequence.step(place.coming.entry.step or "")
        place.hours, place.opens_at, place.closes_at = hours_of(step, place.waiter.facts), None, None
        box.put(place)
        box.wake_at = at

    def _empty(self, box: _Box, at: datetime) -> None:
        """As dispatch does: ask who may go, let them go, ask again until nobody may."""
        while True:
            admission = self._admission(box, at)
            for number in admission.go:
                self._leave(box, box.take(number), at)
            if not admission.go:
                asleep = [place.opens_at for place in box.queue.values() if place.opens_at and place.opens_at > at]
                wakes = [each for each in (admission.next_at, *asleep) if each is not None and each > at]
                box.wake_at = min(wakes, default=None)
                return

    def _admission(self, box: _Box, at: datetime) -> Admission:
        """Asks of each sequence only for so many as the day has room for, because whoever is behind these finds none.

        Those whom limits of their own hold up take no room, so then more are asked.
        """
        day = local_date(box.mailbox.timezone, at)
        cap = effective_cap(box.mailbox, self._ledger.sending_days(box.mailbox.address, day))
        room = max(0, cap - self._ledger.taken[Slot("mailbox", box.mailbox.address, day)]) + 1
        first = room
        while True:
            places, cut = self._first(box, at, first)
            due = [self._due(place) for place in places]
            admission = admit(due, self._usage(box, places, at), box.mailbox, self._ledger.policy, at)
            free = Counter(box.queue[number].group for number in _free(admission))
            if all(free[group] >= room for group in cut):
                break
            first *= 2
        for number, gate in admission.wait:
            place = box.queue[number]
            place.gate = place.gate or replace(gate, name="limits")
            box.new.discard(number)
        return admission

    def _first(self, box: _Box, at: datetime, most: int) -> tuple[list[_Place], set[_Group]]:
        """The first `most` of each sequence whose hours are open, and all that nobody asked for yet.

        And which of the sequences have more.
        """
        found = [box.queue[number] for number in sorted(box.new) if self._is_open(box.queue[number], at)]
        cut: set[_Group] = set()
        for group, waiting in box.order.items():
            open_ones = (place for _, number in waiting if self._is_open(place := box.queue[number], at))
            found += [place for place in islice(open_ones, most) if place.number not in box.new]
            if next(open_ones, None) is not None:
                cut.add(group)
        return found, cut

    def _is_open(self, place: _Place, at: datetime) -> bool:
        if place.closes_at is None or place.closes_at <= at:
            assert place.hours is not None
            away = place.waiter.facts.away
            place.opens_at = opening_at_work(place.hours, away, at)
            place.closes_at = leaves_before(place.hours, away, place.opens_at) if place.opens_at else None
        return place.opens_at is not None and place.opens_at <= at

    def _due(self, place: _Place) -> Due:
        one, coming = place.waiter, place.coming
        person = one.facts.prospect
        return Due(
            place.number, one.key, person.id, person.account_id, one.domain, one.sequence.id, coming.due_at,
            first_touch=coming.first_touch,
        )  # fmt: skip

    def _usage(self, box: _Box, places: Iterable[_Place], at: datetime) -> Usage:
        day, taken, ones = local_date(box.mailbox.timezone, at), self._ledger.taken, [each.waiter for each in places]
        accounts = {one.facts.prospect.account_id for one in ones} - {None}
        domains = {one.domain for one in ones} - {None}
        return Usage(
            sent_today=taken[Slot("mailbox", box.mailbox.address, day)],
            sending_days=self._ledger.sending_days(box.mailbox.address, day),
            last_sent_at=box.last_sent_at,
            person_touches={
                one.facts.prospect.id: tuple(each for each in self._touches[one.facts.prospect.id] if each > at - WEEK)
                for one in ones
            },
            account_today={str(key): taken[Slot("account", str(key), day)] for key in accounts},
            domain_today={str(key): taken[Slot("domain", str(key), day)] for key in domains},
        )

    def _leave(self, box: _Box, place: _Place, at: datetime) -> None:
        one = place.waiter
        if one.key not in self._turns:
            self._turns[one.key] = Turn(at, place.gate, self._usage(box, [place], at))
        entry = replace(place.coming.entry, at=at)
        self._ledger.take(slots_of(one.sequence, one.facts, one.domain, entry))
        box.last_sent_at = at
        self._touches[one.facts.prospect.id].append(at)
        place.number, place.gate = _NOT_QUEUED_YET, None
        if self._go_on(place, at):
            self._await(place, max(at, place.coming.entry.at))


def _free(admission: Admission) -> Iterator[int]:
    """Those whom no limit of their own holds up: they go, or the mailbox has no room for them yet."""
    yield from admission.go
    for number, gate in admission.wait:
        if gate.reason in _OF_THE_MAILBOX:
            yield number
