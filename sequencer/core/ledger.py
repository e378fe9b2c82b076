"""What touches take of the limits that people share, day by day, and how many fit.

enroll's dry run and `--spread` count in it before anything happens; the limits' numbers are those of config, a ramp's
those of core/capacity.py. It chooses nobody and dates nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from sequencer.core.capacity import effective_cap, sending_days_before
from sequencer.core.facts import Facts
from sequencer.core.outlook import Expected
from sequencer.core.people import Mailbox, Policy, Rep
from sequencer.core.sequence import LinkedInStep, Sequence
from sequencer.core.window import local_date

Kind = Literal["mailbox", "account", "domain", "call", "connect"]


@dataclass(frozen=True, slots=True)
class Slot:
    """A limit on one day, or for `connect` in the week that begins on `day`. `key`: address, account, domain or rep."""

    kind: Kind
    key: str
    day: date

    @classmethod
    def week_of(cls, kind: Kind, key: str, day: date) -> "Slot":
        """The slot of the week that `day` lies in."""
        return cls(kind, key, day - timedelta(days=day.weekday()))


def slots_of(sequence: Sequence, facts: Facts, domain: str | None, touch: Expected) -> Iterator[Slot]:
    """What one expected touch takes; the first one is the limit by whose days it is sorted.

    `domain`: the recipient's, None for free-mail.
    """
    if touch.kind == "email" and facts.mailbox is not None:
        day = local_date(facts.mailbox.timezone, touch.at)
        yield Slot("mailbox", facts.mailbox.address, day)
        if facts.prospect.account_id is not None:
            yield Slot("account", facts.prospect.account_id, day)
        if domain is not None:
            yield Slot("domain", domain, day)
    elif touch.kind == "task" and touch.step is not None:
        day = local_date(facts.rep.timezone, touch.at)
        if touch.detail == "call":
            yield Slot("call", facts.rep.name, day)
        elif touch.detail == "linkedin":
            step = sequence.step(touch.step)
            if isinstance(step, LinkedInStep) and step.linkedin == "connect":
                yield Slot.week_of("connect", facts.rep.name, day)


@dataclass(slots=True)
class Ledger:
    """`taken` so far, of everybody; `sent_on`: each mailbox's past days with a mail, the newest first."""

    mailboxes: Mapping[str, Mailbox]
    reps: Mapping[str, Rep]
    policy: Policy
    sent_on: Mapping[str, tuple[date, ...]]
    taken: Counter[Slot]
    _load_days: dict[str, set[date]] = field(default_factory=dict)
    _sending_days: dict[tuple[str, date], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        taken, self.taken = self.taken, Counter()
        for slot, number in taken.items():
            self.take([slot], number)

    def take(self, slots: Iterable[Slot], number: int = 1) -> None:
        for slot in slots:
            self.taken[slot] += number
            days = self._load_days.setdefault(slot.key, set()) if slot.kind == "mailbox" else None
            if days is not None and slot.day not in days:
                days.add(slot.day)
                self._sending_days.clear()

    def sending_days(self, address: str, day: date) -> int:
        """Days before `day` with a mail, past and foreseen."""
        known = self._sending_days.get((address, day))
        if known is None:
            foreseen = sorted((each for each in self._load_days.get(address, ()) if each < day), reverse=True)
            known = sending_days_before(day, [*foreseen, *self.sent_on.get(address, ())])
            self._sending_days[address, day] = known
        return known

    def capacity(self, slot: Slot) -> int | None:
        """How many fit; None where config knows no limit."""
        match slot.kind:
            case "mailbox":
                box = self.mailboxes.get(slot.key)
                return effective_cap(box, self.sending_days(slot.key, slot.day)) if box else None
            case "account":
                return self.policy.account_touches_per_day
            case "domain":
                return self.policy.domain_messages_per_day
            case "call":
                return self.reps[slot.key].calls_per_day if slot.key in self.reps else None
            case "connect":
                return self.reps[slot.key].connects_per_week if slot.key in self.reps else None

    def over(self, slots: Mapping[Slot, int]) -> int:
        """By how many touches these would go over, all limits together."""
        return sum(max(0, self._excess(slot, number)) for slot, number in slots.items())

    def _excess(self, slot: Slot, number: int) -> int:
        capacity = self.capacity(slot)
        return 0 if capacity is None else self.taken[slot] + number - max(capacity, self.taken[slot])
