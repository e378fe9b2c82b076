"""On which day each newcomer starts, so that no day holds more than mailboxes, reps and policy have room for.

For `enroll --spread`. Every touch of a sequence counts, not the first alone: whoever starts on Monday writes again on
Thursday. Newcomers are placed one after the other, so the same people get the same days at every call.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sequencer.core.foresight import Entrant, Futures
from sequencer.core.ledger import Ledger, Slot, slots_of
from sequencer.core.outlook import Outlook
from sequencer.core.window import WindowNeverOpens, business_days_after, local_date, start_of_day

__all__ = ["SPREAD_DAYS_MAX", "Starts", "spread"]

SPREAD_DAYS_MAX = 520
_OF_SOME = ("account", "domain")


@dataclass(frozen=True, slots=True)
class Starts:
    """`at`: not before when each newcomer begins, None for at once. `days`: over how many business days in all."""

    at: tuple[datetime | None, ...]
    days: int


def spread(newcomers: Sequence[Entrant], ledger: Ledger, futures: Futures, days: int | None) -> Starts:
    """A start for each newcomer; `ledger` holds what those inside take, and takes the newcomers' touches too.

    `days` None: each on the first day that has room for all of their touches. Else so many business days, equally many
    on each; whoever finds no room on such a day gets the first that has. Where none has, the one least exceeded.
    """
    return _Spread(ledger, futures, days, len(newcomers)).found(newcomers)


class _Spread:
    def __init__(self, ledger: Ledger, futures: Futures, days: int | None, number: int) -> None:
        self._ledger, self._futures = ledger, futures
        self._last = days or SPREAD_DAYS_MAX
        self._share = -(-number // days) if days else number
        self._begun: Counter[int] = Counter()
        self._courses: dict[tuple[Hashable, int], tuple[datetime | None, Outlook]] = {}
        self._full_until: dict[Hashable, int] = {}

    def found(self, newcomers: Sequence[Entrant]) -> Starts:
        starts: list[datetime | None] = []
        for one in newcomers:
            day = self._day(one)
            self._begun[day] += 1
            at, _ = self._course(one, day)
            starts.append(at)
            self._ledger.take(self._taken(one, day).elements())
        return Starts(tuple(starts), max(self._begun, default=0) + 1)

    def _day(self, one: Entrant) -> int:
        """Which business day from the first possible one on, counted from 0."""
        roomy = None
        for day in range(self._full_until.get(one.alike, 0), self._last):
            over = self._over(one, day)
            if over == 0 and self._begun[day] < self._share:
                return day
            if over == 0 and roomy is None:
                roomy = day
        if roomy is not None:
            return roomy
        if self._last == SPREAD_DAYS_MAX:
            return min(range(self._last), key=lambda day: (self._begun[day], day))
        return min(range(self._last), key=lambda day: (self._over(one, day), self._begun[day] >= self._share, day))

    def _over(self, one: Entrant, day: int) -> int:
        """By how much a start on this day would go over the limits; what is full for all who are alike is remembered.

        Room never comes back but for a ramp, which grows with the days before: that is left unused.
        """
        slots = self._taken(one, day)
        over = self._ledger.over(slots)
        if over and self._full_until.get(one.alike, 0) == day:
            shared = {slot: number for slot, number in slots.items() if slot.kind not in _OF_SOME}
            if self._ledger.over(shared):
                self._full_until[one.alike] = day + 1
        return over

    def _taken(self, one: Entrant, day: int) -> Counter[Slot]:
        _, future = self._course(one, day)
        touches = future.expected
        return Counter(slot for each in touches for slot in slots_of(one.sequence, one.facts, one.domain, each))

    def _course(self, one: Entrant, day: int) -> tuple[datetime | None, Outlook]:
        """When a start on this day begins, and what then comes."""
        key = (one.alike, day)
        if key not in self._courses:
            at = self._start(one, day)
            room_from = ((one.progress.step, at),) if at else ()
            self._courses[key] = (at, self._futures.of(one, room_from)[0])
        return self._courses[key]

    def _start(self, one: Entrant, day: int) -> datetime | None:
        first = _first_day(one, self._futures.of(one)[0])
        if day == 0 or first is None:
            return None
        facts = one.facts
        try:
            return start_of_day(facts.zone, business_days_after(first, day, facts.window, facts.holidays))
        except WindowNeverOpens:
            return None


def _first_day(one: Entrant, future: Outlook) -> date | None:
    """The person's local date of the first touch if nothing is spread."""
    touch = next((each for each in future.expected if each.kind in ("email", "task")), None)
    return local_date(one.facts.zone, touch.at) if touch else None
