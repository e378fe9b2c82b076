"""Which of one mailbox's due sends may go now, in which order, and why the others wait.

`decide` sees one enrollment and says what is due; `admit` sees one mailbox and says who goes first. Counts are handed
in, read from rows; the fence takes them again when a send leaves. Nothing here looks at a window's hours: a `Due`
carries the instants at which its own opens and closes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2b

from sequencer.core.people import Mailbox, Policy
from sequencer.core.reason import Gate, Reason
from sequencer.core.window import local_date, start_of_day

WEEK = timedelta(days=7)
IDLE_DAYS_RESTART_RAMP = 14
_RAISE_LIMIT = "raise the limit in config.toml"


@dataclass(frozen=True, slots=True)
class Due:
    """One queued send as `admit` sees it.

    `domain`: the recipient's registrable domain, None for free-mail. `opens`: the window's next opening, None when it
    is open; `closes_at`: the end of that opening, None when nothing ends it. `answer`: written by hand in reply.
    `inbox_fresh`: every mailbox that wrote to this person was read lately enough. `earlier`: when this very mail left
    before, which a person has sent again; to itself it is no other touch.
    """

    send_id: int
    enrollment_id: int
    person_id: int
    account_id: str | None
    domain: str | None
    sequence_id: str
    due_at: datetime
    opens: datetime | None = None
    closes_at: datetime | None = None
    first_touch: bool = False
    answer: bool = False
    inbox_fresh: bool = True
    earlier: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used of every limit so far.

    `in_flight`: sends admitted and not settled; `sent_today` leaves them out, `account_today` and `domain_today` count
    them, and the account's calls and LinkedIn touches too. A day is the mailbox's local one. `sending_days`: local days
    with a send before today, since the last 14 idle ones. `person_touches`: instants of the last 7 days, all channels,
    in any order.
    """

    sent_today: int = 0
    sending_days: int = 0
    last_sent_at: datetime | None = None
    in_flight: int = 0
    in_flight_people: frozenset[int] = frozenset()
    person_touches: Mapping[int, tuple[datetime, ...]] = field(default_factory=dict)
    account_today: Mapping[str, int] = field(default_factory=dict)
    domain_today: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admission:
    """Send ids that may go, in order; the others, each with the gate that stops it; when to look again.

    `next_at` is the earliest instant at which a gate opens by itself, None when only events open one.
    """

    go: tuple[int, ...]
    wait: tuple[tuple[int, Gate], ...]
    next_at: datetime | None


def effective_cap(mailbox: Mailbox, sending_days: int) -> int:
    """Mails this mailbox may send on a day that follows so many sending days."""
    if mailbox.ramp is None:
        return mailbox.cap_per_day
    return min(mailbox.cap_per_day, mailbox.ramp.start + mailbox.ramp.step * sending_days)


def sending_days_before(day: date, sent_on: Iterable[date]) -> int:
    """How many days with a mail a ramp counts before `day`; `sent_on` begins with the newest, all before `day`."""
    days, later = 0, day
    for each in sent_on:
        if (later - each).days > IDLE_DAYS_RESTART_RAMP:
            break
        days, later = days + 1, each
    return days


def gap_after(mailbox: Mailbox, last_sent_at: datetime) -> datetime:
    """When the mailbox may send again: the least gap, and a jitter that address and instant fix."""
    return last_sent_at + _gap(mailbox, last_sent_at)


def admit(due: Sequence[Due], usage: Usage, mailbox: Mailbox, policy: Policy, now: datetime) -> Admission:
    """Divide `due` into those that may go now, in order, and those that wait; each is in exactly one of the two.

    Answers go first, then follow-ups, then first touches. Within each of these the sequences take turns, so that a
    big one cannot starve another; the turn moves on with every mail, and begins each sending day one further, because
    a cap may be lower than there are sequences. Within a sequence the oldest goes first. With a gap at most one goes
    at a time and none beside one in flight; without, as many as cap and connections allow.

    A send that several gates stop shows the one that no clock opens, else the one that opens last.
    """
    tomorrow = start_of_day(mailbox.timezone, local_date(mailbox.timezone, now) + timedelta(days=1))
    limits = _Limits(usage, policy, now, tomorrow)
    waiting: list[tuple[int, Gate]] = []
    ready: list[Due] = []
    for send in due:
        gate = limits.gate(send)
        if gate is None:
            ready.append(send)
        else:
            waiting.append((send.send_id, gate))

    room = _Room(usage, mailbox, now, tomorrow)
    going: list[int] = []
    ahead = 0
    for send in _in_turn(ready, usage.sending_days + usage.sent_today + usage.in_flight):
        gate = limits.gate_within_pass(send) or room.gate(ahead)
        if gate is None:
            going.append(send.send_id)
            limits.count(send)
        else:
            waiting.append((send.send_id, gate))
        if gate is None or gate.reason in (Reason.GAP, Reason.TURN):
            ahead += 1
    return Admission(tuple(going), tuple(waiting), min(_instants(waiting), default=None))


class _Limits:
    """The gates of one send: its person, account, domain, window and inbox."""

    def __init__(self, usage: Usage, policy: Policy, now: datetime, tomorrow: datetime) -> None:
        self._usage, self._policy, self._now, self._tomorrow = usage, policy, now, tomorrow
        self._people: set[int] = set(usage.in_flight_people)
        self._accounts, self._domains = Counter(usage.account_today), Counter(usage.domain_today)

    def gate(self, send: Due) -> Gate | None:
        """The gate that stops this send whatever else is due."""
        closed = [gate for gate in self._gates(send) if gate is not None]
        untimed = next((gate for gate in closed if gate.frees_at is None), None)
        return untimed or max(closed, key=lambda gate: gate.frees_at or self._now, default=None)

    def gate_within_pass(self, send: Due) -> Gate | None:
        """The gate that another send of this pass has closed."""
        return self._one_open_send(send) or self._account_day(send) or self._domain_day(send)

    def count(self, send: Due) -> None:
        self._people.add(send.person_id)
        if send.account_id is not None:
            self._accounts[send.account_id] += 1
        if send.domain is not None:
            self._domains[send.domain] += 1

    def _gates(self, send: Due) -> Iterable[Gate | None]:
        yield self._one_open_send(send)
        if not send.inbox_fresh:
            yield _closed(Reason.INBOX_STALE, frees_by="the inbox is read to its end")
        if send.due_at > self._now:
            yield _closed(Reason.WAIT, frees_at=send.due_at)
        if not send.answer:
            yield self._window(send)
            yield self._person_gap(send)
            yield self._person_week(send)
        yield self._account_day(send)
        yield self._domain_day(send)

    def _one_open_send(self, send: Due) -> Gate | None:
        if send.person_id not in self._people:
            return None
        return _closed(Reason.IN_FLIGHT, frees_by="the other mail to this person is settled")

    def _window(self, send: Due) -> Gate | None:
        if send.opens is not None and send.opens > self._now:
            return _closed(Reason.WINDOW_CLOSED, frees_at=send.opens)
        if send.closes_at is not None and send.closes_at <= self._now:
            return _closed(Reason.WINDOW_CLOSED, frees_by="its next opening is looked up")
        return None

    def _person_gap(self, send: Due) -> Gate | None:
        touches = self._touches(send)
        if not touches:
            return None
        frees_at = max(touches) + self._policy.person_gap.elapsed
        if frees_at <= self._now:
            return None
        return _closed(Reason.PERSON_GAP, f"the policy asks for {self._policy.person_gap} between two", frees_at)

    def _person_week(self, send: Due) -> Gate | None:
        touches = sorted(touch for touch in self._touches(send) if touch > self._now - WEEK)
        limit = self._policy.person_touches_per_week
        if len(touches) < limit:
            return None
        detail = f"{len(touches)} of {limit} in 7 days"
        if limit <= 0:
            return _closed(Reason.PERSON_WEEK, detail, frees_by=_RAISE_LIMIT)
        return _closed(Reason.PERSON_WEEK, detail, touches[-limit] + WEEK)

    def _touches(self, send: Due) -> list[datetime]:
        # An instant in the future is one that a clock wrote before it was moved back: it counts as now.
        touches = self._usage.person_touches.get(send.person_id, ())
        return [min(touch, self._now) for touch in touches if touch not in send.earlier]

    def _account_day(self, send: Due) -> Gate | None:
        limit = self._policy.account_touches_per_day
        return self._day(Reason.ACCOUNT_DAY, send.account_id, self._accounts, limit)

    def _domain_day(self, send: Due) -> Gate | None:
        return self._day(Reason.DOMAIN_DAY, send.domain, self._domains, self._policy.domain_messages_per_day)

    def _day(self, reason: Reason, key: str | None, counts: Mapping[str, int], limit: int) -> Gate | None:
        if key is None or counts.get(key, 0) < limit:
            return None
        detail = f"{key}: {counts.get(key, 0)} of {limit} today"
        if limit <= 0:
            return _closed(reason, detail, frees_by=_RAISE_LIMIT)
        return _closed(reason, detail, self._tomorrow)


class _Room:
    """What the mailbox itself has left: its cap, its gap, its connections."""

    def __init__(self, usage: Usage, mailbox: Mailbox, now: datetime, tomorrow: datetime) -> None:
        self._cap = effective_cap(mailbox, usage.sending_days)
        self._in_flight = usage.in_flight
        self._used = usage.sent_today + usage.in_flight
        self._tomorrow = tomorrow
        self._gap_end = _gap_end(mailbox, usage.last_sent_at, now)
        self._in_gap = self._gap_end > now
        self._turn_at: datetime | None = None
        if mailbox.gap_s_min > 0 or mailbox.gap_s_jitter > 0:
            self._places = 0 if self._in_gap or usage.in_flight else 1
            if self._in_gap:
                self._turn_at = self._gap_end
            elif not usage.in_flight:
                # Whoever goes now starts a gap of its own, whose jitter is not known before it has left.
                self._turn_at = now + timedelta(seconds=mailbox.gap_s_min)
        else:
            self._places = max(0, mailbox.connections - usage.in_flight)

    def gate(self, ahead: int) -> Gate | None:
        """The gate of the next send when so many of this pass are before it."""
        if self._used + ahead >= self._cap:
            detail = f"{self._used} of {self._cap} today, {ahead} before it"
            if self._cap <= 0:
                return _closed(Reason.CAP, detail, frees_by=_RAISE_LIMIT)
            return _closed(Reason.CAP, detail, self._tomorrow)
        if ahead < self._places:
            return None
        if self._in_gap and ahead == 0:
            return _closed(Reason.GAP, frees_at=self._gap_end)
        frees_by = "" if self._turn_at else "a mail before it is settled"
        return _closed(Reason.TURN, f"{ahead + self._in_flight} before it", self._turn_at, frees_by)


def _in_turn(ready: Iterable[Due], turn: int) -> list[Due]:
    """Answers, follow-ups, first touches; within each, sequence after sequence, beginning with number `turn`."""
    queues: dict[int, dict[str, list[Due]]] = defaultdict(lambda: defaultdict(list))
    for send in sorted(ready, key=lambda send: (send.due_at, send.send_id)):
        queues[_urgency(send)][send.sequence_id].append(send)
    ordered: list[Due] = []
    for urgency in sorted(queues):
        sequences = sorted(queues[urgency])
        first = turn % len(sequences)
        rounds = [
            (place, order, send)
            for order, sequence in enumerate(sequences[first:] + sequences[:first])
            for place, send in enumerate(queues[urgency][sequence])
        ]
        rounds.sort(key=lambda entry: entry[:2])
        ordered += [send for _, _, send in rounds]
    return ordered


def _urgency(send: Due) -> int:
    if send.answer:
        return 0
    return 2 if send.first_touch else 1


def _gap_end(mailbox: Mailbox, last_sent_at: datetime | None, now: datetime) -> datetime:
    if last_sent_at is None:
        return now
    # A clock that was moved back leaves sends in the future: they count as now, and the gap runs from here.
    return min(last_sent_at, now) + _gap(mailbox, last_sent_at)


def _gap(mailbox: Mailbox, last_sent_at: datetime) -> timedelta:
    digest = blake2b(f"{mailbox.address} {last_sent_at.timestamp()}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    return timedelta(seconds=mailbox.gap_s_min + mailbox.gap_s_jitter * share)


def _closed(reason: Reason, detail: str = "", frees_at: datetime | None = None, frees_by: str = "") -> Gate:
    return Gate(reason.value, passed=False, reason=reason, detail=detail, frees_at=frees_at, frees_by=frees_by)


def _instants(waiting: Iterable[tuple[int, Gate]]) -> Iterable[datetime]:
    return (gate.frees_at for _, gate in waiting if gate.frees_at is not None)
