"""Asks `why` about everybody, and compares what it foretold with what came.

For tests/integration/test_why_month.py. A time that was not kept has to be explained by a surprise that was recorded
after the question; what was said before it is not judged, what is said after it is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outlook import Expected
from sequencer.core.reason import Reason
from sequencer.engine.mailbox_turns import MailboxTurns
from sequencer.engine.why import Standing, Why, why
from sequencer.engine.why_words import sentence
from sequencer.store import reads
from sequencer.store.log import Entry
from tests.integration.month import Month, Surprise
from tests.integration.month_town import Villager, is_calm

TICK = timedelta(seconds=5)
# Gates whose rule is written in a file.
_WRITTEN = ("wait", "branch", "window", "rep away", "rep capacity", "limits", "inbox", "text", "task")
# Pauses by `on` of a sequence; one that does not write it has it by default, and then there is no line.
_REACTIONS = (Reason.AWAY, Reason.ACCOUNT, Reason.OWNER_WROTE)


@dataclass(frozen=True, slots=True)
class Foretold:
    """What `why` said of one enrollment's next touch."""

    asked_at: datetime
    after_event: int
    key: int
    expected: Expected
    at: datetime
    said: str


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
        asked = f"{one.asked_at:%a %d %H:%M}{' (calm)' if is_calm(one.asked_at) else ''}"
        told = f"{one.expected.kind} {one.expected.step} at {one.at:%a %d %b %H:%M:%S}"
        return f"{self.kind} {self.cause}: enrollment {one.key} asked {asked}: {told}; {came}; {one.said}"


@dataclass(slots=True)
class Asks:
    """`shares`: which share of those who are inside is asked about at each instant, and of those who are not a tenth.

    All whose mail a server put off are asked about. `nameless`: answers without a reason. `states`: how many were asked
    about in each state.
    """

    month: Month
    shares: Mapping[datetime, float]
    asked: int = 0
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    foretold: list[Foretold] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)

    def ask(self, at: datetime) -> None:
        """About everybody who is in a sequence, as `sequencer why` does."""
        month = self.month

        def read(connection: Connection) -> None:
            turns, live = MailboxTurns(connection, month.advance.around, at), set(reads.live_ids(connection))
            for one in month.villagers.values():
                share = self.shares.get(at, 0.0) / (1 if one.key in live else 10)
                if one.luck("asked", at) < share or self._was_put_off(one):
                    self._one(one, why(connection, month.advance, one.address, at, turns), at)

        month.database.read(read)

    def _was_put_off(self, one: Villager) -> bool:
        """Whether a server asked to try later, and nothing happened since: such are few, so all are asked about."""
        return any(isinstance(each.event, e.TouchDeferred) for each in self.month.happened[one.key][-2:])

    def _one(self, villager: Villager, found: Why, at: datetime) -> None:
        self.asked += 1
        log = self.month.happened[villager.key]
        skips = [(each.event.step, each.event.reason) for each in log if isinstance(each.event, e.StepSkipped)]
        passed = [one.skipped for one in found.standings] + [one.skipped for one in found.past]
        told = [(each.step, each.reason) for skipped in passed for each in skipped]
        self.states["skipped a step"] += bool(skips)
        if told != skips:
            self.nameless.append(f"{villager.address} at {at}: passed by {skips}, told {told}")
        if not found.standings:
            self.states["finished"] += 1
            if not found.past:
                self.nameless.append(f"{villager.address} at {at}: in no sequence, without a past")
        for one in found.standings:
            self._standing(one, sentence(one, found.face.name, _second, found.face.address), at)

    def _standing(self, one: Standing, said: str, at: datetime) -> None:
        self.states[one.status] += 1
        self.nameless += [f"{one.enrollment_id} at {at:%d %H:%M}: {wrong}: {said}" for wrong in _nameless(one, said)]
        self.reasons.update(str(gate.reason) for gate in one.gates if not gate.passed)
        if one.goes_at is not None:
            after = self.month.happened[one.enrollment_id][-1].id
            self.foretold.append(Foretold(at, after, one.enrollment_id, one.expected[0], one.goes_at, said))

    def verdicts(self) -> Iterator[Verdict]:
        for one in self.foretold:
            if one.at < self.month.clock.now():
                yield self._verdict(one)

    def _verdict(self, one: Foretold) -> Verdict:
        after = (entry for entry in self.month.happened[one.key] if entry.id > one.after_event)
        came = next((entry for entry in after if _is_landmark(entry)), None)
        ended = self.month.clock.now() if came is None else came.at
        own = next(self._surprises(one, max(min(ended, one.at), one.asked_at), own=True), None)
        if own is not None:
            return Verdict(one, "surprised", f"own {own.what}", came)
        kept = came is not None and _is_what(came.event, one.expected)
        if came is not None and kept and _instant(came) == one.at:
            return Verdict(one, "exact", "", came)
        other = next(self._surprises(one, max(ended, one.at), own=False), None)
        if other is not None:
            return Verdict(one, "moved", f"by {other.what}", came)
        if came is not None and kept and abs(_instant(came) - one.at) <= TICK:
            return Verdict(one, "tick", "", came)
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


def _second(at: datetime) -> str:
    return f"{at:%a %d %b %H:%M:%S}"


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
        if gate.name in ("account", "paused") and gate.reason in _REACTIONS and not gate.place.path:
            yield f"{gate.name} ({gate.reason}) names no file"
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
    match event:
        case e.TouchSent(step=step):
            return (expected.kind, expected.step) == ("email", step)
        case e.TaskOpened(step=step):
            return (expected.kind, expected.step) == ("task", step)
        case e.StepSkipped(step=step):
            return (expected.kind, expected.step) == ("skipped", step)
        case e.BranchTaken(step=step):
            return (expected.kind, expected.step) == ("branch", step)
    return isinstance(event, e.Finished) and expected.kind == "finished"


def _instant(entry: Entry) -> datetime:
    return entry.event.sent_at if isinstance(entry.event, e.TouchSent) else entry.at
