"""Asks `why` about everybody, and compares what it foretold with what came.

For tests/integration/test_why_month.py.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outlook import Expected
from sequencer.core.reason import Gate, Reason
from sequencer.engine.lines import Lines
from sequencer.engine.why import Standing, Why, why
from sequencer.engine.why_words import sentence
from sequencer.store import reads
from sequencer.store.log import Entry
from tests.integration.month import Month, Surprise
from tests.integration.month_town import is_calm

TICK = timedelta(seconds=5)
# Gates whose rule is written in a file, and the reasons for which it is.
_WRITTEN = {
    "wait": None, "branch": None, "window": None, "rep away": None, "rep capacity": None, "limits": None,
    "inbox": None, "text": None, "task": None, "account": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Foretold:
    """What `why` said of one enrollment's next touch."""

    asked_at: datetime
    after_event: int
    key: int
    expected: Expected
    at: datetime
    said: str
    limits: Gate | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a foretold time compares with what came; `cause` of one that was not the time it went."""

    foretold: Foretold
    kind: str
    cause: str = ""
    came: Entry | None = None

    def __str__(self) -> str:
        one = self.foretold
        came = f"{self.came.event} at {self.came.at:%a %d %H:%M:%S}" if self.came else "nothing came"
        calm = " (calm)" if is_calm(one.asked_at) else ""
        return (
            f"{self.kind} {self.cause}{calm}: enrollment {one.key} asked {one.asked_at:%a %d %H:%M}: {one.expected.kind}"
            f" {one.expected.step} at {one.at:%a %d %b %H:%M:%S}; {came}; {one.said}"
        )


@dataclass(slots=True)
class Asks:
    """`nameless`: answers without a reason. `states`: how many were asked about in each state."""

    month: Month
    asked: int = 0
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    foretold: list[Foretold] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)
    share: float = 1.0

    def ask(self, at: datetime) -> None:
        """About everybody who is in a sequence, as `sequencer why` does."""
        month = self.month

        def read(connection: Connection) -> None:
            lines, live = Lines(connection, month.advance.around, at), set(reads.live_ids(connection))
            for one in month.villagers.values():
                share = self.share if one.key in live else self.share / 20
                if one.luck("asked", at) < share:
                    self._one(why(connection, month.advance, one.address, at, lines), at)

        month.database.read(read)

    def _one(self, found: Why, at: datetime) -> None:
        self.asked += 1
        if not found.standings:
            self.states["finished"] += 1
            if not found.past:
                self.nameless.append(f"{found.face.address} at {at}: in no sequence, without a past")
        for one in found.standings:
            self.states[one.status] += 1
            said = sentence(one, found.face.name, lambda at: f"{at:%a %d %b %H:%M:%S}", found.face.address)
            self.nameless += [f"{one.enrollment_id} at {at:%d %H:%M}: {wrong}: {said}" for wrong in _nameless(one, said)]
            self.reasons.update(str(gate.reason) for gate in one.gates if not gate.passed)
            if one.goes_at is not None:
                expected = one.expected[0]
                after = self.month.happened[one.enrollment_id][-1].id
                limits = next((gate for gate in one.gates if gate.name == "limits"), None)
                self.foretold.append(Foretold(at, after, one.enrollment_id, expected, one.goes_at, said, limits))

    def verdicts(self) -> Iterator[Verdict]:
        for one in self.foretold:
            if one.at < self.month.clock.now():
                yield self._verdict(one)

    def _verdict(self, one: Foretold) -> Verdict:
        came = next((entry for entry in self.month.happened[one.key] if entry.id > one.after_event and _is_landmark(entry)), None)
        ended = self.month.clock.now() if came is None else came.at
        own = next(self._surprises(one, max(min(ended, one.at), one.asked_at), own=True), None)
        if own is not None:
            return Verdict(one, "surprised", f"own {own.what}", came)
        if came is not None and _is_what(came.event, one.expected):
            late = abs(_instant(came) - one.at)
            if late <= TICK:
                return Verdict(one, "exact" if not late else "tick", "", came)
        other = next(self._surprises(one, max(ended, one.at), own=False), None)
        if other is not None:
            return Verdict(one, "moved", f"by {other.what}", came)
        return Verdict(one, "unexplained", "", came)

    def _surprises(self, one: Foretold, until: datetime, own: bool) -> Iterator[Surprise]:
        """What happened to this enrollment after it was asked about, or to others who share its mailbox and rep."""
        villager = self.month.villagers[one.key]
        for each in self.month.surprises:
            if not one.asked_at < each.at <= until:
                continue
            to_all = not each.key and (villager.rep == each.rep or villager.sequence == each.sequence)
            to_others = not to_all and each.key != one.key and each.rep in (villager.rep, "")
            if (each.key == one.key or to_all) if own else to_others:
                yield each


def _nameless(one: Standing, said: str) -> Iterator[str]:
    if "None" in said or "unknown" in said.lower() or "next beat" in said:
        yield "no reason in the sentence"
    if one.goes_at is None and (one.closed is None or one.closed.reason is None):
        yield "nothing foretold and no reason"
    for gate in one.gates:
        if gate.passed:
            continue
        if gate.reason is None or gate.reason is Reason.BUG:
            yield f"{gate.name} has no reason"
        if gate.frees_at is None and not gate.frees_by:
            yield f"{gate.name} ({gate.reason}) says not what opens it"
        if gate.name in _WRITTEN and not gate.place.line:
            yield f"{gate.name} ({gate.reason}) names no line: {gate.place}"
    if one.status == "paused" and all(gate.passed for gate in one.gates if gate.name in ("paused", "account")):
        yield "paused without its gate"
    if one.status == "held" and all(gate.passed for gate in one.gates if gate.name == "held"):
        yield "held without its gate"


def _is_landmark(entry: Entry) -> bool:
    event = entry.event
    if isinstance(event, e.TaskOpened):
        return event.step is not None
    return isinstance(event, e.TouchSent | e.StepSkipped | e.BranchTaken | e.Finished)


def _is_what(event: e.Event, expected: Expected) -> bool:
    kinds = {"email": e.TouchSent, "task": e.TaskOpened, "skipped": e.StepSkipped, "branch": e.BranchTaken}
    if expected.kind == "finished":
        return isinstance(event, e.Finished)
    return isinstance(event, kinds[expected.kind]) and event.step == expected.step


def _instant(entry: Entry) -> datetime:
    return entry.event.sent_at if isinstance(entry.event, e.TouchSent) else entry.at
