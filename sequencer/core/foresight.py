"""When the touches of many enrollments happen that share mailboxes and reps: the days on which not everything fits.

outlook dates one enrollment as if it were alone. Here each day's mails of a mailbox are put before `admit`, as they
will be, one gap after the other, and whoever finds no room gets a new outlook from the day after. A mail that only
waits for its turn keeps the time at which it was due: gaps move minutes.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from heapq import heappop, heappush

from sequencer.core.capacity import WEEK, Due, Usage, admit, gap_after
from sequencer.core.facts import Facts
from sequencer.core.ledger import Kind, Ledger, Slot, slots_of
from sequencer.core.outlook import Expected, Outlook, outlook
from sequencer.core.progress import Progress
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import BranchStep
from sequencer.core.sequence import Sequence as Steps
from sequencer.core.timing import hours_of, opening
from sequencer.core.window import start_of_day
from sequencer.errors import InvariantBroken

FORESEEN_DAYS_MAX = 730
OWN_LIMITS_TRIES_MAX = 20
_ONE_DAY = timedelta(days=1)

RoomFrom = tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class Entrant:
    """One enrollment, there already or, if it is `new`, not yet.

    `alike`: whoever shares it has the same future. `domain`: the recipient's, None for free-mail. `touched`: instants
    of the last 7 days, all sequences.
    """

    sequence: Steps
    progress: Progress
    facts: Facts
    alike: Hashable
    domain: str | None = None
    touched: tuple[datetime, ...] = ()
    new: bool = True


@dataclass(frozen=True, slots=True)
class Delay:
    """A touch that has to wait at `wanted` because `gate` is closed: the first time that this step waits.

    Where it waits for its turn first, and longer for something else then, it is the gate that tells more.
    """

    step: str
    wanted: datetime
    gate: Gate


@dataclass(frozen=True, slots=True)
class Load:
    """What is due on one slot's day: by `new` entrants and of others (`already`), those put off from before with it."""

    slot: Slot
    new: int
    already: int
    capacity: int

    @property
    def over(self) -> int:
        """How many have to wait."""
        return max(0, self.new + self.already - self.capacity)


@dataclass(frozen=True, slots=True)
class Foresight:
    """`futures` and `delays` in the order of the entrants; `loads` of mailboxes and reps, in order of time."""

    futures: tuple[Outlook, ...]
    delays: tuple[tuple[Delay, ...], ...]
    loads: tuple[Load, ...]


class Futures:
    """Outlooks with each person's own limits kept; worked out once for all who are alike."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._known: dict[Hashable, tuple[Outlook, RoomFrom]] = {}

    def of(self, one: Entrant, room_from: RoomFrom = ()) -> tuple[Outlook, RoomFrom]:
        """The outlook, and `room_from` with what the person's own limits add to it."""
        key = (one.alike, room_from)
        if key not in self._known:
            self._known[key] = self._found(one, dict(room_from))
        return self._known[key]

    def _found(self, one: Entrant, room_from: dict[str, datetime]) -> tuple[Outlook, RoomFrom]:
        future = self._outlook(one, room_from)
        for _ in range(OWN_LIMITS_TRIES_MAX):
            late = next(self._too_early(one, future), None)
            if late is None or late[1] <= room_from.get(late[0], late[1] - _ONE_DAY):
                break
            room_from[late[0]] = late[1]
            future = self._outlook(one, room_from)
        return future, tuple(sorted(room_from.items()))

    def _outlook(self, one: Entrant, room_from: Mapping[str, datetime]) -> Outlook:
        try:
            return outlook(one.sequence, one.progress, one.facts, self._now, room_from)
        except InvariantBroken:
            return Outlook(())

    def _too_early(self, one: Entrant, future: Outlook) -> Iterator[tuple[str, datetime]]:
        """Mails that `admit` lets wait for the person's own sake, each with when it lets them go."""
        mailbox, touches = one.facts.mailbox, list(one.touched)
        for each in future.expected:
            if each.kind == "email" and mailbox and each.step:
                recent = tuple(at for at in touches if each.at - WEEK < at <= each.at)
                if recent:
                    usage = Usage(person_touches={one.facts.prospect.id: recent})
                    wait = admit([_due(0, one, each)], usage, mailbox, one.facts.policy, each.at).wait
                    if wait and wait[0][1].reason in (Reason.PERSON_GAP, Reason.PERSON_WEEK) and wait[0][1].frees_at:
                        yield each.step, wait[0][1].frees_at
            if each.kind == "email" or (each.kind == "task" and each.detail in ("call", "linkedin")):
                touches.append(each.at)


def _due(number: int, one: Entrant, touch: Expected, first_touch: bool = False) -> Due:
    person = one.facts.prospect
    return Due(
        number, number, person.id, person.account_id, one.domain, one.sequence.id, touch.at, first_touch=first_touch,
    )  # fmt: skip


def foresee(entrants: Sequence[Entrant], ledger: Ledger, now: datetime, futures: Futures | None = None) -> Foresight:
    """Each one's future with the limits that all share; `ledger`, with what is used today, is filled.

    At equal urgency whoever stands first among the entrants goes first.
    """
    return _Days(entrants, ledger, now, futures or Futures(now)).played()


@dataclass(slots=True)
class _Course:
    """How far one entrant's future is fixed: `at` is the place in `future` of the touch that is looked at.

    `done`: what is fixed before the first place of `future`.
    """

    future: Outlook
    room_from: RoomFrom
    at: int = 0
    mails: int = 0
    done: list[Expected] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)

    @property
    def touch(self) -> Expected:
        return self.future.expected[self.at]


def _course(one: Entrant, future: Outlook, room_from: RoomFrom) -> _Course:
    """A task that is open took its room when it was opened."""
    sent = sum(touch.state == "sent" for touch in one.progress.touches.values())
    return _Course(future, room_from, at=1 if one.progress.step_task and future.expected else 0, mails=sent)


def _counts_from_the_step_before(sequence: Steps) -> bool:
    """Whether nothing in the sequence asks when an earlier step was."""
    conditions = [rule.when for rule in sequence.rules]
    for step in sequence.steps:
        conditions += [step.when] if step.when else []
        conditions += [step.branch] if isinstance(step, BranchStep) else []
    return not any(step.wait.anchor for step in sequence.steps) and "days_since" not in " ".join(conditions)


class _Days:
    """The days in order; on each the touches of one mailbox, or of one rep's kind of task."""

    def __init__(self, entrants: Sequence[Entrant], ledger: Ledger, now: datetime, futures: Futures) -> None:
        self._entrants, self._ledger, self._now, self._futures = entrants, ledger, now, futures
        self._courses = [_course(one, *futures.of(one)) for one in entrants]
        self._next: dict[tuple[int, int], tuple[Slot | None, int]] = {}
        self._due: dict[Slot, list[int]] = defaultdict(list)
        self._order: list[tuple[date, Kind, str]] = []
        sequences = {id(one.sequence): one.sequence for one in entrants}
        self._forgets = {key: _counts_from_the_step_before(each) for key, each in sequences.items()}
        self._rests: dict[Hashable, tuple[Outlook, RoomFrom]] = {}
        self._free_at: dict[str, datetime] = {}
        self._base = Counter(ledger.taken)
        self._counted: dict[Slot, set[tuple[int, str | None]]] = defaultdict(set)

    def played(self) -> Foresight:
        for number in range(len(self._entrants)):
            self._queue(number)
        today = self._now.date()
        while self._order:
            day, kind, key = heappop(self._order)
            if (day - today).days > FORESEEN_DAYS_MAX:
                break
            slot = Slot(kind, key, day)
            self._day(slot, self._due.pop(slot))
        loads = (self._load(slot, counted) for slot, counted in self._counted.items())
        return Foresight(
            tuple(
                Outlook((*course.done, *course.future.expected), course.future.stopped_by) for course in self._courses
            ),
            tuple(tuple(course.delays) for course in self._courses),
            tuple(sorted((load for load in loads if load), key=lambda load: (load.slot.day, load.slot.kind))),
        )

    def _load(self, slot: Slot, counted: Collection[tuple[int, str | None]]) -> Load | None:
        capacity = self._ledger.capacity(slot)
        if capacity is None:
            return None
        new = sum(self._entrants[number].new for number, _ in counted)
        return Load(slot, new, len(counted) - new + self._base[slot], capacity)

    def _queue(self, number: int) -> None:
        """Put the next limited touch of this entrant on its day."""
        one, course = self._entrants[number], self._courses[number]
        key = (id(course.future), course.at)  # one object for all who are alike, kept by the futures
        if key not in self._next:
            self._next[key] = self._next_limited(one, course)
        slot, course.at = self._next[key]
        if slot is None:
            return
        if slot not in self._due:
            heappush(self._order, (slot.day, slot.kind, slot.key))
        self._due[slot].append(number)

    def _next_limited(self, one: Entrant, course: _Course) -> tuple[Slot | None, int]:
        for at in range(course.at, len(course.future.expected)):
            slot = next(slots_of(one.sequence, one.facts, one.domain, course.future.expected[at]), None)
            if slot is not None:
                return slot, at
        return None, len(course.future.expected)

    def _day(self, slot: Slot, numbers: list[int]) -> None:
        self._counted[slot].update((number, self._courses[number].touch.step) for number in numbers)
        waits = self._mails(slot, numbers) if slot.kind == "mailbox" else self._tasks(slot, numbers)
        for number in numbers:
            if number in waits:
                self._put_off(number, slot, waits[number])
            self._queue(number)

    def _go(self, number: int) -> None:
        """The touch that is looked at happens when it is expected."""
        one, course = self._entrants[number], self._courses[number]
        self._ledger.take(slots_of(one.sequence, one.facts, one.domain, course.touch))
        course.mails += course.touch.kind == "email"
        course.at += 1

    def _put_off(self, number: int, slot: Slot, gate: Gate) -> None:
        """What is to come begins anew with the touch that waits; what has been is kept."""
        one, course, touch = self._entrants[number], self._courses[number], self._courses[number].touch
        step = touch.step or ""
        before = next((at for at, delay in enumerate(course.delays) if delay.step == step), None)
        if before is None:
            course.delays.append(Delay(step, touch.at, gate))
        elif course.delays[before].gate.reason is Reason.GAP:
            course.delays[before] = replace(course.delays[before], gate=gate)
        if not self._ledger.capacity(slot):
            course.at = len(course.future.expected)
            return
        until = gate.frees_at or self._tomorrow(slot)
        course.done += course.future.expected[: course.at]
        # Where waits count from the step before alone, those who are alike share the rest, whatever each has behind.
        behind = () if self._forgets[id(one.sequence)] else course.room_from
        key = (one.alike, step, until, behind)
        if key not in self._rests:
            room_from = tuple(sorted({**dict(course.room_from), step: until}.items()))
            future, room_from = self._futures.of(one, room_from)
            self._rests[key] = (Outlook(future.expected[len(course.done) :], future.stopped_by), room_from)
        course.future, course.room_from = self._rests[key]
        course.at = 0

    def _tomorrow(self, slot: Slot) -> datetime:
        days = 7 if slot.kind == "connect" else 1
        of = self._ledger.mailboxes if slot.kind == "mailbox" else self._ledger.reps
        return start_of_day(of[slot.key].timezone, slot.day + timedelta(days=days))

    def _mails(self, slot: Slot, numbers: Sequence[int]) -> dict[int, Gate]:
        """Lets go whom `admit` lets go on this day, one after the other; returns the others, each with its gate."""
        box = self._ledger.mailboxes[slot.key]
        unpaced = replace(box, gap_s_min=0.0, gap_s_jitter=0.0)
        coming = deque(sorted(numbers, key=lambda number: self._courses[number].touch.at))
        line: list[tuple[bool, datetime, int]] = []
        waits: dict[int, Gate] = {}
        at = max(self._free_at.get(slot.key, self._now), self._courses[coming[0]].touch.at)
        while coming or line:
            if not line:
                at = max(at, self._courses[coming[0]].touch.at)
            while coming and self._courses[coming[0]].touch.at <= at:
                heappush(line, self._place_in_line(coming.popleft()))
            number = heappop(line)[2]
            due = self._mail(number)
            gate = self._too_late(number, slot, at)
            if gate is None:
                gate = next(
                    (shut for _, shut in admit([due], self._usage(slot, due), unpaced, self._ledger.policy, at).wait),
                    None,
                )
            if gate is None:
                self._go(number)
                at = gap_after(box, at)
                continue
            waits[number] = gate
            if gate.reason is Reason.CAP:
                return waits | dict.fromkeys([*coming, *(each for _, _, each in line)], gate)
        self._free_at[slot.key] = at
        return waits

    def _too_late(self, number: int, slot: Slot, at: datetime) -> Gate | None:
        """The gate of a mail whose turn comes when its hours, or the day of its mailbox, are over."""
        one, step = self._entrants[number], self._courses[number].touch.step or ""
        opens = opening(hours_of(one.sequence.step(step), one.facts), at)
        if opens == at and at < self._tomorrow(slot):
            return None
        return Gate("limits", False, Reason.GAP, frees_at=max(opens, at) if opens else None)

    def _place_in_line(self, number: int) -> tuple[bool, datetime, int]:
        """As dispatch reads a mailbox's queue: follow-ups first, then the longest due."""
        course = self._courses[number]
        return not course.mails, course.touch.at, number

    def _mail(self, number: int) -> Due:
        one, course = self._entrants[number], self._courses[number]
        return _due(number, one, course.touch, first_touch=not course.mails)

    def _usage(self, slot: Slot, due: Due) -> Usage:
        taken, day, account, domain = self._ledger.taken, slot.day, due.account_id, due.domain
        return Usage(
            sent_today=taken[slot],
            sending_days=self._ledger.sending_days(slot.key, day),
            account_today={account: taken[Slot("account", account, day)]} if account is not None else {},
            domain_today={domain: taken[Slot("domain", domain, day)]} if domain is not None else {},
        )

    def _tasks(self, slot: Slot, numbers: Sequence[int]) -> dict[int, Gate]:
        """Opens as many tasks as the rep can do, the longest due first; returns the others with their gate."""
        capacity = self._ledger.capacity(slot)
        ordered = sorted(numbers, key=lambda number: (self._courses[number].touch.at, number))
        room = len(ordered) if capacity is None else max(0, capacity - self._ledger.taken[slot])
        for number in ordered[:room]:
            self._go(number)
        if not ordered[room:]:
            return {}
        gate = Gate("rep capacity", False, Reason.REP_DAY, f"{capacity} for {slot.key}", frees_at=self._tomorrow(slot))
        return dict.fromkeys(ordered[room:], gate)
